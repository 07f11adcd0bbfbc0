"""The base of the weighted mean, corrected by the bases of all planes."""

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.fusion.mean import _base as module
from napari_umis_fusion.fusion.mean._base import MOST_GROUPS, BaseCorrection, block_means, groups_of
from napari_umis_fusion.fusion.mean._base_shift import BLOCK_PX
from napari_umis_fusion.fusion.planes._dtypes import DOUBLE
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.runtime import ScratchMemory, Workers, run_to_end
from napari_umis_fusion.stack import ACCEPTED_DTYPES
from napari_umis_fusion.synthetic import make_stack

KERNEL_MODULES = (module,)
SHAPES = [(1, 1), (3, 2), (17, 23), (9, 8, 3), (40, 33, 2)]


class Mean:
    """Stands for a weighted mean."""

    def __init__(self, values):
        self.values = values

    def estimate(self, rows):
        return self.values[rows]


def corrected(planes, weights, mean, grey_levels=1.0):
    correction = BaseCorrection(
        planes.shape[1:], planes.dtype, len(planes), grey_levels, ScratchMemory(16)
    )
    with Workers(2) as workers:
        for z, (plane, weight) in enumerate(zip(planes, weights, strict=True)):
            run_to_end(correction.iter_add(plane, weight, z, workers))
        run_to_end(correction.iter_settle(Mean(mean), workers))
    return correction.correct(mean, slice(0, len(mean)))


def chosen(planes, index):
    """What a map of indices copies from planes, as floats."""
    index = np.clip(index, 0, len(planes) - 1)
    taken = np.take_along_axis(planes, index[None, ..., *[None] * (planes.ndim - 3)], 0)
    return taken[0].astype(np.float32)


def weights_of(planes, depth):
    """Weights that are highest where planes are in focus."""
    places = np.arange(len(planes)).reshape(-1, 1, 1)
    return np.exp(-2 * np.abs(places - depth)).astype(np.float32)


@pytest.mark.parametrize("kind", ACCEPTED_DTYPES, ids=str)
def test_no_value_leaves_the_range_of_planes(kind):
    """Whatever the mean is, and wherever planes are invalid; where all are, nothing is invented."""
    rng, kind = np.random.default_rng(3), np.dtype(kind)
    for shape in SHAPES:
        planes = (rng.random((5, *shape)) * (1 if kind.kind == "b" else 200)).astype(kind)
        weights = rng.random((5, *shape[:2]), np.float32)
        weights[rng.random(weights.shape) < 0.2] = -1
        weights[:, 0, 0] = -1
        valid = (weights >= 0).reshape(5, *shape[:2], *[1] * (len(shape) - 2))
        floats = planes.astype(np.float64 if kind.type in DOUBLE else np.float32)
        low = np.where(valid, floats, np.inf).min(0)
        high = np.where(valid, floats, -np.inf).max(0)
        share = rng.random(shape, np.float32)
        seen = np.broadcast_to(valid.any(0), shape)
        with np.errstate(invalid="ignore"):
            mean = np.where(seen, low + share * (high - low), np.nan).astype(floats.dtype)
        found = corrected(planes, weights, mean)
        assert found.dtype == floats.dtype
        np.testing.assert_array_equal(np.isfinite(found), seen)
        assert (found[seen] >= low[seen]).all()
        assert (found[seen] <= high[seen]).all()


def test_planes_that_agree_stay_as_they_are():
    rng = np.random.default_rng(0)
    plane = rng.integers(0, 4000, (40, 50), np.uint16)
    planes, weights = np.stack([plane] * 4), rng.random((4, 40, 50), np.float32)
    np.testing.assert_array_equal(corrected(planes, weights, np.float32(plane)), plane)


def test_a_mean_that_is_right_where_planes_differ_at_random_stays():
    """Noise of planes is none of the base."""
    rng = np.random.default_rng(1)
    truth = ndimage.gaussian_filter(rng.uniform(0, 255, (96, 96)), 3).astype(np.float32)
    planes = truth + rng.normal(0, 12, (8, 96, 96)).astype(np.float32)
    mean = planes.mean(0)
    found = corrected(planes, rng.random((8, 96, 96), np.float32), mean)
    assert np.abs(found - mean).max() < 0.5


