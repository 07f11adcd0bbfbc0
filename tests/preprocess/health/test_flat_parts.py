"""Parts of one value that overwrote a plane, and bright and dark things that were not."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.preprocess.health._specks import find_specks

SHAPE = (96, 128)


def planes_of(seed, shape=SHAPE, noise=3.0):
    """Return three planes of soft detail, the middle one in focus, uint8."""
    rng = np.random.default_rng(seed)
    scene = gaussian_filter(rng.normal(0, 1, shape), 3)
    scene = 120 + 70 * scene / np.abs(scene).max()
    planes = [gaussian_filter(scene, blur) + rng.normal(0, noise, shape) for blur in (3, 0, 3)]
    return np.clip(np.rint(planes), 0, 255).astype(np.uint8)


def found_in(planes, z):
    around = [planes[i] for i in (z - 1, z + 1) if 0 <= i < len(planes)]
    return find_specks(planes[z], around).mask(planes[z].shape)


@pytest.mark.parametrize("z", [0, 1, 2])
@pytest.mark.parametrize("value", [0, 100, 255])
@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (5, 30), (16, 24)])
def test_blocks_and_bars_are_filled_whole(rows, columns, value, z):
    for seed in range(4):
        planes = planes_of(seed)
        sound = planes.copy()
        y, x = np.random.default_rng(seed).integers(0, (SHAPE[0] - rows, SHAPE[1] - columns))
        block = np.s_[y : y + rows, x : x + columns]
        planes[z][block] = value
        found = found_in(planes, z)
        ground = np.delete(sound, z, axis=0)[(slice(None), *block)].astype(float)
        is_off = np.abs(ground - value).min(axis=0) > 20
        if value == 100 and (min(rows, columns) < 8 or is_off.mean() < 0.6):
            continue  # thin, or hardly to be told from what is there
        assert found[block].mean() > 0.9
        assert found.sum() <= rows * columns + 3


@pytest.mark.parametrize("noise", [8.0, 14.0])
def test_small_blocks_are_found_in_noise(noise):
    """Noise makes no nine pixels equal."""
    planes = planes_of(1, noise=noise)
    hit = np.zeros(SHAPE, bool)
    for y, x in np.random.default_rng(1).integers(0, np.subtract(SHAPE, 3), (10, 2)):
        hit[y : y + 3, x : x + 3] = True
    planes[1][hit] = 255
    found = found_in(planes, 1)
    assert (found & hit).sum() > 0.7 * hit.sum()
    assert not (found & ~hit).any()


def test_a_block_in_one_channel_and_across_parts_of_large_planes():
    planes = np.stack([planes_of(seed, (300, 64)) for seed in range(3)], axis=-1)
    planes[1, 240:272, 16:48, 2] = 255
    found = found_in(planes, 1)
    assert found[240:272, 16:48].all()
    assert found.sum() == 32 * 32


@pytest.mark.parametrize(("sigma_px", "noise"), [(0.7, 3), (1.0, 3), (2.0, 3), (0.7, 15)])
@pytest.mark.parametrize("is_dark", [False, True])
def test_clipped_things_in_focus_survive(sigma_px, noise, is_dark):
    """Discs far beyond what the camera records hold one value, and end as a lens draws them."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    for seed in range(4):
        rng = np.random.default_rng(seed)
        planes = planes_of(seed, noise=noise).astype(float)
        discs = np.zeros(SHAPE)
        for _ in range(6):
            y, x, radius = rng.uniform(10, 86), rng.uniform(10, 118), rng.uniform(2, 9)
            discs[np.hypot(rows - y, columns - x) < radius] = -300 if is_dark else 500
        for z, blur in enumerate((4, sigma_px, 4)):
            planes[z] += gaussian_filter(discs, blur)
        planes = np.clip(np.rint(planes), 0, 255).astype(np.uint8)
        assert not any(found_in(planes, z).any() for z in range(3))


def test_an_even_ground_without_noise_survives():
    """As renderers draw it: the ground holds one value where no blur reaches it."""
    scene = np.full(SHAPE, 200.0)
    scene[30:60, 40:90] = 60
    planes = np.rint([gaussian_filter(scene, blur) for blur in (6, 0, 2, 9)]).astype(np.uint8)
    assert not any(found_in(planes, z).any() for z in range(len(planes)))
