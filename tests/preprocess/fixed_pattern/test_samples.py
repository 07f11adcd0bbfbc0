"""Tiles tell of all parts of some planes, and are cut when these are read."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.fixed_pattern import PlaneSamples, planes_to_look_at
from napari_umis_fusion.preprocess.fixed_pattern._samples import MAX_TILES, TILE_PX


@pytest.mark.parametrize("count", [*range(1, 40), 1000])
def test_planes_lie_evenly_over_the_stack(count):
    planes = planes_to_look_at(count)
    assert planes == sorted(set(planes))
    assert planes == [count - 1 - z for z in reversed(planes)]
    assert len(planes) == min(count, 9 + (count + 1) % 2)
    assert {0, (count - 1) // 2, count // 2, count - 1} <= set(planes)
    assert np.diff(planes).max(initial=1) <= count / 8 + 1


@pytest.mark.parametrize("shape", [(64, 64), (65, 300), (129, 191), (3000, 70), (5000, 4000)])
def test_tiles_are_whole_and_begin_with_the_same_colour_of_a_mosaic(shape):
    tiles = PlaneSamples((5, *shape), np.uint8).tiles
    assert 0 < len(tiles) <= MAX_TILES
    for tile in tiles:
        top, bottom, left, right = tile.bounds
        assert top % 2 == left % 2 == 0
        assert (bottom - top, right - left) == (TILE_PX, TILE_PX)
        assert bottom <= shape[0]
        assert right <= shape[1]
    centres = np.array([(tile.rows.start, tile.columns.start) for tile in tiles]) + TILE_PX / 2
    for axis, side in enumerate(shape):
        gaps = np.diff(np.unique([0, *centres[:, axis], side]))
        assert gaps.max() <= max(side / len(np.unique(centres[:, axis])) * 1.5, TILE_PX)


def test_small_planes_are_not_looked_at():
    samples = PlaneSamples((5, 63, 300), np.uint8)
    assert samples.planes == samples.tiles == []
    assert not any(samples.lacks(z) for z in range(5))


def test_tiles_are_copies_without_what_is_not_there():
    plane, missing = np.arange(128.0 * 128).reshape(128, 128), np.zeros((128, 128), np.bool_)
    missing[0, 127] = True
    samples = PlaneSamples((3, *plane.shape), plane.dtype)
    assert samples.lacks(1)
    assert samples.of(1) is None
    samples.add(1, plane, missing)
    assert not samples.lacks(1)
    plane_before = plane.copy()
    plane[...] = 0
    for tile, cut in zip(samples.tiles, samples.of(1), strict=True):
        if missing[tile.window].any():
            assert cut is None
        else:
            np.testing.assert_array_equal(cut, plane_before[tile.window])
    samples.forget()
    assert samples.of(1) is None
    assert not samples.lacks(0)


def test_many_channels_are_not_cut_ahead():
    assert PlaneSamples((3, 64, 64, 3), np.float32).lacks(0)
    assert not PlaneSamples((3, 64, 64, 4), np.float32).lacks(0)
