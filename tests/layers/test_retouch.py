"""Layers that follow planes chosen by hand."""

import numpy as np
import pytest

from napari_umis_fusion import fuse, iter_fuse_layer
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.layers import LayerFinished, RetouchedLayers

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")

QUICK = {"focus_measure": "laplacian", "window_sigma_px": 1.0, "islands": "keep"}
EVERY = (
    "all_in_focus",
    "index_map",
    "depth_map",
    "depth_error_map",
    "confidence_map",
    "source_map",
    "focus_map",
)
HYPER = np.random.default_rng(3).integers(0, 256, (2, 3, 5, 24, 30)).astype(np.uint8)

CASES = {
    "one stack": ("zyx", {}),
    "x before y": ("zxy", {}),
    "thick z": ("zyx", {"keep_axes": True}),
    "copied": ("zyx", {"blend": "select"}),
    "channels together": ("czyx", {}),
    "channels apart": ("tczyx", {"each_channel": True}),
    "times": ("tzyx", {"blend": "select"}),
    "one time": ("tzyx", {"index": {0: 1}, "keep_axes": True}),
    "part": ("zyx", {"rows": (4, 20), "columns": (3, 30), "planes": (1, 3)}),
}


def fused(axes, **options):
    data = HYPER[tuple(slice(None) if axis in axes else 0 for axis in "tczyx")]
    kept = [axis for axis in "tczyx" if axis in axes]
    layer = np.moveaxis(data, [kept.index(one) for one in axes], range(len(axes)))
    steps = tuple(0.5 if axis == "z" else 1.0 for axis in axes)
    units = tuple("um" if axis in "zyx" else "pixel" for axis in axes)
    about = {"name": "cells", "axis_labels": tuple(axes), "scale": steps, "units": units}
    *_, event = iter_fuse_layer((layer, about), **{**QUICK, "outputs": EVERY, **options})
    assert isinstance(event, LayerFinished)
    return event


@pytest.mark.parametrize("case", CASES)
def test_layers_are_those_of_a_fusion_with_overrides(case):
    axes, options = CASES[case]
    event, rng = fused(axes, **options), np.random.default_rng(0)
    retouched = RetouchedLayers.of(event)
    decided = [output.array.copy() for output in retouched.outputs]
    span = retouched.stacks.span.planes
    overrides, _, kind = retouched.blank()
    assert (kind, overrides.any()) == ("labels", False)
    for _ in range(3):
        corner = [int(rng.integers(0, max(1, side - 6))) for side in overrides.shape]
        part = tuple(slice(first, first + 9) for first in corner)
        overrides[part] = rng.integers(span.start, span.stop) + 1
        for entries in retouched.all_entries():
            retouched.follow(overrides, entries)
            assert not retouched.follow(overrides, entries), "nothing has changed since"
    for entries in retouched.all_entries():
        mine = retouched.of_stack(overrides, entries)
        wanted = np.where(mine > 0, mine - span.start, 0)
        stack = retouched.stacks.stack((0, entries))
        expected = fuse(stack, event.config, overrides=wanted)
        before = fuse(stack, event.config)
        for output in retouched.outputs:
            values, its = output._values(expected), output._values(before)
            for channel in range(3) if case == "channels together" else (None,):
                is_image = output.kind == "all_in_focus"
                view = output.view(output.array, entries, channel if is_image else None)
                one = values[..., channel] if is_image and channel is not None else values
                np.testing.assert_array_equal(view, one, output.kind)
            assert not np.array_equal(values, its) or output.kind == "focus_map" or not mine.any()
    overrides[...] = 0
    for entries in retouched.all_entries():
        retouched.follow(overrides, entries)
    for output, before in zip(retouched.outputs, decided, strict=True):
        np.testing.assert_array_equal(output.array, before)
        np.testing.assert_array_equal(retouched.automatic(output), before)


def test_planes_that_were_not_fused_are_refused():
    retouched = RetouchedLayers.of(fused("zyx", planes=(1, 3)))
    overrides, _, _ = retouched.blank()
    overrides[:4] = 4 + 1
    overrides[4:8] = 0 + 1
    overrides[8:12] = 3 + 1
    decided = retouched.automatic(retouched.outputs[0])
    assert retouched.follow(overrides, {})
    assert retouched.refused == 8 * 30
    np.testing.assert_array_equal(retouched.outputs[0].array[:3], decided[:3])
    (index,) = (one.array for one in retouched.outputs if one.kind == "index_map")
    assert (index[8:12] == 3).all()


def test_what_was_decided_is_known_as_long_as_the_layers_are():
    event = fused("zyx")
    overrides, _, _ = RetouchedLayers.of(event).blank()
    decided = event.outputs[0].array.copy()
    overrides[4:12, 4:12] = 2
    RetouchedLayers.of(event).follow(overrides, {})
    again = RetouchedLayers.of(event)
    again.follow(np.zeros_like(overrides), {})
    np.testing.assert_array_equal(event.outputs[0].array, decided)


def test_a_result_without_an_image_is_refused():
    with pytest.raises(ConfigError, match="no all-in-focus image to retouch"):
        RetouchedLayers.of(fused("zyx", outputs=("index_map",)))
