"""Slabs of a stack that was fused: previewed at once, and fused as the layer was."""

from dataclasses import replace

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, LayerPlan, fuse, fuse_layer, iter_fuse_layer
from napari_umis_fusion.errors import ConfigError, DeviceError
from napari_umis_fusion.fusion import _kept_focus
from napari_umis_fusion.fusion.blocks import _memory
from napari_umis_fusion.layers import RetouchedLayers, Slabs
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.runtime import Workers, run_to_end
from napari_umis_fusion.synthetic import make_stack

STACK = make_stack("bumps", (48, 64), planes=9, noisy=True, channels=None).stack
FAST = FusionConfig("laplacian")
SIZES = {"scale": (2, 0.5, 0.5), "units": ("um",) * 3, "axis_labels": ("z", "y", "x")}


def fused(layer, config=FAST, plan=None, **options):
    return list(iter_fuse_layer(layer, config, plan, **options))[-1]


def same(one, other):
    assert len(one) == len(other)
    for (data, made, kind), (expected, described, _) in zip(one, other, strict=True):
        assert kind == "image"
        np.testing.assert_array_equal(data, expected)
        for name in ("name", "axis_labels", "units"):
            assert made[name] == described[name]
        np.testing.assert_allclose(made["translate"], described["translate"])


@pytest.mark.parametrize("planes", [(2, 6), (0, 8), (4, 5)])
def test_what_is_fused_is_the_fusion_of_these_planes(planes):
    layer = STACK, {"name": "hills", **SIZES}
    slabs = Slabs(fused(layer), {})
    made = run_to_end(slabs.iter_fuse(*planes))
    same(made, fuse_layer(layer, FAST, planes=planes, outputs=("all_in_focus",)))


def test_of_a_time_series_the_entries_that_are_shown_and_channels_apart():
    movie = np.stack([STACK, STACK[::-1]])
    channels = np.stack([movie, 255 - movie], axis=1)
    layer = channels, {"name": "movie", "axis_labels": ("t", "c", "z", "y", "x")}
    event = fused(layer, each_channel=True, planes=(1, 7))
    slabs = Slabs(event, {0: 1, 1: 0, 2: 5, 3: 0, 4: 0})
    assert slabs.planes == range(1, 8)
    plan = LayerPlan(each_channel=True, planes=(2, 4), index={0: 1}, outputs=("all_in_focus",))
    expected = fuse_layer(layer, FAST, plan)
    same(run_to_end(slabs.iter_fuse(2, 4)), expected)
    assert not slabs.is_measured
    run_to_end(slabs.iter_measure())
    assert slabs.is_measured
    shown = run_to_end(slabs.iter_preview(2, 4))
    assert [data.shape for data, _, _ in shown] == [data.shape for data, _, _ in expected]


def test_a_preview_that_does_not_fit_into_the_memory_is_refused(monkeypatch):
    slabs = Slabs(fused((STACK, {"name": "hills", **SIZES})), {})
    monkeypatch.setattr(_memory, "free_memory_mb", lambda: 20.0)
    text = r"a preview of slabs needs about \d+ MB of memory .* and 20 MB are free; close other"
    with pytest.raises(DeviceError, match=text):
        run_to_end(slabs.iter_measure())
    assert not slabs.is_measured


@pytest.mark.parametrize("blend", ["weighted", "select"])
def test_planes_chosen_by_hand_count_where_they_lie_in_the_slab(blend):
    movie = np.stack([STACK, STACK[::-1]])
    layer = movie, {"name": "movie", "axis_labels": ("t", "z", "y", "x")}
    event = fused(layer, FAST.replace(blend=blend))
    chosen = np.zeros((2, *STACK.shape[1:]), np.uint8)
    chosen[1, 10:20, 10:30], chosen[1, 30:40, 30:50] = 4 + 1, 8 + 1
    RetouchedLayers.of(event).follow(chosen, {0: 1})
    slabs = Slabs(event, {0: 1, 1: 0, 2: 0, 3: 0})
    ((made, *_),) = run_to_end(slabs.iter_fuse(2, 6))
    expected = fuse(movie[1], FAST.replace(blend=blend), planes=(2, 6), overrides=chosen[1] % 9)
    np.testing.assert_array_equal(made, expected.all_in_focus)
    np.testing.assert_array_equal(made[10:20, 10:30], movie[1, 4, 10:20, 10:30])


@pytest.mark.parametrize("measure", ["laplacian", "learned"])
def test_the_preview_is_what_is_decided_before_it_is_verified(measure):
    config = FusionConfig(measure, blend="select", verification="none", islands="keep")
    layer = STACK, {"name": "hills", **SIZES}
    slabs = Slabs(fused(layer, config), {})
    events = list(slabs.iter_measure())
    assert [event.share for event in events] == sorted(event.share for event in events)
    for planes in ((0, 8), (2, 5), (3, 3)):
        ((preview, made, _),) = run_to_end(slabs.iter_preview(*planes))
        ((exact, described, _),) = run_to_end(slabs.iter_fuse(*planes))
        np.testing.assert_allclose(made["translate"], described["translate"])
        # Focus is kept in 16 bits, and 'learned' sees other planes at the ends of a slab.
        assert (preview == exact).mean() > (0.98 if measure == "laplacian" else 0.8)
        assert psnr(preview, exact.astype(float), data_range=255) > 28


def test_a_preview_takes_no_more_threads_than_are_asked_for(monkeypatch):
    slabs = Slabs(fused((STACK, {"name": "hills", **SIZES}), FAST.replace(threads=1)), {})
    run_to_end(slabs.iter_measure())
    asked = []

    def make(threads=0):
        asked.append(threads)
        return Workers(threads)

    monkeypatch.setattr(_kept_focus, "Workers", make)
    run_to_end(slabs.iter_preview(2, 5))
    assert asked == [1]


def test_planes_stay_aligned_as_they_were_with_all_of_them():
    moved = np.stack([np.roll(plane, z, axis=1) for z, plane in enumerate(STACK)])
    layer = moved, {"name": "hills", **SIZES}
    event = fused(layer, FAST.replace(align="translation"))
    slabs = Slabs(event, {})
    ((whole, *_),) = [one for one in event.layers if one[1]["name"].endswith("all-in-focus")]
    ((slab, *_),) = run_to_end(slabs.iter_fuse(5, 8))
    run_to_end(slabs.iter_measure())
    ((preview, *_),) = run_to_end(slabs.iter_preview(5, 8))
    assert slab.shape == preview.shape == whole.shape
    assert whole.shape[1] < STACK.shape[2]  # cropped, as the planes moved
    sharp = run_to_end(slabs.iter_fuse(0, 8))[0][0]
    assert psnr(sharp, whole.astype(float), data_range=255) > 35


def test_nan_is_left_out_and_planes_that_were_not_fused_are_refused():
    holes = STACK.astype(np.float32)
    holes[3, :10] = np.nan
    slabs = Slabs(fused((holes, SIZES), FAST.replace(nan_policy="ignore")), {})
    run_to_end(slabs.iter_measure())
    ((shown, *_),) = run_to_end(slabs.iter_preview(2, 4))
    assert np.isfinite(shown).all()
    with pytest.raises(ConfigError, match=r"planes=\(2, 9\); accepted are planes 0 to 8"):
        run_to_end(slabs.iter_fuse(2, 9))
    with pytest.raises(ConfigError, match="two planes or more"):
        Slabs(replace(fused((STACK, SIZES)), outputs=()), {})
