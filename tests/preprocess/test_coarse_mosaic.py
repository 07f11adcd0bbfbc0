"""Mosaics that repeat after four or six pixels are told from all other planes, and mixed."""

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.preprocess import coarse_mosaic, grey_of_mosaic
from napari_umis_fusion.preprocess._coarse_mosaic import QUAD_BAYER, X_TRANS
from napari_umis_fusion.synthetic import SCENES, make_stack

SHAPE = (150, 170)
PLACES = [(0, 0), (34, 58), (86, 106)]
LAYOUTS = {"quad": QUAD_BAYER, "x-trans": X_TRANS, "x-trans, upright": X_TRANS.T}
YY, XX = np.indices(SHAPE)


def mosaic_of(colours, layout, shift=(0, 0)):
    rows, columns = ((axis + by) % len(layout) for axis, by in zip((YY, XX), shift, strict=True))
    chosen = layout[rows, columns]
    return np.take_along_axis(colours, np.broadcast_to(chosen, colours.shape[:-1])[..., None], -1)[
        ..., 0
    ]


def period_of(plane):
    tiles = [plane[y : y + 64, x : x + 64] for y, x in PLACES]
    return coarse_mosaic(tiles, PLACES)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("noisy", [False, True])
def test_mosaics_are_recognised(layout, noisy):
    stack = make_stack("bumps", SHAPE, planes=3, noisy=noisy).stack * np.array((1, 0.55, 0.75))
    period = len(LAYOUTS[layout])
    for shift in ((0, 0), (3, 2)):
        mosaic = mosaic_of(stack, LAYOUTS[layout], shift)
        for dtype in (np.uint8, np.uint16, np.float32):
            planes = (mosaic * (16 if dtype == np.uint16 else 1)).astype(dtype)
            assert [period_of(plane) for plane in planes] == [period] * 3


@pytest.mark.parametrize("scene", SCENES)
def test_grey_planes_are_none(scene):
    for noisy in (False, True):
        stack = make_stack(scene, SHAPE, planes=3, noisy=noisy).stack
        assert not any(period_of(plane if plane.ndim == 2 else plane[..., 1]) for plane in stack)


OTHERS = {
    "columns": XX % 2,
    "grating of 4": XX % 4 // 2,
    "grating of 6": YY % 6 // 3,
    "lines of 3": XX % 3 == 0,
    "grid": (XX % 6 == 0) | (YY % 6 == 0),
    "grid of 4": (XX % 4 == 0) | (YY % 4 == 0),
    "Bayer": np.array([[1, 0.5], [0.5, 0.7]])[YY % 2, XX % 2],
    "slope": XX / 90 + YY / 70,
    "one value": np.zeros(SHAPE),
}


@pytest.mark.parametrize("noise", [0, 0.02])
@pytest.mark.parametrize("kind", OTHERS)
def test_other_regular_planes_are_none(kind, noise):
    values = OTHERS[kind] + noise * np.random.default_rng(0).normal(0, 1, SHAPE)
    assert period_of(values.astype(np.float32)) == 0
    assert period_of((1000 + 400 * values).clip(0).astype(np.uint16)) == 0


def test_what_cannot_tell_is_none():
    colours = make_stack("bumps", SHAPE, planes=1).stack[0] * np.array((1, 0.55, 0.75))
    mosaic = mosaic_of(colours, X_TRANS).astype(np.float32)
    assert coarse_mosaic([], []) == 0
    assert coarse_mosaic([np.zeros((64, 64, 3))], [(0, 0)]) == 0
    mosaic[3, 4] = np.nan
    assert period_of(mosaic) == 0


@pytest.mark.parametrize("layout", [QUAD_BAYER, X_TRANS])
def test_the_mix_has_all_colours_as_they_occur(layout):
    colours = np.broadcast_to(np.array((100, 40, 20), np.float32), (*SHAPE, 3))
    grey = grey_of_mosaic(mosaic_of(colours, layout), len(layout))
    assert grey.dtype == np.float32
    shares = np.bincount(layout.ravel()) / layout.size
    np.testing.assert_allclose(grey, shares @ (100, 40, 20), rtol=1e-5)


@pytest.mark.parametrize("layout", [np.array([[0, 1], [1, 2]]), QUAD_BAYER, X_TRANS])
def test_detail_stays_as_fine_as_it_was_recorded(layout):
    """A mean of all colours would leave a fifth of it, of an X-Trans mosaic."""
    rng = np.random.default_rng(1)
    detail = ndimage.gaussian_filter(rng.normal(0, 40, SHAPE), 0.7).astype(np.float32)
    tint = np.array((0.8, 1.0, 0.6), np.float32)
    mosaic = mosaic_of((120 + detail)[..., None] * tint, layout)
    grey = grey_of_mosaic(mosaic, len(layout))
    shares = np.bincount(layout.ravel()) / layout.size
    expected = (120 + detail) * (shares @ tint)
    assert (grey - expected)[8:-8, 8:-8].std() < 0.65 * expected.std()
    assert np.corrcoef(grey.ravel(), expected.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("shape", [(1, 1), (2, 7), (5, 3)])
def test_tiny_planes_are_mixed(shape):
    assert grey_of_mosaic(np.ones(shape, np.float32), 6).shape == shape
