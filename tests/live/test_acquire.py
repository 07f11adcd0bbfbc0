"""Runs on the simulated microscope and on Micro-Manager's demo devices."""

import contextlib
import json
import threading

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.errors import ConfigError, LiveError, StackFileError
from napari_umis_fusion.files.read import open_stack
from napari_umis_fusion.live import (
    FieldFailed,
    FieldFinished,
    FieldUpdated,
    KeepConfig,
    LiveFusion,
    LiveWaiting,
    RunFinished,
    RunStarted,
    SweepPlan,
    acquire,
    iter_acquire,
    simulated_core,
)
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.training.data import TrainingData, collect_images

QUICK = FusionConfig(focus_measure="laplacian", verification="none", threads=2)
PLAN = SweepPlan(range_by="top_bottom", top_um=12, bottom_um=0, step_um=4)


@pytest.fixture
def core():
    made = simulated_core(shape=(80, 96), exposure_ms=1)
    yield made
    assert not made.mda.is_running()
    assert [t.name for t in threading.enumerate() if t.name.startswith("umis-fusion")] == []


def events_of(steps):
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


@pytest.mark.parametrize(
    ("kind", "name"), [("ome-tiff", "stack.ome.tiff"), ("ome-zarr", "stack.ome.zarr")]
)
def test_what_is_kept_fuses_to_the_same_result(core, tmp_path, kind, name):
    core.setPosition("Focus", 5.0)
    keep = KeepConfig(folder=str(tmp_path), format=kind)
    steps = iter_acquire(core, PLAN, QUICK, keep=keep)
    seen, (run,) = events_of(steps)
    assert isinstance(seen[0], RunStarted)
    assert run is seen[-1]
    (done,) = [event for event in seen if isinstance(event, FieldFinished)]
    assert run.files == (tmp_path / "run_0001" / name,)
    if kind == "ome-tiff":
        saved = open_stack(run.files[0])
        assert saved.calibration.z_step_um == 4
        assert saved.calibration.pixel_width_um == core.getPixelSizeUm()
        planes = np.stack(list(saved))
    else:
        import zarr

        planes = np.asarray(zarr.open_group(run.files[0], mode="r")["0"])
    assert planes.shape == (4, 80, 96)
    assert planes.mean(axis=(1, 2)).min() > 101  # the camera's offset is 100: none is dark
    wanted = fuse(planes, QUICK)
    np.testing.assert_array_equal(done.result.all_in_focus, wanted.all_in_focus)
    np.testing.assert_array_equal(done.result.sub_plane_map, wanted.sub_plane_map)
    about = json.loads((run.folder / "run.json").read_text("utf-8"))
    assert about["state"] == "complete"
    assert about["fields"]["sweep"]["planes"] == 4
    assert about["fields"]["sweep"]["fusion"]["config"]["focus_measure"] == "laplacian"
    assert (run.folder / "plan.yaml").read_text("utf-8").count("step")
    assert (run.folder / "sweep_depth.ome.tif").exists()
    assert core.getPosition("Focus") == pytest.approx(5.0)
    assert not core.getShutterOpen()
    assert not hasattr(core.mda.engine, "abandoned")  # it is the core's own again


@pytest.mark.parametrize("is_auto", [True, False])
def test_no_plane_is_dark_and_the_shutter_is_left_as_it_was(core, is_auto):
    from useq import MDASequence

    core.setAutoShutter(is_auto)
    core.setShutterOpen(True)
    plan = MDASequence(z_plan={"top": 12, "bottom": 0, "step": 4})  # closes it after each plane
    seen, _ = events_of(iter_acquire(core, plan, QUICK))
    (done,) = [event for event in seen if isinstance(event, FieldFinished)]
    assert not [note for note in done.result.notes if "left out" in note]
    assert (core.getAutoShutter(), core.getShutterOpen()) == (is_auto, not is_auto)


def test_plan_on_disk_is_that_of_the_run(core, tmp_path):
    from useq import MDASequence

    (run,) = acquire(core, PLAN, QUICK, keep=KeepConfig(folder=str(tmp_path)))
    again = MDASequence.from_file(run.folder / "plan.yaml")
    assert [event.z_pos for event in again] == [0, 4, 8, 12]


