"""Copied values have few edges that no plane shows, and no patterns instead."""

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.copies import _copied_edges, _edge_moves
from napari_umis_fusion.fusion.copies._copied_edges import CopiedEdges
from napari_umis_fusion.fusion.copies._edge_moves import REACH_PX, gradient_at
from napari_umis_fusion.fusion.copies._recorded_values import NearestToMean
from napari_umis_fusion.fusion.mean._edge_limits import EdgeLimits, gradients
from napari_umis_fusion.metrics import false_edge_rate
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import Progress, ScratchMemory, Workers, run_to_end
from napari_umis_fusion.stack import stack_of_arrays

KERNEL_MODULES = (_edge_moves,)


def between(shape=(48, 96), channels=None, seed=0, spread=7, count=4):
    """Planes whose light changes from place to place, their mean, and the plane nearest to it."""
    rng = np.random.default_rng(seed)
    size = shape if channels is None else (*shape, channels)
    texture = ndimage.gaussian_filter(rng.uniform(-60, 60, size), (3, 3, 0)[: len(size)])
    lights = ndimage.gaussian_filter(rng.normal(size=(count, *shape)), (0, 8, 8))
    lights = 100 + spread * lights / lights.std()
    lights = lights if channels is None else lights[..., None]
    planes = np.rint(texture + lights).astype(np.uint8)
    mean = planes.mean(axis=0, dtype=np.float32)
    far = np.abs(planes - mean)
    nearest = np.argmin(far if far.ndim == 3 else far.sum(axis=3), axis=0).astype(np.uint16)
    return planes, mean, nearest


def copied(planes, index):
    return np.take_along_axis(
        planes, index.astype(int)[(None, ..., *(None,) * (planes.ndim - 3))], 0
    )[0]


def mended(planes, mean, source, invalid=None, threads=2):
    """The image and the source map after false edges are mended, and the events."""
    scratch, config = ScratchMemory(16), FusionConfig()
    stack = stack_of_arrays(planes)
    edges = EdgeLimits(planes.shape[1:3], GreyConverter(stack, config.channel), scratch)
    nearest = NearestToMean(mean, copied(planes, source), source.copy(), scratch)
    if invalid is not None:
        planes = planes.astype(np.float32)
        planes[invalid] = np.nan
        stack = stack_of_arrays(planes)
    with Workers(threads) as workers:
        for plane in planes:
            run_to_end(edges.iter_add(plane, workers))
        mending = CopiedEdges(nearest, edges, scratch)
        events = list(mending.iter_mend(stack, "ignore", workers))
    return nearest.image, nearest.source_map, events


def steps(image):
    """The largest difference from the next pixel below or beside."""
    grey = image.astype(int)
    return np.maximum(np.abs(np.diff(grey, axis=0))[:, :-1], np.abs(np.diff(grey, axis=1))[:-1])


@pytest.mark.parametrize("channels", [None, 3])
def test_false_edges_are_mended(channels):
    """Over several seeds: every value stays a recorded one, of the plane that is named."""
    rates = []
    for seed in range(4):
        planes, mean, source = between(channels=channels, seed=seed)
        image, found, _ = mended(planes, mean, source)
        rates.append([false_edge_rate(one, planes) for one in (copied(planes, source), image)])
        np.testing.assert_array_equal(image, copied(planes, found))
    before, after = np.mean(rates, axis=0)
    assert before > 0.01
    assert after < 0.3 * before


def test_no_pattern_takes_their_place():
    """Gradients over 3 x 3 px do not see a checkerboard; differences of neighbours do."""
    for seed in range(3):
        planes, mean, source = between(seed=seed)
        image, _, _ = mended(planes, mean, source)
        highest = max(steps(plane).max() for plane in planes)
        beyond = [(steps(one) > highest + 3).sum() for one in (copied(planes, source), image)]
        assert beyond[1] <= beyond[0]


def test_what_has_no_false_edge_stays_and_is_not_read():
    planes, _, _ = between(spread=0.5, count=3)
    source = np.random.default_rng(0).integers(0, 3, planes.shape[1:]).astype(np.uint16)
    mean = planes.mean(axis=0, dtype=np.float32)
    image, found, events = mended(planes, mean, source)
    np.testing.assert_array_equal(found, source)
    np.testing.assert_array_equal(image, copied(planes, source))
    assert set(events) <= {Progress("verifying", 3, 3)}


def test_far_values_are_not_copied():
    """A border of the mean itself stays where the planes on its two sides are far apart."""
    planes, _, source = between(count=2)
    planes[1] += 90
    source[...] = np.arange(source.shape[1]) >= 50
    image, found, _ = mended(planes, copied(planes, source).astype(np.float32), source)
    assert np.mean(found != source) < 0.02
    np.testing.assert_array_equal(image[:, :40], planes[0, :, :40])


def test_invalid_values_are_not_copied():
    planes, mean, source = between()
    invalid = np.zeros(planes.shape, np.bool_)
    invalid[1] = invalid[2] = True
    image, found, _ = mended(planes.astype(np.float32), mean, source, invalid)
    assert np.isfinite(image).all()
    changed = found != source
    assert np.isin(found[changed], [0, 3]).all()


def test_threads_do_not_matter():
    planes, mean, source = between()
    one, several = (mended(planes, mean, source, threads=threads)[1] for threads in (1, 4))
    np.testing.assert_array_equal(one, several)


def test_only_the_planes_that_are_copied_most_are_tried(monkeypatch):
    monkeypatch.setattr(_copied_edges, "MOST_PLANES", 2)
    planes, mean, source = between()
    image, found, _ = mended(planes, mean, source)
    before = false_edge_rate(copied(planes, source), planes)
    assert false_edge_rate(image, planes) < before
    np.testing.assert_array_equal(image, copied(planes, found))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 2), (9, 13)], ids=str)
def test_gradients_of_pixels_are_those_of_images(shape, jit):
    image = np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)
    found = [[gradient_at(image, y, x) for x in range(shape[1])] for y in range(shape[0])]
    np.testing.assert_allclose(found, gradients(image), rtol=1e-4, atol=1e-4)


def test_a_patch_that_takes_a_false_edge_away_is_copied(jit):
    """The smallest case: one wrong pixel, of which another plane shows the right value."""
    side = 2 * REACH_PX + 1
    even = np.full((side, side), 100, np.float32)
    greys = np.stack([even, even + 20])
    apart = np.stack([even - 99, even - 100])
    shown, off = even.copy(), even - 100
    shown[REACH_PX, REACH_PX] += 40
    chosen = np.full(even.shape, -1, np.int16)
    allowed = np.zeros_like(even)
    maps = (greys, apart, shown, off, chosen, allowed, allowed)
    core = (REACH_PX - 1, REACH_PX + 2, REACH_PX - 1, REACH_PX + 2)
    _edge_moves.mend_edges(maps, core)
    np.testing.assert_array_equal(shown, even)
    np.testing.assert_array_equal(np.argwhere(chosen >= 0), [[REACH_PX, REACH_PX]])
    assert chosen.max() == 0
