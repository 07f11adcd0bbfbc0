"""Where no plane is near to the mean, the values of the index map stay."""

import numpy as np
import pytest

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.copies import IndexValues, NearestToMean, iter_copy_nearest
from napari_umis_fusion.runtime import ScratchMemory, Workers, run_to_end
from napari_umis_fusion.stack import stack_of_arrays


def copied(planes, mean, index, has_opacity=False):
    """Copy what is nearest; return the source map before and after restoring, and the image."""
    scratch = ScratchMemory(16)
    where = index[(None, ..., *(None,) * (planes.ndim - 3))]
    image = np.take_along_axis(planes, where.astype(int), 0)[0]
    nearest = NearestToMean(mean, image, index.copy(), scratch)
    kept = IndexValues(nearest, index, 1.0, scratch, has_opacity)
    with Workers(2) as workers:
        run_to_end(kept.iter_keep(workers))
        stack = stack_of_arrays(planes)
        run_to_end(iter_copy_nearest(stack, nearest, FusionConfig(nan_policy="ignore"), workers))
        before = nearest.source_map.copy()
        run_to_end(kept.iter_restore(workers))
    return before, nearest.source_map, image


def mixed(shape=(50, 300), apart=60, channels=None):
    """Two planes that differ in the right half, their mean, and one of other detail; noise."""
    rng = np.random.default_rng(0)
    size = shape if channels is None else (*shape, channels)
    planes = 100 + rng.normal(0, 4, (3, *size))
    right = np.arange(shape[1]) >= shape[1] // 2
    right = right if channels is None else right[:, None]
    planes[0] += apart * right
    planes[2] += right * rng.uniform(-2 * apart, 2 * apart, size)
    planes = np.clip(np.rint(planes), 0, 255).astype(np.uint8)
    mean = planes[:2].mean(axis=0, dtype=np.float32)
    return planes, mean, np.zeros(shape, np.uint16)


@pytest.mark.parametrize("channels", [None, 3])
def test_a_mix_of_planes_is_not_copied_in_slivers(channels):
    planes, mean, index = mixed(channels=channels)
    before, after, image = copied(planes, mean, index)
    middle = index.shape[1] // 2
    assert (before[:, middle + 8 :] == 2).mean() > 0.05
    assert (after[:, middle + 8 :] == 0).all()
    # Planes that agree are chosen by their noise, as before.
    np.testing.assert_array_equal(after[:, : middle - 16], before[:, : middle - 16])
    assert np.unique(after[:, : middle - 16]).size > 1
    where = after[(None, ..., *(None,) * (planes.ndim - 3))]
    np.testing.assert_array_equal(np.take_along_axis(planes, where.astype(int), 0)[0], image)


def test_a_plane_that_is_near_to_the_mean_is_copied():
    """As where light changes with focus: the plane in focus is darker than the mean of all."""
    planes, mean, index = mixed()
    planes[1] = np.rint(mean)
    before, after, _ = copied(planes, mean, index)
    np.testing.assert_array_equal(before, after)
    assert (after[:, 160:] == 1).mean() > 0.9


def test_noise_keeps_nothing():
    """Strong noise that planes do not share: the nearest of few planes is far from the mean."""
    rng = np.random.default_rng(1)
    planes = np.clip(rng.normal(120, 20, (3, 64, 128)), 0, 255).astype(np.uint8)
    mean = planes.mean(axis=0, dtype=np.float32)
    before, after, _ = copied(planes, mean, np.zeros((64, 128), np.uint16))
    np.testing.assert_array_equal(before, after)


def test_an_opacity_shows_nothing():
    planes = np.full((2, 32, 32, 4), 100, np.uint8)
    planes[1, ..., 3] = 255
    mean = planes[1].astype(np.float32)
    index = np.zeros((32, 32), np.uint16)
    _, after, _ = copied(planes, mean, index, has_opacity=True)
    assert (after == 1).all()


def test_what_no_plane_shows_keeps_nothing_around():
    planes, mean, index = mixed()
    planes, mean = planes.astype(np.float32), mean.copy()
    mean[20:23, 200] = np.nan
    _, after, image = copied(planes, mean, index)
    assert np.isfinite(image).all()
    assert (after[:, 250:] == 0).all()
