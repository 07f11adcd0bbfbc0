"""Planes that are chosen by hand."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from napari_umis_fusion import fuse
from napari_umis_fusion.errors import ConfigError, StackError, StackFileError
from napari_umis_fusion.synthetic import Motion, RenderConfig, render_moving_stack

QUICK = {"focus_measure": "laplacian", "islands": "keep"}


def stack_of(seed=0, channels=(), dtype=np.uint8, planes=4):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2 if dtype is np.bool_ else 200, (planes, 40, 56, *channels))
    return values.astype(dtype)


def strokes(seed, planes=4, count=3):
    """Return rectangles of random planes, which overlap and touch the border at times."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros((40, 56), np.uint16)
    for _ in range(count):
        top, left = rng.integers(-5, 36), rng.integers(-5, 50)
        part = slice(max(top, 0), top + rng.integers(6, 20)), slice(max(left, 0), left + 12)
        chosen[part] = rng.integers(0, planes + 1)
    return chosen


@pytest.mark.parametrize("blend", ["weighted", "select"])
@pytest.mark.parametrize(
    ("channels", "dtype"),
    [((), np.uint16), ((3,), np.uint8), ((2,), np.float32), ((), np.bool_), ((), np.int32)],
)
def test_values_and_maps(blend, channels, dtype):
    for seed in range(4):
        stack, chosen = stack_of(seed, channels, dtype), strokes(seed)
        automatic = fuse(stack, **QUICK, blend=blend)
        made = fuse(stack, **QUICK, blend=blend, overrides=chosen)
        painted = chosen > 0
        planes = np.where(painted, chosen.astype(int) - 1, 0)
        copied = np.take_along_axis(
            stack, planes.reshape(1, *planes.shape, *[1] * len(channels)), axis=0
        )[0]
        np.testing.assert_array_equal(made.all_in_focus[painted], copied[painted])
        assert made.all_in_focus.dtype == dtype
        near = distance_transform_edt(~painted) < (5 if blend == "weighted" else 1)
        untouched = ~near if painted.any() else ~painted
        for name in ("all_in_focus", "index_map", "confidence_map", "focus_map"):
            one, other = getattr(made, name), getattr(automatic, name)
            np.testing.assert_array_equal(one[untouched], other[untouched])
        for name in ("index_map", "sub_plane_map", *(["source_map"] if blend == "select" else [])):
            np.testing.assert_array_equal(getattr(made, name)[painted], planes[painted])
            np.testing.assert_array_equal(
                getattr(made, name)[~painted], getattr(automatic, name)[~painted]
            )
        assert (made.confidence_map[painted] == 1).all()
        assert not made.never_in_focus()[painted].any()
        told = made.provenance["overrides"]
        assert told["pixels"] == painted.sum()
        assert told["planes"] == {str(k - 1): (chosen == k).sum() for k in np.unique(chosen) if k}


@pytest.mark.parametrize("blend", ["weighted", "select"])
def test_strokes_one_by_one_give_the_same_as_all_at_once(blend):
    for seed in range(12):
        stack, now = stack_of(seed, dtype=np.uint16), np.zeros((40, 56), np.uint16)
        stack = stack * np.uint16(1 + 100 * (seed % 2))
        automatic = result = fuse(stack, **QUICK, blend=blend)
        for step in range(4):
            more = strokes(100 * seed + step, count=1)
            now = np.where(more > 0, more, now) if step < 3 else np.where(more > 0, 0, now)
            result = result.with_overrides(stack, now)
        at_once = automatic.with_overrides(stack, now)
        for name in ("all_in_focus", "index_map", "sub_plane_map", "confidence_map"):
            np.testing.assert_array_equal(getattr(result, name), getattr(at_once, name))
        erased = result.with_overrides(stack, np.zeros_like(now))
        assert erased is automatic
        assert erased.with_overrides(stack, np.zeros_like(now)) is automatic


