"""Which depth stands where no plane shows detail."""

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion import fill_depth, find_focus_threshold

SHAPES = [(1, 1), (1, 7), (5, 1), (16, 16), (23, 38)]


def slope(shape, by=(0.5, 0.25)):
    rows, columns = np.indices(shape)
    return (by[0] * rows + by[1] * columns + 3).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_known_depths_stay_and_others_lie_between_them(shape, seed):
    depth = slope(shape)
    never = np.random.default_rng(seed).random(shape) < 0.6
    before = depth.copy()
    none, around = fill_depth(depth, never, "none"), fill_depth(depth, never, "around")
    np.testing.assert_array_equal(np.isnan(none), never)
    for found in (none, around):
        np.testing.assert_array_equal(found[~never], depth[~never])
        assert found.dtype == np.float32
    if never.all():
        assert np.isnan(around).all()
    else:
        assert depth[~never].min() <= around.min() <= around.max() <= depth[~never].max()
    np.testing.assert_array_equal(depth, before)


def test_a_hole_in_a_slope_is_filled_nearly_as_the_slope():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        depth, never = slope((64, 80), rng.uniform(-0.2, 0.2, 2)), np.zeros((64, 80), bool)
        top, left = rng.integers(8, 40, 2)
        never[top : top + 12, left : left + 12] = True
        off = np.abs(fill_depth(depth, never, "around") - depth)
        # The depths in the hole differ by up to 4.4.
        assert off.max() < 1.2


def test_what_is_unknown_everywhere_stays_so_and_nothing_marked_changes_nothing():
    depth = slope((9, 11))
    never = np.zeros(depth.shape, bool)
    for fill in ("decided", "around", "none"):
        assert fill_depth(depth, never, fill) is depth
    assert fill_depth(depth, ~never, "decided") is depth
    depth[:3] = np.nan  # such as what alignment left uncovered
    never[5:] = True
    around = fill_depth(depth, never, "around")
    assert np.isnan(around[:3]).all()
    assert np.isfinite(around[3:]).all()


def test_another_fill_is_refused():
    with pytest.raises(ConfigError, match="fill='zero'; accepted are decided, around, none"):
        fill_depth(slope((2, 2)), np.ones((2, 2), bool), "zero")


@pytest.mark.parametrize("steps", [1, 2, 50])
def test_focus_that_is_nearly_the_same_everywhere(steps):
    """As of small planes: bins of a histogram would be finer than the numbers are."""
    focus = np.full((3, 4), 37.5, np.float32)
    for _ in range(steps):
        focus[0, 0] = np.nextafter(focus[0, 0], np.float32(np.inf))
    assert find_focus_threshold(focus) == 0
