"""Fine detail of the mean, averaged with that of the planes that show most of it."""

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.fusion.mean import _fine_detail as module
from napari_umis_fusion.fusion.mean._fine_detail import NOISE_RATIO, SHARE, FineDetail, fine_detail
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.runtime import ScratchMemory, Workers, run_to_end
from napari_umis_fusion.synthetic import make_stack

KERNEL_MODULES = (module,)
BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16


def with_detail(planes, weights, mean, rows=None, black=0.0):
    """The mean (Y, X[, C]) with the detail of planes, all rows at once or in parts."""
    detail = FineDetail(planes.shape[1:], black, ScratchMemory(16))
    greys = (planes if planes.ndim == 3 else planes.mean(axis=3)).astype(np.float32)
    with Workers(2) as workers:
        for plane, grey, weight in zip(planes, greys, weights, strict=True):
            run_to_end(detail.iter_add(plane, grey, weight, workers))
    parts = rows or [slice(0, len(mean))]
    total = np.maximum(weights, 0).sum(axis=0)
    found = [
        detail.added(mean[part], mean[detail.wider(part)], total[part], part) for part in parts
    ]
    return np.concatenate(found)


def over_one_px(image):
    for axis in (0, 1):
        image = ndimage.convolve1d(image, BINOMIAL, axis, mode="nearest")
    return image


def expected(planes, weights, mean):
    """The same in plain NumPy, of planes with an axis of channels."""
    total, sums, energies = 0, 0, []
    for plane, weight in zip(planes, weights, strict=True):
        wide = np.pad(plane.mean(axis=2), 3, mode="edge")
        energy = (wide - over_one_px(wide)) ** 2
        for axis in (0, 1):
            energy = ndimage.convolve1d(energy, [0.25, 0.5, 0.25], axis)
        energies.append(energy[3:-3, 3:-3])
        counts = (energies[-1] ** 2 * weight)[..., None]
        total, sums = total + counts * (plane - over_one_px(plane)), sums + counts
    least = np.min([one.mean() for one in energies])
    signal = 1 / (1 + (NOISE_RATIO * least**2 / (sums / weights.sum(0)[..., None])) ** 2)
    return mean + SHARE * signal * (total / sums - (mean - over_one_px(mean)))


@pytest.mark.parametrize("shape", [(5, 7), (1, 2), (8, 8, 3), (7, 4, 2)], ids=str)
def test_it_is_that_of_numpy(shape, jit):
    """In planes of one block."""
    rng = np.random.default_rng(0)
    planes = rng.uniform(0, 255, (4, *shape)).astype(np.float32)
    weights = rng.uniform(0, 1, (4, *shape[:2])).astype(np.float32)
    mean = planes.mean(axis=0)
    wanted = expected(planes.reshape(4, *shape[:2], -1), weights, np.atleast_3d(mean))
    found = with_detail(planes, weights, mean)
    np.testing.assert_allclose(found, wanted.reshape(shape), rtol=1e-3, atol=0.02)


def test_parts_do_not_show():
    rng = np.random.default_rng(1)
    planes = rng.uniform(0, 255, (3, 40, 30)).astype(np.float32)
    even = np.ones(planes.shape, np.float32)
    mean = planes.mean(axis=0)
    parts = [slice(0, 1), slice(1, 17), slice(17, 40)]
    np.testing.assert_array_equal(
        with_detail(planes, even, mean, parts), with_detail(planes, even, mean)
    )


def test_the_plane_with_most_detail_counts_where_weights_are_alike():
    rng = np.random.default_rng(2)
    sharp = rng.normal(100, 30, (40, 50)).astype(np.float32)
    planes = np.stack([sharp, ndimage.gaussian_filter(sharp, 2), ndimage.gaussian_filter(sharp, 3)])
    mean = planes.mean(axis=0)
    found = with_detail(planes, np.ones(planes.shape, np.float32), mean)
    assert np.std(found - sharp) < 0.6 * np.std(mean - sharp)


def test_noise_is_no_detail():
    """Over many seeds: what is even but for noise stays as it is averaged."""
    for seed in range(5):
        planes = np.random.default_rng(seed).normal(100, 10, (6, 60, 70)).astype(np.float32)
        mean = planes.mean(axis=0)
        found = with_detail(planes, np.ones(planes.shape, np.float32), mean)
        assert np.std(found) < 1.05 * np.std(mean)


@pytest.mark.parametrize("value", [0, np.nan])
def test_what_is_invalid_adds_nothing_around(value):
    """The border of what is missing would be the strongest detail of all."""
    planes = np.random.default_rng(3).normal(100, 5, (3, 30, 40)).astype(np.float32)
    weights = np.ones(planes.shape, np.float32)
    mean = planes.mean(axis=0)
    without = with_detail(planes[1:], weights[1:], mean)
    planes[0, 10:20, 15:25] = value
    weights[0, 10:20, 15:25] = -1
    found = with_detail(planes, weights, mean)
    near = slice(8, 22), slice(13, 27)
    # Noise is told apart in blocks, some of which see other planes.
    np.testing.assert_allclose(found[near], without[near], atol=0.3)


def test_unknown_values_stay_unknown_and_spoil_nothing():
    planes = np.random.default_rng(4).normal(100, 5, (3, 30, 40)).astype(np.float32)
    mean = planes.mean(axis=0)
    mean[12, 20] = np.nan
    found = with_detail(planes, np.ones(planes.shape, np.float32), mean)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(mean))


def test_even_planes_stay_even():
    planes = np.full((4, 12, 15, 3), 77, np.uint8)
    mean = planes[0].astype(np.float32)
    found = with_detail(planes, np.ones(planes.shape[:3], np.float32), mean)
    np.testing.assert_array_equal(found, mean)


def test_large_values_keep_their_digits():
    """Of 32-bit integers far from black, single precision would hold every 256th."""
    rng = np.random.default_rng(5)
    near = rng.normal(100, 20, (3, 20, 25))
    planes = (near + 4e9).astype(np.uint32)
    mean = planes.mean(axis=0)
    even = np.ones(planes.shape, np.float32)
    detail = FineDetail((20, 25), 4e9, ScratchMemory(16))
    with Workers(2) as workers:
        for plane, grey in zip(planes, near.astype(np.float32), strict=True):
            run_to_end(detail.iter_add(plane, grey, even[0], workers))
    found = detail.added(mean, mean, 3 * even[0], slice(0, 20))
    wanted = with_detail(near.astype(np.float32), even, near.mean(axis=0).astype(np.float32))
    np.testing.assert_allclose(found - 4e9, wanted, atol=1.5)


def test_detail_of_channels_is_apart():
    image = np.random.default_rng(6).uniform(0, 255, (12, 14, 3)).astype(np.float32)
    for channel in range(3):
        alone = fine_detail(image[..., channel, None])[..., 0]
        np.testing.assert_array_equal(fine_detail(image)[..., channel], alone)


def test_rendered_stacks_gain(monkeypatch):
    gains = []
    for seed, scene in enumerate(("discs", "bars", "fluorescence")):
        rendered = make_stack(scene, (80, 96), planes=6, seed=70 + seed)
        found = []
        for share in (0.0, SHARE):
            monkeypatch.setattr(module, "SHARE", share)
            image = fuse(rendered.stack, FusionConfig(device="cpu")).all_in_focus
            found.append(psnr(image, rendered.all_in_focus, data_range=rendered.data_range))
        gains.append(found[1] - found[0])
    assert min(gains) > 0
    assert np.mean(gains) > 0.2