@pytest.mark.parametrize(("step", "reach"), [(0.01, 2), (2000.0, 4)])
def test_borders_are_softer_where_they_would_show(step, reach):
    rng = np.random.default_rng(0)
    detail = rng.normal(0, 20, (40, 56)).astype(np.float32)
    stack = np.stack([detail, detail + np.float32(step)])
    chosen = np.zeros((40, 56), np.uint16)
    chosen[:, :28] = 2
    automatic = fuse(stack, **QUICK)
    made = automatic.with_overrides(stack, chosen)
    moved = np.abs(made.all_in_focus - automatic.all_in_focus)[:, 28:].mean(axis=0)
    moved /= np.abs(stack[1] - automatic.all_in_focus)[:, 28:].mean(axis=0)
    assert (moved[:reach] > 0.1).all()
    assert (np.diff(moved[: reach + 1]) < 0).all()
    assert (moved[reach:] < 1e-3).all()


def test_planes_that_show_nothing_are_refused():
    for seed in range(4):
        stack = stack_of(seed, dtype=np.float32)
        stack[2, :10] = np.nan
        chosen = np.zeros((40, 56), np.uint16)
        chosen[4:20, 5:30] = 2 + 1
        options = {**QUICK, "nan_policy": "ignore"}
        automatic = fuse(stack, **options)
        made = automatic.with_overrides(stack, chosen)
        np.testing.assert_array_equal(made.all_in_focus[:9], automatic.all_in_focus[:9])
        np.testing.assert_array_equal(made.index_map[:10], automatic.index_map[:10])
        assert np.isfinite(made.all_in_focus).all()
        assert (made.overrides > 0).sum() == 10 * 25
        assert any("150 pixels of the overrides stay automatic" in one for one in made.notes)


@pytest.mark.parametrize("border", ["crop", "mask"])
def test_aligned_planes(border):
    moving = render_moving_stack(
        "bumps", (120, 150), Motion(drift_px=(8, -6)), RenderConfig(planes=4), None
    )
    result = fuse(moving.stack, focus_measure="laplacian", align="auto", align_border=border)
    whole = np.zeros(moving.stack.shape[1:3], np.uint16)
    whole[30:90, 30:100] = 3 + 1
    made = result.with_overrides(moving.stack, whole)
    mine = whole[result.window] > 0
    assert (made.index_map[mine] == 3).all()
    again = fuse(
        moving.stack,
        focus_measure="laplacian",
        align_border=border,
        transforms=result.alignment,
        overrides=made.overrides,
    )
    np.testing.assert_array_equal(again.all_in_focus, made.all_in_focus)
    whole[...] = 3 + 1
    edges = result.with_overrides(moving.stack, whole)
    assert any("stay automatic" in one for one in edges.notes) == (border == "mask")


@pytest.mark.parametrize(
    ("chosen", "error", "text"),
    [
        (np.zeros((40, 56)), ConfigError, "dtype float64; accepted are whole numbers"),
        (np.zeros((2, 40, 56), int), ConfigError, "select one time point"),
        (np.full((40, 56), 5), ConfigError, "overrides from 5 to 5;"),
        (np.full((40, 56), -1), ConfigError, "planes 0 to 3"),
        (np.zeros((40, 55), int), ConfigError, "40 x 55 px; the result has 40 x 56 px"),
        ("nowhere.tif", StackFileError, "no such file"),
    ],
)
def test_refusals(chosen, error, text):
    stack = stack_of()
    with pytest.raises(error, match=text):
        fuse(stack, **QUICK, overrides=chosen)
    with pytest.raises(error, match=text):
        fuse(stack, **QUICK).with_overrides(stack, chosen)


def test_another_stack_is_refused():
    with pytest.raises(StackError, match="give the stack that was fused"):
        fuse(stack_of(), **QUICK).with_overrides(stack_of()[:, :30], np.zeros((30, 56), int))
