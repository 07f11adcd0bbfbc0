"""Copied values: each from the plane that is nearest to the weighted mean."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.fusion.copies._recorded_values import NearestToMean
from napari_umis_fusion.fusion.mean._weighted_mean import WeightedMean
from napari_umis_fusion.runtime import ScratchMemory, split_rows, tiles_of
from napari_umis_fusion.stack import ACCEPTED_DTYPES, CheckedPlane


def copied(planes, estimate, chosen, invalid=None, side_px=8):
    """Copy from all planes, starting from those that `chosen` names."""
    workspace = ScratchMemory(16)
    where = chosen[(None, ..., *(None,) * (planes.ndim - 3))]
    image = np.take_along_axis(planes, where.astype(int), 0)[0]
    nearest = NearestToMean(estimate, image, chosen.copy(), workspace)
    for rows in split_rows(len(image), 5):
        nearest.begin(rows)
    for z, plane in enumerate(planes):
        reading = CheckedPlane(plane, None if invalid is None else invalid[z])
        for tile in tiles_of(plane, side_px):
            nearest.try_plane(reading, z, tile)
    return nearest


@pytest.mark.parametrize("shape", [(11, 13), (9, 8, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("dtype", ACCEPTED_DTYPES)
def test_the_nearest_value_is_copied(dtype, shape):
    rng = np.random.default_rng(0)
    kind = np.dtype(dtype)
    planes = rng.integers(0, 2 if kind.kind == "b" else 100, (5, *shape)).astype(kind)
    precision = WeightedMean(shape, kind, ScratchMemory(16)).precision
    estimate = rng.uniform(0, 2 if kind.kind == "b" else 100, shape).astype(precision)
    nearest = copied(planes, estimate, np.full(shape[:2], 2, np.uint16))
    apart = np.abs(planes.astype(precision) - estimate)
    apart = apart.reshape(5, *shape[:2], -1).sum(-1)
    index = nearest.source_map.astype(int)
    best = np.take_along_axis(apart, index[None], 0)[0]
    np.testing.assert_array_equal(best, apart.min(0))
    where = index[(None, ..., *(None,) * (len(shape) - 2))]
    np.testing.assert_array_equal(nearest.image, np.take_along_axis(planes, where, 0)[0])


def test_of_equally_near_planes_the_chosen_one_stays():
    planes = np.full((4, 6, 7), 9, np.uint8)
    chosen = np.random.default_rng(0).integers(0, 4, (6, 7)).astype(np.uint16)
    nearest = copied(planes, np.full((6, 7), 8, np.float32), chosen)
    np.testing.assert_array_equal(nearest.source_map, chosen)


def test_invalid_values_are_not_copied():
    planes = np.array([1, 5, 9], np.float32)[:, None, None] * np.ones((3, 4, 4), np.float32)
    invalid = np.zeros(planes.shape, np.bool_)
    invalid[1, :2] = True
    planes[1, 0] = np.nan
    nearest = copied(planes, np.full((4, 4), 5.5, np.float32), np.zeros((4, 4), np.uint16), invalid)
    assert nearest.image[:, 0].tolist() == [9, 9, 5, 5]


@pytest.mark.parametrize("channels", [None, 3])
def test_copied_noise_is_lower_than_that_of_a_plane(channels):
    """Yet every value is one that the camera recorded, in the plane that the source map names."""
    rng = np.random.default_rng(0)
    shape = (64, 80) if channels is None else (64, 80, channels)
    stack = np.rint(rng.normal(100, 10, (8, *shape))).astype(np.uint8)
    result = fuse(stack, FusionConfig(blend="select", device="cpu"))
    where = result.source_map.astype(int)[(None, ..., *(None,) * (len(shape) - 2))]
    np.testing.assert_array_equal(result.all_in_focus, np.take_along_axis(stack, where, 0)[0])
    assert result.all_in_focus.std() < (5 if channels is None else 8)
