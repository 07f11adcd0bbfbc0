"""Lines that differ anew in each plane are told from those of specimens and sensors."""

import numpy as np
import pytest
from scipy.ndimage import affine_transform, gaussian_filter

from napari_umis_fusion.preprocess.fixed_pattern import Banding
from napari_umis_fusion.preprocess.fixed_pattern._banding import find_banding
from napari_umis_fusion.preprocess.fixed_pattern._samples import TILE_PX

ACROSS, DOWN = 4, 3
SHAPE = DOWN * TILE_PX, ACROSS * TILE_PX
STARTS = [TILE_PX * down for down in range(DOWN)], [TILE_PX * along for along in range(ACROSS)]
NONE = (False, False)


def tiles_of(stack):
    split = stack.reshape(len(stack), DOWN, TILE_PX, ACROSS, TILE_PX)
    tiles = split.transpose(1, 3, 0, 2, 4).reshape(-1, len(stack), TILE_PX, TILE_PX)
    return tiles.astype(np.float32)


def grain(seed, planes=9, strength=6.0):
    return np.random.default_rng(seed).normal(120, strength, (planes, *SHAPE))


def lines_anew(kind, planes, rng):
    if kind == "noise":
        return rng.normal(0, 1, (planes, SHAPE[0]))
    phases = rng.uniform(0, 2 * np.pi, (planes, 1))
    return 1.4 * np.sin(2 * np.pi * np.arange(SHAPE[0]) / 22 + phases)


def grating(period, planes, sharp, tilt=0.0):
    """Return lines in a flat specimen that comes into focus once."""
    lines = 80 * np.sign(np.sin(2 * np.pi * np.arange(SHAPE[0]) / period + 0.3))[:, None]
    lines = np.broadcast_to(lines, SHAPE)
    return np.stack(
        [gaussian_filter(lines, (0.5 + 0.9 * abs(z - sharp), 0)) for z in range(planes)]
    )


@pytest.mark.parametrize("planes", [3, 9])
def test_noise_alone_is_no_banding(planes):
    for seed in range(10):
        assert find_banding(tiles_of(grain(seed, planes)), 0.1, STARTS) == (NONE, NONE)


def test_tiles_that_overlap_are_not_counted_twice():
    for seed in range(20):
        plane = np.random.default_rng(seed).normal(size=(6, 96, 96)).astype(np.float32)
        tiles = [plane[:, y : y + 64, x : x + 64] for y in (0, 32) for x in (0, 32)]
        assert find_banding(np.stack(tiles), 1e-6, ([0, 32], [0, 32])) == (NONE, NONE)


@pytest.mark.parametrize(("kind", "planes"), [("noise", 3), ("noise", 9), ("flicker", 9)])
def test_rows_and_columns_that_differ_anew_are_found(kind, planes):
    for seed in range(5):
        stack, rng = grain(seed, planes), np.random.default_rng([seed, 1])
        stack += 2 * lines_anew(kind, planes, rng)[..., None]
        columns, rows = find_banding(tiles_of(stack), 0.1, STARTS)
        assert columns == NONE
        assert any(rows)


@pytest.mark.parametrize("period", [3, 8, 18, 40])
@pytest.mark.parametrize(("planes", "sharp"), [(3, 1), (5, 0), (9, 4), (9, 0)])
def test_gratings_along_the_axes_are_specimens(period, planes, sharp):
    """They come into focus, and no plane has anything that is not sharper in another."""
    stack = grain(0, planes) + grating(period, planes, sharp)
    assert find_banding(tiles_of(stack), 0.1, STARTS) == (NONE, NONE)
    turned = np.pad(stack.swapaxes(1, 2), ((0, 0), (0, 0), (0, 64)), mode="wrap")
    assert find_banding(tiles_of(turned[:, : SHAPE[0]]), 0.1, STARTS) == (NONE, NONE)


def rings(y, x, rng):
    distance = np.hypot(y - rng.uniform(40, 150), x - rng.uniform(60, 200))
    return 128 + 90 * np.sin(rng.uniform(0.7, 1.1) * distance) * np.exp(-distance / 256)


def bars(y, x, rng):
    return 75 + 100 * (x / rng.integers(5, 9) % 1 > 0.5)


def coins(y, x, rng):
    picture = np.full(y.shape, 70.0)
    for row in (30, 92, 155):
        for column in range(28, 256, 58):
            radius = rng.uniform(20, 26)
            picture[np.hypot(y - row, x - column) < radius] = rng.uniform(120, 200)
    return picture


def through_focus(picture, planes, rng):
    """Return a specimen on a slope, or in steps, whose planes come into focus one by one."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    turn = rng.uniform(0, 2 * np.pi)
    depth = np.cos(turn) * x / SHAPE[1] + np.sin(turn) * y / SHAPE[0]
    depth = (planes - 1) * (depth - depth.min()) / np.ptp(depth)
    if rng.random() < 0.5:
        depth = np.floor(depth)
    sharp, per_plane = picture(y, x, rng), rng.uniform(0.6, 2) * 8 / planes
    sigmas = per_plane * np.arange(0, planes, 0.5)
    blurred = np.stack([gaussian_filter(sharp, one) for one in sigmas])
    places = [np.rint(2 * np.abs(depth - z)).astype(int) for z in range(planes)]
    stack = np.stack([np.take_along_axis(blurred, one[None], 0)[0] for one in places])
    return stack + rng.normal(0, 0.3, stack.shape)


@pytest.mark.parametrize("picture", [rings, bars, coins])
@pytest.mark.parametrize("planes", [5, 9])
def test_specimens_along_the_axes_come_into_focus(picture, planes):
    for seed in range(10):
        stack = through_focus(picture, planes, np.random.default_rng(seed))
        assert find_banding(tiles_of(stack), 0.1, STARTS) == (NONE, NONE)


def test_lines_that_stand_still_are_none():
    stack = grain(1) + np.random.default_rng(2).normal(0, 10, (SHAPE[0], 1))
    assert find_banding(tiles_of(stack), 0.1, STARTS) == (NONE, NONE)


@pytest.mark.parametrize("axes", ["rows", "columns", "both"])
def test_moved_with_the_planes(axes):
    rng = np.random.default_rng(3)
    columns, rows = (rng.normal(size=(2, side)).astype(np.float32) for side in (50, 40))
    banding = Banding(None if axes == "rows" else columns, None if axes == "columns" else rows, 1.0)
    transform = np.array([[0.99, 0.02, 3.5], [-0.02, 0.99, 4.25]])
    window = slice(5, 30), slice(8, 34)
    whole = np.broadcast_to(banding.of(1), (40, 50))
    begin = transform[:, :2] @ (5, 8) + transform[:, 2]
    wanted = affine_transform(whole, transform[:, :2], begin, (25, 26), order=1)
    np.testing.assert_allclose(banding.moved(1, transform, window), wanted, atol=1e-4)
    inner = np.broadcast_to(banding.of(1, window), (25, 26))
    np.testing.assert_array_equal(inner, whole[window])