def test_runs_never_overwrite_each_other(core, tmp_path):
    keep = KeepConfig(folder=str(tmp_path), name="beads")
    runs = acquire(core, PLAN.replace(direction="both"), QUICK, keep=keep)
    assert [run.folder.name for run in runs] == ["beads_0001", "beads_0002"]
    (again,) = acquire(core, PLAN, QUICK, keep=keep)
    assert again.folder.name == "beads_0003"


def test_positions_and_time_points_are_fields_of_one_run(core):
    from useq import MDASequence

    base = MDASequence(time_plan={"interval": 0, "loops": 2}, axis_order="tz")
    seen, _ = events_of(iter_acquire(core, PLAN, QUICK, base=base))
    names = [event.field.name for event in seen if isinstance(event, FieldFinished)]
    assert names == ["t000", "t001"]


def test_collected_stacks_are_files_of_their_own(tmp_path):
    from useq import MDASequence

    core = simulated_core(shape=(192, 200))  # a training needs some detail
    base = MDASequence(time_plan={"interval": 0, "loops": 2}, axis_order="tz")
    keep = KeepConfig(folder=str(tmp_path), collect=True)
    for _ in range(2):
        acquire(core, PLAN, QUICK, base=base, keep=keep)
    names = sorted(path.name for path in tmp_path.glob("*.ome.tif"))
    assert names == [f"run_000{run}_t00{time}.ome.tif" for run in (1, 2) for time in (0, 1)]
    data = TrainingData(stacks=tuple(sorted(tmp_path.glob("*.ome.tif"))))
    assert len(collect_images(data)) > 0  # as a training takes them
    saved = open_stack(tmp_path / names[0])
    assert saved.shape == (4, 192, 200)
    assert saved.calibration.z_step_um == 4


def test_sweep_stops_early_once_nothing_comes_into_focus(core, tmp_path):
    # The scene reaches from 0 to 28 µm.
    plan = PLAN.replace(top_um=120, stop_after=3)
    keep = KeepConfig(folder=str(tmp_path), format="ome-tiff")
    (run,) = acquire(core, plan, QUICK, keep=keep)
    assert run.skipped > 10
    taken = 31 - run.skipped
    assert taken >= 28 / 4
    about = json.loads((run.folder / "run.json").read_text("utf-8"))
    assert about["fields"]["sweep"]["planes"] == taken
    assert len(open_stack(run.files[0])) == taken


def test_sweep_covers_the_range_that_is_asked_for(core):
    plan = PLAN.replace(bottom_um=60, top_um=160, stop_after=2, covered_um=60)
    (run,) = acquire(core, plan, QUICK)
    assert run.summary.frames >= 60 / 4 + 1
    assert run.skipped > 0


def test_canceled_run_is_fused_as_far_as_it_came(core, tmp_path):
    plan = PLAN.replace(top_um=400)
    steps = iter_acquire(core, plan, QUICK, keep=KeepConfig(folder=str(tmp_path)), refresh_s=0)
    seen = []
    for event in steps:
        seen.append(event)
        if isinstance(event, FieldUpdated):
            core.mda.cancel()
    (done,) = [event for event in seen if isinstance(event, FieldFinished)]
    assert 1 <= len(done.result.health) < 100
    assert any("of 101 planes arrived" in note for note in done.notes)
    run = seen[-1]
    assert json.loads((run.folder / "run.json").read_text("utf-8"))["state"].startswith("stopped")


def test_closed_generator_leaves_the_microscope_in_order(core):
    core.setPosition("Focus", 3.0)
    steps = iter_acquire(core, PLAN.replace(top_um=400), QUICK, refresh_s=0)
    for event in steps:
        if isinstance(event, FieldUpdated):
            break
    steps.close()
    assert not core.mda.is_running()
    assert core.getPosition("Focus") == pytest.approx(3.0)
    assert not core.getShutterOpen()


def test_pause_and_resume(core):
    steps = iter_acquire(core, PLAN.replace(top_um=60), QUICK, refresh_s=0)
    seen = []
    for event in steps:
        seen.append(event)
        if isinstance(event, FieldUpdated) and event.picture.planes == 2:
            core.mda.set_paused(True)
            core.mda.set_paused(False)
    assert seen[-1].summary.frames == 16


