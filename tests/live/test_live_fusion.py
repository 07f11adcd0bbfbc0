"""Fusion while planes arrive: the same result, nothing lost, nothing invented."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.errors import ConfigError, LiveError, StackError
from napari_umis_fusion.live import (
    Field,
    FieldFailed,
    FieldFinished,
    FieldProgress,
    FieldStarted,
    FieldUpdated,
    LiveFusion,
    LiveWaiting,
)
from napari_umis_fusion.live import _fusion_loop as module
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.synthetic import make_stack

QUICK = FusionConfig(focus_measure="laplacian", verification="none", threads=2)


def planes_of(count=6, side=72, seed=0, dtype=np.uint16):
    stack = make_stack("fluorescence", (side, side), planes=count, channels=None, seed=seed).stack
    return (stack.astype(np.float64) / stack.max() * 4000 + 100).astype(dtype)


def sent(live, planes, axes=(), pause_s=0.0):
    """Send planes from another thread, as a camera does."""

    def send():
        for z, plane in enumerate(planes):
            live.add(plane, {**dict(axes), "z": z}, z_um=2.0 + 0.5 * z, pixel_size_um=0.25)
            time.sleep(pause_s)
        live.finish()

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "options",
    [
        {"focus_measure": "laplacian"},
        {"focus_measure": "laplacian", "blend": "select", "verification": "mode"},
        {"focus_measure": "learned"},
        {"focus_measure": "learned", "blend": "select"},
        {"focus_measure": "laplacian", "align": "translation", "verification": "none"},
    ],
    ids=lambda options: "-".join(options.values()),
)
def test_result_equals_that_of_the_saved_stack(options):
    planes = planes_of()
    live = LiveFusion(**options)
    thread = sent(live, planes)
    (result,) = live.results().values()
    thread.join()
    wanted = fuse(planes, **options)
    for name in ("all_in_focus", "index_map", "sub_plane_map", "confidence_map", "focus_map"):
        np.testing.assert_array_equal(getattr(result, name), getattr(wanted, name), name)
    assert result.notes == wanted.notes
    assert result.calibration.z_step_um == 0.5
    assert result.calibration.pixel_width_um == 0.25


def planned(count):
    """Return the events of a run, as a plan of useq has them."""
    return [SimpleNamespace(index={"z": z}, action=None) for z in range(count)]


KINDS = "plain", "8 bit", "pattern", "mosaic", "blank", "short"


@pytest.mark.parametrize(
    ("kind", "focus_measure"),
    [*((kind, "laplacian") for kind in KINDS), ("blank", "learned")],
)
def test_fusion_that_begins_before_the_last_plane_gives_the_same_result(kind, focus_measure):
    planes = planes_of(8, side=96, dtype=np.uint8 if kind == "8 bit" else np.uint16)
    rng = np.random.default_rng(0)
    if kind == "pattern":
        planes = planes + (rng.random((96, 96)) * 200).astype(np.uint16)
    elif kind == "mosaic":
        planes[:, ::2, ::2] //= 3
        planes[:, 1::2, 1::2] //= 2
    elif kind == "blank":
        planes[4] = 100
    live = LiveFusion(focus_measure=focus_measure)
    live.sequenceStarted(planned(len(planes)))
    kept = planes[:-1] if kind == "short" else planes
    steps, ahead = live.events(), 0
    for z, plane in enumerate(kept):
        live.add(plane, {"z": z}, z_um=float(z))
        while z < 7 and len(live.gained(Field())[1]) <= z:  # a picture first
            next(steps)
        ahead += sum(isinstance(next(steps), FieldProgress) for _ in range(3))
    assert ahead > 0
    live.sequenceFinished(None)
    seen = []
    run_to_end(steps, seen.append)
    (done,) = [event for event in seen if isinstance(event, FieldFinished)]
    wanted = fuse(kept, focus_measure=focus_measure)
    assert wanted.notes == done.result.notes
    assert {"pattern": "fixed_pattern", "mosaic": "mosaic"}.get(kind, "stack") in wanted.provenance
    for name in ("all_in_focus", "index_map", "sub_plane_map", "confidence_map", "focus_map"):
        np.testing.assert_array_equal(getattr(done.result, name), getattr(wanted, name), name)
    assert done.result.calibration.z_step_um == 1
    assert done.result.health == wanted.health


@pytest.mark.parametrize("how", ["closed generator", "closed fusion"])
def test_fusion_that_waits_for_planes_can_be_abandoned(how):
    before = threading.active_count()
    planes = planes_of(6)
    live = LiveFusion(QUICK)
    live.sequenceStarted(planned(6))
    for z, plane in enumerate(planes[:4]):
        live.add(plane, {"z": z})
    steps = live.events()
    while not isinstance(next(steps), FieldProgress):
        pass
    next(steps)
    if how == "closed fusion":
        live.close()
        assert run_to_end(steps).finished == ()
    steps.close()
    assert threading.active_count() == before


def test_picture_grows_while_planes_arrive():
    planes = planes_of(5)
    live = LiveFusion(QUICK, refresh_s=0)
    steps = live.events()
    seen = []
    for z, plane in enumerate(planes):
        live.add(plane, {"z": z}, z_um=0.5 * z)
        while not (
            seen and isinstance(seen[-1], FieldUpdated) and seen[-1].picture.planes == z + 1
        ):
            seen.append(next(steps))
        assert live.snapshot(Field()) is seen[-1].picture
        depths = seen[-1].depth_map()
        assert depths.max() <= 0.5 * z if z else not depths.any()
    assert isinstance(seen[0] if isinstance(seen[0], FieldStarted) else seen[1], FieldStarted)
    # Apart from the range of grey levels, of which only the first plane tells beforehand.
    wanted = fuse(planes, QUICK)
    # And from the plane through the peaks around, which all of them are needed for.
    off = np.abs(seen[-1].picture.sub_plane_map - wanted.sub_plane_map)
    assert np.median(off) < 0.01
    assert off.max() < 0.5
    np.testing.assert_allclose(seen[-1].picture.all_in_focus, wanted.all_in_focus, atol=1)
    live.finish()
    summary = run_to_end(steps, seen.append)
    assert summary.finished == (Field(),)
    assert summary.frames == 5
    assert live.snapshot(Field()) is None


def test_fields_are_told_apart_by_all_axes_but_z():
    one, other = planes_of(4, seed=1), planes_of(4, seed=2)
    live = LiveFusion(QUICK)
    for z in range(4):  # channels inside z
        live.add(one[z], {"t": 0, "z": z, "c": 0})
        live.add(other[z], {"t": 0, "z": z, "c": 1})
    live.finish()
    results = live.results()
    assert [field.name for field in results] == ["t000_c000", "t000_c001"]
    for planes, result in zip((one, other), results.values(), strict=True):
        np.testing.assert_array_equal(result.all_in_focus, fuse(planes, QUICK).all_in_focus)


def test_a_plane_that_comes_again_begins_another_sweep():
    live = LiveFusion(QUICK)
    for _ in range(2):
        for z, plane in enumerate(planes_of(3)):
            live.add(plane, {"z": z})
    live.finish()
    assert list(live.results()) == [Field(), Field(repeat=1)]


def test_order_of_arrival_does_not_matter_and_gaps_are_told():
    planes = planes_of(6)
    live = LiveFusion(QUICK)
    for z in (5, 0, 4, 1, 3):
        live.add(planes[z], {"z": z}, z_um=float(z))
    live.finish()
    (done,) = [event for event in live.events() if isinstance(event, FieldFinished)]
    kept = planes[[0, 1, 3, 4, 5]]
    np.testing.assert_array_equal(done.result.index_map, fuse(kept, QUICK).index_map)
    assert done.result.calibration.z_positions_um == (0, 1, 3, 4, 5)
    assert any("planes 2 never arrived" in note for note in done.notes)


def test_frames_beyond_the_memory_wait_on_disk():
    planes = planes_of(8)
    live = LiveFusion(QUICK, frames_mb=2.5 * planes[0].nbytes / 2**20)
    for z, plane in enumerate(planes):
        live.add(plane, {"z": z})
    seen, steps = [], live.events()
    while not (seen and isinstance(seen[-1], LiveWaiting)):
        seen.append(next(steps))
    assert seen[-1].on_disk
    assert seen[-1].frames == 8
    live.finish()
    run_to_end(steps, seen.append)
    (done,) = [event for event in seen if isinstance(event, FieldFinished)]
    np.testing.assert_array_equal(done.result.all_in_focus, fuse(planes, QUICK).all_in_focus)


def test_camera_that_changes_its_region_fails_that_field_only():
    planes = planes_of(3)
    live = LiveFusion(QUICK)
    live.add(planes[0], {"t": 0, "z": 0})
    with pytest.raises(StackError, match=r"accepted are planes of one size.*during a sweep"):
        live.add(planes[1][:40], {"t": 0, "z": 1})
    live.add(planes[2], {"t": 0, "z": 2})  # of a field that has failed: no field of its own
    for z, plane in enumerate(planes):
        live.add(plane, {"t": 1, "z": z})
    live.finish()
    ends = [e for e in live.events() if isinstance(e, FieldFinished | FieldFailed)]
    assert [(type(e), e.field.name) for e in ends] == [
        (FieldFailed, "t000"),
        (FieldFinished, "t001"),
    ]
    assert "t000 cannot be fused: plane 1" in ends[0].message


def test_results_raise_what_failed():
    live = LiveFusion(QUICK)
    live.add(np.zeros((8, 8), np.complex64), {"z": 0})
    live.finish()
    with pytest.raises(LiveError, match="complex64"):
        live.results()


def test_frames_without_z_are_counted_and_told():
    live = LiveFusion(QUICK)
    live.add(planes_of(3)[0], {"t": 0})
    live.finish()
    summary = run_to_end(live.events())
    assert summary.finished == ()
    assert "1 frames belong to no z-stack" in summary.notes[0]


def test_one_plane_is_returned_as_it_is():
    (plane,) = planes_of(3)[:1]
    live = LiveFusion(QUICK)
    live.add(plane, {"z": 0})
    live.finish()
    (result,) = live.results().values()
    np.testing.assert_array_equal(result.all_in_focus, plane)


def test_yields_while_nothing_arrives_and_ends_when_closed(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.001)
    live = LiveFusion(QUICK)
    steps = live.events()
    assert all(isinstance(next(steps), LiveWaiting) for _ in range(3))
    live.close()
    assert run_to_end(steps).frames == 0


@pytest.mark.parametrize("after", [1, 4, 9, 20])
def test_can_be_abandoned_anywhere(after):
    before = threading.active_count()
    live = LiveFusion(QUICK, refresh_s=0, frames_mb=0)
    thread = sent(live, planes_of(4))
    thread.join()
    steps = live.events()
    for _ in range(after):
        next(steps, None)
    steps.close()
    assert threading.active_count() == before
    live.add(planes_of(3)[0], {"z": 0})  # the camera may go on
    assert live.snapshot(Field()) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"refresh_s": -1}, "refresh_s=-1; accepted is 0 s or more"),
        ({"frames_mb": -1}, "frames_mb=-1"),
        ({"runs": 0}, "runs=0; accepted is None, or 1 or more"),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(ConfigError, match=message):
        LiveFusion(**options)


def test_events_are_for_one_loop():
    live = LiveFusion(QUICK)
    live.finish()
    run_to_end(live.events())
    with pytest.raises(ConfigError, match="twice"):
        next(live.events())


@pytest.mark.parametrize("seed", range(6))
def test_noise_gains_nothing_and_new_detail_does(seed):
    rng = np.random.default_rng(seed)
    noise = rng.normal(1000, 20, (14, 96, 96))
    detail = rng.normal(0, 300, (96, 96))
    strength = np.array([0, 0, 0, 0, 0, 0, 0, 0.1, 0.3, 1, 0.3, 0.1, 0, 0])
    planes = noise + strength[:, None, None] * detail
    live = LiveFusion(QUICK, refresh_s=0)
    steps = live.events()
    for z, plane in enumerate(planes.astype(np.uint16)):
        live.add(plane, {"z": z})
    while len(live.gained(Field())[1]) < 14:
        next(steps)
    arrived, gains = live.gained(Field())
    steps.close()
    assert arrived == 14
    assert max(gains[3:7]) < 0.0005
    assert max(gains[8:10]) > 0.2
    assert max(gains[11:]) < 0.0005


def test_frames_after_the_end_are_not_waited_for():
    live = LiveFusion(QUICK)
    live.finish()
    live.add(planes_of(3)[0], {"z": 0})
    assert run_to_end(live.events()).frames == 0


def test_frames_from_several_threads_while_pictures_are_made():
    planes = planes_of(30, side=64)
    live = LiveFusion(QUICK, refresh_s=0)
    threads = [sent_part(live, planes, part) for part in range(3)]
    seen, steps = [], live.events()
    while any(thread.is_alive() for thread in threads):
        seen.append(next(steps))
    live.finish()
    run_to_end(steps, seen.append)
    (done,) = [event for event in seen if isinstance(event, FieldFinished)]
    np.testing.assert_array_equal(done.result.index_map, fuse(planes, QUICK).index_map)


def sent_part(live, planes, part):
    def send():
        for z in range(part, len(planes), 3):
            live.add(planes[z], {"z": z}, z_um=float(z))

    thread = threading.Thread(target=send)
    thread.start()
    return thread