@pytest.mark.parametrize("grey_levels", [1.0, 0.02])
def test_light_that_structures_lose_to_blur_comes_back(grey_levels):
    """Of each pixel the darkest plane: no plane is as dark as that over tens of pixels."""
    rng = np.random.default_rng(2)
    dark = ndimage.gaussian_filter((rng.random((120, 120)) < 0.02).astype(np.float32), 1)
    truth = 200 - 100 * dark / dark.max()
    planes = np.stack([ndimage.gaussian_filter(truth, s) for s in (4, 2, 0, 2, 4)]) / grey_levels
    darkest = planes.min(0)
    weights = np.float32(planes == darkest)
    found = corrected(planes.astype(np.float32), weights, darkest, grey_levels) * grey_levels

    def off(image):
        return np.abs(ndimage.gaussian_filter(image - truth, 8)).max()

    assert off(darkest * grey_levels) > 1.5
    assert off(found) < 0.3 * off(darkest * grey_levels)


@pytest.mark.parametrize("sigma_px", [12, 40, 90])
def test_a_dark_body_gets_no_light_of_its_surroundings(sigma_px):
    """Defocus spreads light farther than any base; nothing is in focus within body and field."""
    body = np.zeros((160, 240), np.float32)
    body[:, :120] = 1
    clean = 230 - 210 * body
    sigmas = sigma_px * np.abs(np.arange(7) - 2) / 4
    planes = np.stack([ndimage.gaussian_filter(clean, s) for s in sigmas])
    rng = np.random.default_rng(4)
    weights = 1 + 0.2 * rng.random(planes.shape, np.float32)
    weights[2, :, 112:128] += 3  # the edge is in focus
    found = corrected(planes, weights, planes[2])
    assert np.abs(found - planes[2]).max() < 3


def test_light_that_changes_with_focus_is_evened_out():
    """Decided one plane off at random, scenes with haze gain, and those without lose nothing."""
    gains = {0.0: [], 0.15: []}
    for haze, found in gains.items():
        for seed in range(3):
            for scene in ("discs", "bumps"):
                made = make_stack(scene, (96, 128), haze=haze, seed=seed)
                planes, depth = made.stack, made.sub_plane_map
                off = (
                    np.random.default_rng(seed).integers(-1, 2, (4, 4)).repeat(24, 0).repeat(32, 1)
                )
                mean = chosen(planes, made.index_map.astype(int) + off)
                images = mean, corrected(planes, weights_of(planes, depth), mean)
                before, after = (
                    psnr(image, made.all_in_focus, data_range=made.data_range) for image in images
                )
                found.append(after - before)
    assert np.median(gains[0.15]) > 0.15
    assert min(gains[0.15]) > -0.1
    assert min(gains[0.0]) > -0.05


def test_neither_end_of_the_stack_is_preferred(jit):
    made = make_stack("discs", (72, 96), haze=0.15, seed=5)
    weights = weights_of(made.stack, made.sub_plane_map)
    mean = chosen(made.stack, made.index_map + 1)
    found = corrected(made.stack, weights, mean)
    assert np.abs(found - mean).max() > 1
    reverse = corrected(made.stack[::-1], weights[::-1], mean)
    np.testing.assert_allclose(found, reverse, atol=1e-3)


@pytest.mark.parametrize("planes", [1, 2, 63, 64, 65, 100, 129, 1000])
def test_groups_are_the_same_from_either_end(planes):
    groups = groups_of(planes)
    assert len(groups) == planes
    assert set(groups) == set(range(planes if planes <= MOST_GROUPS else MOST_GROUPS - planes % 2))
    assert (np.diff(groups) >= 0).all()
    np.testing.assert_array_equal(groups, groups[-1] - groups[::-1])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_means_of_blocks(shape):
    values = np.random.default_rng(0).uniform(0, 9, shape).astype(np.float32)
    values[-1, -1] = np.nan
    found = block_means(values, np.dtype(np.float32))
    for y in range(found.shape[0]):
        for x in range(found.shape[1]):
            rows, columns = (slice(n * BLOCK_PX, (n + 1) * BLOCK_PX) for n in (y, x))
            expected = values[rows, columns].reshape(-1, found.shape[2]).mean(0)
            np.testing.assert_allclose(found[y, x], expected, rtol=1e-5)