class Broken:
    """Fails at the n-th call of one method of a device."""

    def __init__(self, device, method, after, error, times=1000):
        self.count, self.after, self.error, self.until = 0, after, error, after + times
        self.own = getattr(device, method)
        setattr(device, method, self)

    def __call__(self, *arguments, **options):
        self.count += 1
        if self.after < self.count <= self.until:
            raise self.error
        return self.own(*arguments, **options)


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("snapImage", "the camera gave no picture at z="),
        ("getImage", "the camera has been unplugged"),
        ("setZPosition", "the stage refused"),
        ("waitForSystem", "the device did not answer"),
    ],
)
def test_failing_device_ends_the_run_with_what_was_taken(core, tmp_path, method, message, after):
    said = {"getImage": "the camera has been unplugged", "setZPosition": "the stage refused"}
    error = RuntimeError(said.get(method, "the device did not answer"))
    broken = Broken(core, method, after, error)
    keep = KeepConfig(folder=str(tmp_path), format="ome-tiff")
    seen = []
    with pytest.raises(LiveError, match=message):
        run_to_end(iter_acquire(core, PLAN, QUICK, keep=keep), seen.append)
    assert broken.count > after
    run = seen[-1]
    assert isinstance(run, RunFinished)
    about = json.loads((run.folder / "run.json").read_text("utf-8"))
    assert about["state"] != "complete"
    if run.summary.frames:
        assert len(open_stack(run.files[0])) == run.summary.frames
        assert [type(e) for e in seen].count(FieldFinished) == 1
    assert not core.getShutterOpen()


CALLS = (
    *("getROI", "getPosition", "getShutterDevice", "getPixelSizeUm", "getImageBufferSize"),
    *("setPosition", "setZPosition", "setShutterOpen", "setAutoShutter", "isSequenceRunning"),
    *("waitForDevice", "waitForDeviceType", "waitForSystem", "getZPosition", "hasProperty"),
)


@pytest.mark.parametrize("after", [0, 2])
def test_any_call_may_fail_and_nothing_hangs_or_is_lost(tmp_path, after):
    keep = KeepConfig(folder=str(tmp_path), format="ome-tiff", fused=False)
    for name in CALLS:
        core = simulated_core(shape=(64, 64), exposure_ms=1)
        # Once only: then the device is there again, and can be left in order.
        Broken(core, name, after, RuntimeError("unplugged"), times=1)
        seen = []
        with contextlib.suppress(LiveError):
            run_to_end(iter_acquire(core, PLAN, QUICK, keep=keep), seen.append)
        run = seen[-1]
        assert isinstance(run, RunFinished), name
        about = json.loads((run.folder / "run.json").read_text("utf-8"))
        assert (about["state"] == "complete") == (run.summary.frames == 4), name
        assert bool(run.files) == bool(run.summary.frames), name
        for file in run.files:
            assert len(open_stack(file)) == run.summary.frames, name
        if not run.notes:
            assert not core.getShutterOpen(), name
            assert core.getPosition("Focus") == pytest.approx(0), name
    assert [t.name for t in threading.enumerate() if t.name.startswith("umis-fusion")] == []


def test_core_that_is_reset_ends_the_run(core):
    steps = iter_acquire(core, PLAN.replace(top_um=400), QUICK, refresh_s=0)

    def reset(event):
        if isinstance(event, FieldUpdated):
            core.unloadAllDevices()

    with pytest.raises(LiveError, match=r"run ended after|gave no picture"):
        run_to_end(steps, reset)


@pytest.mark.parametrize("kind", ["ome-tiff", "ome-zarr"])
def test_full_disk_is_told(core, tmp_path, monkeypatch, kind):
    import ome_writers

    own = ome_writers.OMEStream.append

    def append(self, frame, **options):
        if self._frames_written == 2:
            raise OSError(28, "No space left on device")
        return own(self, frame, **options)

    monkeypatch.setattr(ome_writers.OMEStream, "append", append)
    with pytest.raises(StackFileError, match=r"after 2 frames \(the disk is full\)"):
        acquire(core, PLAN, QUICK, keep=KeepConfig(folder=str(tmp_path), format=kind))


