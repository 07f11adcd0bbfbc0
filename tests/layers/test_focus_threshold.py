"""What is never in focus in layers, and the threshold that can be moved after the run."""

import numpy as np
import pytest

from napari_umis_fusion import LayerPlan, fuse, iter_fuse_layer
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files import RUN_KEY

QUICK = {"focus_measure": "laplacian", "window_sigma_px": 1.0}
OUTPUTS = ("all_in_focus", "depth_map", "focus_map", "never_in_focus")


def half_empty(times=1, seed=0):
    """Return stacks (T, Z, Y, X) with detail on the left alone, at plane 2."""
    rng = np.random.default_rng(seed)
    stack = np.full((times, 5, 40, 64), 100.0)
    stack += rng.normal(0, 0.5, stack.shape)
    for z in range(5):
        detail = rng.normal(0, 60, (times, 40, 32)) / (1 + 4 * abs(z - 2))
        stack[:, z, :, :32] += detail
    return np.clip(stack, 0, 255).astype(np.uint8)


def finished(stack, labels="tzyx", **options):
    scale = [2.0 if axis == "z" else 1.0 for axis in labels]
    attributes = {"name": "cells", "axis_labels": tuple(labels), "scale": scale}
    units = tuple("pixel" if axis == "t" else "um" for axis in labels)
    layer = stack, {**attributes, "units": units}
    options = {"outputs": OUTPUTS, **QUICK, **options}
    *_, event = iter_fuse_layer(layer, **options)
    made = {item[1]["metadata"][RUN_KEY]["output"]: item for item in event.layers}
    return event, made


@pytest.mark.parametrize("fill", ["decided", "around", "none"])
@pytest.mark.parametrize("labels", ["tzyx", "txyz"])
def test_layers_are_those_of_each_stack(fill, labels):
    stack = half_empty(times=2)
    turned = stack.transpose([("tzyx").index(axis) for axis in labels])
    event, made = finished(turned, labels, depth_fill=fill)
    (threshold,) = event.thresholds
    for t, one in enumerate(stack):
        result = fuse(one, **QUICK)
        shown = [made[kind][0][t] for kind in ("never_in_focus", "depth_map", "focus_map")]
        never, depth, focus = (part.T if labels == "txyz" else part for part in shown)
        assert 0.3 < result.never_in_focus().mean() < 0.6
        np.testing.assert_array_equal(never, result.never_in_focus())
        np.testing.assert_array_equal(focus, result.focus_map)
        wanted = result.depth_map(2.0, never_in_focus=fill)
        np.testing.assert_allclose(depth, wanted, rtol=1e-6)
        assert np.isnan(depth).any() == (fill == "none")
    marks = threshold.marks()
    np.testing.assert_array_equal(marks, made["never_in_focus"][0])
    np.testing.assert_array_equal(threshold.depth_at(marks), made["depth_map"][0])
    assert made["never_in_focus"][2] == "labels"


def test_another_threshold_needs_no_fusion_and_forgets_nothing():
    event, made = finished(half_empty()[0], "zyx", depth_fill="none")
    (threshold,) = event.thresholds
    low, high = threshold.bounds()
    shares = [threshold.marks(cut).mean() for cut in (0.0, low, threshold.automatic(), high * 2)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    everything = threshold.depth_at(threshold.marks(high * 2))
    assert np.isnan(everything).all()
    whole = threshold.depth_at(threshold.marks(0.0))
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(whole, threshold.depth)
    seen = made["depth_map"][0]
    np.testing.assert_array_equal(seen[np.isfinite(seen)], whole[np.isfinite(seen)])


def test_flat_stacks_have_no_bounds_and_no_marks():
    event, made = finished(np.full((3, 8, 9), 7, np.uint8), "zyx")
    (threshold,) = event.thresholds
    assert threshold.bounds() is None
    assert threshold.automatic() == 0
    assert not made["never_in_focus"][0].any()


def test_each_channel_has_its_own():
    stack = np.stack([half_empty(seed=1)[0], half_empty(seed=2)[0][..., ::-1]])
    layers = [
        (part, {"name": f"c{k}", "axis_labels": tuple("zyx")}) for k, part in enumerate(stack)
    ]
    *_, event = iter_fuse_layer(layers, outputs=OUTPUTS, each_channel=True, **QUICK)
    left, right = (one.marks()[:, :20].mean() for one in event.thresholds)
    assert left < 0.3
    assert right > 0.7


def test_the_record_tells_what_stands_there():
    _, made = finished(half_empty()[0], "zyx", depth_fill="around")
    assert made["depth_map"][1]["metadata"][RUN_KEY]["plan"]["depth_fill"] == "around"
    with pytest.raises(ConfigError, match="accepted are decided, around, none"):
        LayerPlan(depth_fill="zero")
