"""Bayer mosaics are told from all other planes, and mixed to grey."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess import grey_of_mosaic, is_mosaic
from napari_umis_fusion.synthetic import SCENES, make_stack

SHAPE = (130, 195)
ORDERS = {"rggb": (0, 1, 1, 2), "bggr": (2, 1, 1, 0), "grbg": (1, 0, 2, 1), "gbrg": (1, 2, 0, 1)}
TINTS = [(1, 0.55, 0.75), (0.5, 1, 0.65), (0.6, 1, 0.4), (0.9, 1, 0.8)]


def mosaic_of(colours, order="rggb"):
    """Return what a sensor behind a Bayer filter records of colours (..., Y, X, 3)."""
    mosaic = np.empty(colours.shape[:-1], colours.dtype)
    for place, colour in zip(np.ndindex(2, 2), ORDERS[order], strict=True):
        window = (..., slice(place[0], None, 2), slice(place[1], None, 2))
        mosaic[window] = colours[(*window, colour)]
    return mosaic


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("tint", TINTS, ids=str)
@pytest.mark.parametrize("noisy", [False, True])
def test_mosaics_are_recognised(order, tint, noisy):
    stack = make_stack("bumps", SHAPE, planes=4, noisy=noisy).stack * np.array(tint)
    for dtype in (np.uint8, np.uint16, np.float32):
        assert all(is_mosaic([plane]) for plane in mosaic_of(stack, order).astype(dtype))


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("noisy", [False, True])
def test_grey_planes_are_none(scene, noisy):
    stack = make_stack(scene, SHAPE, planes=4, noisy=noisy).stack
    for plane in stack:
        channels = plane[..., None] if plane.ndim == 2 else plane
        assert not any(is_mosaic([channel]) for channel in np.moveaxis(channels, -1, 0))
        assert plane.ndim == 2 or not is_mosaic([plane]), "planes with channels are none"


YY, XX = np.indices(SHAPE)
OTHERS = {
    "columns read in turn": XX % 2,
    "rows read in turn": YY % 2,
    "interlaced": np.where(YY % 2, np.roll(XX, 7, axis=1), XX) % 40 / 40,
    "fine grating": np.sin(2 * np.pi * XX / 2.05),
    "slanted grating": np.sin(2 * np.pi * (XX + YY) / 2.3),
    "grid of lines": ((XX % 16 == 0) | (YY % 16 == 0)) * 1.0,
    "slope": XX / 100 + YY / 50,
    "one value": np.zeros(SHAPE),
    "two values, dithered": np.where(np.tile([[0, 2], [3, 1]], (65, 98))[:, :195] > XX / 50, 1, 0),
}


@pytest.mark.parametrize("noise", [0, 0.02])
@pytest.mark.parametrize("kind", OTHERS)
def test_other_regular_patterns_are_none(kind, noise):
    if kind == "two values, dithered" and noise:
        return  # no longer of two values
    values = OTHERS[kind] + noise * np.random.default_rng(0).normal(0, 1, SHAPE)
    assert not is_mosaic([values.astype(np.float32)])
    assert not is_mosaic([(1000 + 400 * values).clip(0).astype(np.uint16)])


def test_what_cannot_tell_is_none():
    colours = make_stack("bumps", SHAPE, planes=1).stack[0] * np.array(TINTS[0])
    mosaic = mosaic_of(colours).astype(np.float32)
    assert is_mosaic([mosaic])
    assert not is_mosaic([mosaic[:40, :40]]), "too small"
    mosaic[3, 4] = np.nan
    assert not is_mosaic([mosaic])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", [(6, 8), (7, 9), (2, 2), (130, 195)], ids=str)
def test_the_mix_has_a_quarter_red_half_green_a_quarter_blue(order, shape):
    colours = np.broadcast_to(np.array((100, 40, 20), np.float32), (*shape, 3))
    grey = grey_of_mosaic(mosaic_of(colours, order))
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, 100 / 4 + 40 / 2 + 20 / 4, rtol=1e-6)