def test_plan_that_fits_no_file_is_refused_with_a_way_out(core, tmp_path):
    from useq import MDASequence

    part = {"z_plan": {"range": 2, "step": 1}}
    plan = MDASequence(stage_positions=[{"x": 0, "y": 0, "sequence": part}])
    with pytest.raises(ConfigError, match="Collect the run instead"):
        acquire(core, plan, QUICK, keep=KeepConfig(folder=str(tmp_path)))


def test_folder_that_cannot_be_written_is_refused_before_the_run(core, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LiveError, match="Choose another folder"):
        acquire(core, PLAN, QUICK, keep=KeepConfig(folder=str(tmp_path / "file")))


@pytest.mark.parametrize("name", ["", "a/b"])
def test_name_of_a_run_is_a_name(name):
    with pytest.raises(ConfigError, match="a name without folders"):
        KeepConfig(name=name)


@pytest.mark.parametrize("options", [{"folder": 3}, {"name": 3}, {"fused": "no"}])
def test_values_of_another_kind_are_refused(options):
    ((name, value),) = options.items()
    with pytest.raises(ConfigError, match=f"^{name}={value!r}; accepted"):
        KeepConfig(**options)


def test_live_fusion_is_an_output_of_pymmcore_plus(core):
    (sequence,) = PLAN.sequences()
    live = LiveFusion(QUICK)
    thread = core.run_mda(sequence, output=live)
    (result,) = live.results().values()
    thread.join()
    assert result.calibration.z_step_um == 4


@pytest.mark.parametrize("in_hardware", [True, False])
def test_demo_devices(tmp_path, in_hardware):
    from pymmcore_plus import CMMCorePlus

    core = CMMCorePlus()
    core.loadSystemConfiguration()
    core.mda.engine.use_hardware_sequencing = in_hardware
    core.setROI(0, 0, 64, 64)
    core.setExposure(1)
    plan = SweepPlan(range_um=4, step_um=2)
    (run,) = acquire(core, plan, QUICK, keep=KeepConfig(folder=str(tmp_path), format="ome-tiff"))
    assert run.summary.frames == 3
    assert run.notes == ()
    assert len(open_stack(run.files[0])) == 3


def test_device_that_never_answers_does_not_hold_up_who_gives_up(core, monkeypatch):
    monkeypatch.setattr("napari_umis_fusion.live._microscope_run.GIVE_UP_S", 0.2)
    answers = threading.Event()
    own = core.snapImage

    def snap():
        answers.wait(30)
        own()

    core.snapImage = snap
    steps = iter_acquire(core, PLAN, QUICK)
    seen = [next(steps) for _ in range(5)]
    assert isinstance(seen[-1], LiveWaiting)  # nothing blocks meanwhile
    steps.close()
    (thread,) = [t for t in threading.enumerate() if t.name == "umis-fusion-run"]
    assert thread.daemon
    answers.set()
    thread.join(30)
    assert not core.mda.is_running()


def test_full_scratch_disk_fails_the_fusion_but_not_the_file(core, tmp_path, monkeypatch):
    def allocate(file, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_umis_fusion.runtime._scratch_memory._allocate", allocate)
    keep = KeepConfig(folder=str(tmp_path), format="ome-tiff")
    seen, (run,) = events_of(iter_acquire(core, PLAN, QUICK, keep=keep, frames_mb=0.04))
    (failed,) = [event for event in seen if isinstance(event, FieldFailed)]
    assert "the disk is full" in failed.message
    assert len(open_stack(run.files[0])) == 4


def test_stage_settles_before_each_plane(core, monkeypatch):
    waits = []
    monkeypatch.setattr(threading.Event, "wait", _noting(waits, threading.Event.wait))
    acquire(core, PLAN.replace(settle_ms=7), QUICK)
    assert waits.count(0.007) == 4


def _noting(waits, own):
    def wait(self, timeout=None):
        waits.append(timeout)
        return own(self, timeout)

    return wait
