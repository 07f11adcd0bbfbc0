"""Edges that no plane shows are softened, where no plane stands out."""

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.mean import _edge_limits as module
from napari_umis_fusion.fusion.mean._base import BaseCorrection
from napari_umis_fusion.fusion.mean._edge_limits import EdgeLimits, gradients, highest_around
from napari_umis_fusion.metrics import false_edge_rate
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import ScratchMemory, Workers, run_to_end
from napari_umis_fusion.stack import stack_of_arrays

KERNEL_MODULES = (module,)


class Mean:
    def __init__(self, values):
        self.values = values

    def estimate(self, rows):
        return self.values[rows]


def softened(planes, weights, image):
    """The image with its edges kept within those of the planes."""
    shape, dtype, scratch = planes.shape[1:], planes.dtype, ScratchMemory(16)
    to_grey = GreyConverter(stack_of_arrays(planes), FusionConfig().channel)
    base = BaseCorrection(shape, dtype, len(planes), 1.0, scratch)
    edges, found = EdgeLimits(shape[:2], to_grey, scratch), image.copy()
    with Workers(2) as workers:
        for z, plane in enumerate(planes):
            run_to_end(base.iter_add(plane, weights[z], z, workers))
            run_to_end(edges.iter_add(plane, workers))
        run_to_end(base.iter_settle(Mean(image.astype(np.float32)), workers))
        run_to_end(edges.iter_soften(found, base, workers))
    return found


def rims(shape=(90, 150), channels=None, seed=0):
    """Planes with other light, and an image that changes from one to the other within a pixel."""
    rng = np.random.default_rng(seed)
    size = shape if channels is None else (*shape, channels)
    texture = ndimage.gaussian_filter(rng.uniform(-60, 60, size), (3, 3, 0)[: len(size)])
    planes = np.stack([texture + light for light in (80, 84, 88)]).astype(np.uint8)
    image = planes[0].copy()
    image[:, shape[1] // 2 :] = planes[2][:, shape[1] // 2 :]
    return planes, image


def even(planes):
    return np.ones(planes.shape[:3], np.float32)


@pytest.mark.parametrize("channels", [None, 3])
def test_an_edge_that_no_plane_shows_is_softened(channels, jit):
    planes, image = rims(channels=channels)
    assert false_edge_rate(image, planes) > 0.01
    found = softened(planes, even(planes), image)
    assert false_edge_rate(found, planes) < 0.2 * false_edge_rate(image, planes)
    assert (found >= planes.min(0)).all()
    assert (found <= planes.max(0)).all()
    # Nothing but the edge changes.
    np.testing.assert_array_equal(found[:, :60], image[:, :60])
    np.testing.assert_array_equal(found[:, 90:], image[:, 90:])


def test_where_a_plane_stands_out_a_border_stays():
    planes, image = rims()
    weights = even(planes)
    weights[0, :, :75] = weights[2, :, 75:] = 20
    assert np.abs(softened(planes, weights, image) - image.astype(int)).max() <= 1


def test_edges_that_planes_show_stay():
    """Over many seeds: a mean of planes that agree, with their noise."""
    for seed in range(5):
        planes, _ = rims(seed=seed)
        planes[:, 20:60, 40:90] //= 3
        image = planes[1]
        np.testing.assert_array_equal(softened(planes, even(planes), image), image)


def test_tiles_do_not_show(monkeypatch):
    planes, image = rims()
    found = softened(planes, even(planes), image)
    monkeypatch.setattr(module, "TILE_PX", 16)
    np.testing.assert_array_equal(softened(planes, even(planes), image), found)


def test_what_no_plane_shows_stays_unknown():
    planes, image = (one.astype(np.float32) for one in rims())
    planes[:, 30:35, 70:80] = image[30:35, 70:80] = np.nan
    weights = even(planes)
    weights[np.isnan(planes)] = -1
    found = softened(planes, weights, image)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(image))
    assert np.nanmax(np.abs(found - image)) > 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 2), (17, 23)], ids=str)
def test_gradients_and_their_surroundings(shape, jit):
    image = np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)
    expected = np.hypot(*(ndimage.sobel(image, axis, mode="nearest") for axis in (0, 1))) / 8
    np.testing.assert_allclose(gradients(image), expected, rtol=1e-4, atol=1e-4)
    expected = ndimage.maximum_filter(image, 3, mode="nearest")
    np.testing.assert_array_equal(highest_around(image), expected)
