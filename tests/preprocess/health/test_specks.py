"""Pixels that one plane alone records, and bright things that are none."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.preprocess.health._specks import MAX_SHARE, find_specks, least_heights
from napari_umis_fusion.synthetic import SCENES, make_stack

SHAPE = (96, 128)


def smooth(seed, noise=2.0, dtype=np.uint16):
    """Return three planes of a soft specimen with noise."""
    rng = np.random.default_rng(seed)
    scene = gaussian_filter(rng.normal(0, 1, SHAPE), 6)
    scene = 800 + 300 * scene / np.abs(scene).max()
    planes = [gaussian_filter(scene, blur) + rng.normal(0, noise, SHAPE) for blur in (2, 0, 2)]
    return np.rint(planes).astype(dtype)


def specks_of(planes, z=1):
    around = [planes[i] for i in (z - 1, z + 1) if 0 <= i < len(planes)]
    return find_specks(planes[z], around)


@pytest.mark.parametrize("height", [120, 600, -400])
@pytest.mark.parametrize("z", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64"])
def test_single_pixels_are_found(dtype, z, height):
    found = total = 0
    for seed in range(6):
        planes = smooth(seed).astype(dtype)
        places = np.random.default_rng(seed).choice(planes[z].size, 10, replace=False)
        flat = planes[z].reshape(-1)
        flat[places] = (flat[places].astype(np.float64) + height).astype(dtype)
        specks = specks_of(planes, z)
        assert set(specks.places) <= set(places), "and nothing else"
        found, total = found + len(specks), total + len(places)
        assert specks.fill.dtype == planes.dtype
        clean = specks.filled(planes[z]).reshape(-1)[specks.places].astype(np.float64)
        truth = smooth(seed)[z].reshape(-1)[specks.places]
        assert np.abs(clean - truth).max(initial=0) < 60
    assert found > 0.65 * total


@pytest.mark.parametrize("sigma_px", [1.0, 1.3, 2.0, 3.0])
@pytest.mark.parametrize("blur_px", [1.5, 4.0, 40.0])
def test_beads_in_focus_in_one_plane_survive(sigma_px, blur_px):
    """Points as a lens draws them, anywhere between pixels, gone from the planes around."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    for seed in range(12):
        rng = np.random.default_rng(seed)
        planes = smooth(seed).astype(np.float64)
        for _ in range(12):
            y, x = rng.uniform(6, 90), rng.uniform(6, 120)
            far = (rows - y) ** 2 + (columns - x) ** 2
            light = rng.uniform(100, 3000) * 2 * np.pi * sigma_px**2
            for z, width in enumerate((np.hypot(sigma_px, blur_px), sigma_px) * 2):
                if z < 3:
                    planes[z] += light / (2 * np.pi * width**2) * np.exp(-far / (2 * width**2))
        for z in range(3):
            assert len(specks_of(np.rint(planes).astype(np.uint16), z)) == 0


def test_lines_a_pixel_wide_survive():
    planes = smooth(0)
    planes[1, 40, 20:90] += 900
    planes[1, 50:80, 60] += 900
    assert len(specks_of(planes)) <= 4, "at most where a line ends"


def test_pixels_that_are_hot_in_the_next_plane_too_are_none():
    planes = smooth(1)
    planes[1:, 30, 40] += 900
    assert len(specks_of(planes)) == 0


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("noisy", [False, True])
def test_rendered_stacks_have_none(name, noisy):
    for seed in range(4):
        stack = make_stack(name, SHAPE, planes=5, noisy=noisy, seed=seed).stack
        count = sum(len(specks_of(stack, z)) for z in range(5))
        # Edges that are sharper than a pixel, without noise, may leave a dark one in 300,000.
        assert count <= (0 if noisy else 1)


def test_single_photons_are_no_specks():
    photons = np.random.default_rng(0).poisson(0.02, (3, *SHAPE)).astype(np.uint16)
    assert photons.any()
    assert len(specks_of(photons)) == 0


def test_more_than_are_rare_are_noise():
    planes = smooth(2)
    places = np.random.default_rng(2).choice(planes[1].size, int(8 * MAX_SHARE * planes[1].size))
    planes[1].reshape(-1)[places] += 900
    assert len(specks_of(planes)) == 0


BLOCKS = {"block": (5, 5), "pair": (1, 2), "track": (1, 14)}


@pytest.mark.parametrize("kind", [*BLOCKS, "diagonal"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_clusters_of_pixels_are_found(dtype, kind):
    hit = np.eye(9, dtype=bool) if kind == "diagonal" else np.ones(BLOCKS[kind], bool)
    found = total = 0
    for seed in range(4):
        planes = smooth(seed).astype(np.float64)
        where = np.zeros(SHAPE, bool)
        rng = np.random.default_rng(seed)
        for y, x in ((5, 9), (40, 60), (85, 20), (60, 110)):
            part = np.s_[y : y + hit.shape[0], x : x + hit.shape[1]]
            planes[1][part] += hit * rng.uniform(300, 900)
            where[part] |= hit
        taken = specks_of((planes / (8 if dtype == "uint8" else 1)).astype(dtype))
        assert not (taken.mask(SHAPE) & ~where).any(), "and nothing else"
        found, total = found + len(taken), total + where.sum()
    assert found > 0.9 * total


@pytest.mark.parametrize("sigma_px", [0.7, 1.0])
def test_small_things_in_focus_are_no_clusters(sigma_px):
    """Discs and short rods as a lens draws them, of which other planes show nothing."""
    fine = 4
    rows, columns = np.mgrid[: SHAPE[0] * fine, : SHAPE[1] * fine] / fine
    for seed in range(3):
        rng = np.random.default_rng(seed)
        planes, things = smooth(seed).astype(np.float64), np.zeros(rows.shape)
        for size in (1.0, 1.5, 2.5, 0.5, 0.5) * 3:
            y, x, turn = rng.uniform(10, 85), rng.uniform(10, 115), rng.uniform(0, np.pi)
            along = (columns - x) * np.cos(turn) - (rows - y) * np.sin(turn)
            across = (columns - x) * np.sin(turn) + (rows - y) * np.cos(turn)
            length = 4 if size < 1 else size
            things[np.hypot(along * size / length, across) < size] += rng.uniform(300, 3000)
        drawn = gaussian_filter(things, sigma_px * fine)
        planes[1] += drawn.reshape(SHAPE[0], fine, SHAPE[1], fine).mean(axis=(1, 3))
        for top, dtype in ((65535, np.uint16), (1500, np.uint16)):  # clipped, too
            assert len(specks_of(np.rint(planes).clip(0, top).astype(dtype))) == 0


def test_sparkles_of_a_camera_that_sharpens_are_no_clusters():
    """They end as abruptly as hits do, but leave a dark rim that other planes do not show."""
    planes = smooth(7).astype(np.float64)
    for y, x in ((20, 30), (50, 60), (70, 100)):
        planes[1, y : y + 3, x : x + 4] += 1500
    plain = specks_of(planes.astype(np.float32))
    assert len(plain) == 36
    planes[1] += 0.6 * (planes[1] - gaussian_filter(planes[1], 1))
    assert len(specks_of(planes.astype(np.float32))) == 0


def test_a_first_or_last_plane_keeps_what_may_be_a_sparkle():
    planes = smooth(8)
    planes[2, 40:43, 60:64] += 1500
    assert len(specks_of(planes, 2)) == 0


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("share", [0.005, 0.05])
def test_salt_and_pepper_is_found(share, channels):
    rng = np.random.default_rng(3)
    clean = smooth(3, noise=4).reshape(3, *SHAPE, *(1,) * len(channels))
    clean = np.broadcast_to(clean // 8, (3, *SHAPE, *channels)).astype(np.uint8)
    salted, drawn = clean.copy(), rng.random(clean.shape)
    salted[drawn < share / 2], salted[drawn > 1 - share / 2] = 0, 255
    ends = (salted != clean).reshape(3, *SHAPE, -1).any(axis=-1)
    for z in range(3):
        specks = specks_of(salted, z)
        mask = specks.mask(SHAPE)
        assert (mask & ends[z]).sum() > 0.98 * ends[z].sum()
        assert not (mask & ~ends[z]).any()
        assert np.abs(specks.filled(salted[z]).astype(int) - clean[z])[mask].mean() < 4


def test_a_dark_ground_is_no_pepper():
    planes = smooth(5)
    planes[:, :, 60:] = 0
    planes[1, 10:14, 20:24] = 4000
    rng = np.random.default_rng(1)
    planes[1].reshape(-1)[rng.choice(planes[1].size, 100, replace=False)] = 4000
    specks = specks_of(planes)
    assert (specks.filled(planes[1])[:, 61:] == 0).all()
    assert (specks.filled(planes[1])[:, :60] > 0).all()


def test_parts_of_a_plane_tell_the_same(monkeypatch):
    planes = smooth(6).astype(np.uint16)
    planes[1, 18:23, 40:45] += 700
    planes[1, 10:24, 80] += 700
    whole = specks_of(planes)
    monkeypatch.setattr("napari_umis_fusion.preprocess.health._specks.PART_ROWS", 20)
    np.testing.assert_array_equal(specks_of(planes).places, whole.places)
    assert len(whole) == 39


def test_a_speck_in_one_channel_is_one_of_the_pixel():
    planes = np.stack([smooth(3)] * 3, axis=-1)
    planes[1, 30, 40, 2] += 900
    specks = specks_of(planes)
    assert list(specks.places) == [30 * SHAPE[1] + 40]
    np.testing.assert_array_equal(
        specks.fill[0], np.rint((planes[0, 30, 40].astype(float) + planes[2, 30, 40]) / 2)
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (3, 3)])
def test_tiny_planes(shape):
    planes = np.random.default_rng(0).integers(0, 255, (3, *shape)).astype(np.uint8)
    assert len(specks_of(planes)) == 0


def test_values_that_are_none_are_no_specks():
    planes = smooth(4).astype(np.float32)
    planes[1, 20:30, 20:30] = np.nan
    planes[1, 60, 60] = np.inf
    planes[2, 80, 80] = np.nan
    with np.errstate(all="raise"):
        assert len(specks_of(planes)) == 0


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "float32"])
def test_the_least_height_is_a_share_of_what_the_plane_spans(dtype, channels):
    rng = np.random.default_rng(3)
    if np.dtype(dtype).kind == "f":
        plane = rng.normal(size=(300, 310, *channels)).astype(dtype)
        plane[5, ::7] = np.nan
    else:
        limits = np.iinfo(dtype)
        plane = rng.integers(limits.min, limits.max, (300, 310, *channels), dtype, endpoint=True)
    known = plane.reshape(-1, *channels or (1,)).astype(np.float64)
    known = known[np.isfinite(known).all(axis=1)]
    low, high = np.percentile(known, (0.1, 99.9), axis=0)
    np.testing.assert_array_equal(least_heights(plane), (high - low) / 16)
