"""A plane that lacks a part borrows it from the less sharp of the planes around it."""

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.fusion.planes import _lending
from napari_umis_fusion.fusion.planes._lending import lend

SHAPE = (90, 130)


def test_the_less_sharp_plane_lends_place_by_place():
    sharp = np.random.default_rng(0).uniform(0, 255, SHAPE).astype(np.float32)
    blurred = gaussian_filter(sharp, 3)
    before, after = sharp.copy(), blurred.copy()
    before[:, 65:], after[:, 65:] = blurred[:, 65:], sharp[:, 65:]
    part = np.zeros(SHAPE, np.bool_)
    part[30:] = True
    grey = np.zeros(SHAPE, np.float32)
    lend(grey, part, before, after)
    assert (grey[:30] == 0).all()
    for columns in (slice(0, 20), slice(-20, None)):  # far from where they change roles
        np.testing.assert_allclose(grey[30:, columns], blurred[30:, columns], atol=1)


def test_bands_of_rows_give_what_the_whole_gives(monkeypatch):
    rng = np.random.default_rng(1)
    before, after = rng.uniform(0, 255, (2, 333, 90)).astype(np.float32)
    part = rng.uniform(size=(333, 90)) < 0.5
    filled = []
    for band in (64, 400):
        monkeypatch.setattr(_lending, "BAND_PX", band)
        grey = np.zeros((333, 90), np.float32)
        _lending.lend(grey, part, before, after)
        filled.append(grey)
    np.testing.assert_allclose(*filled, atol=1e-3)


def test_the_plane_after_lends_alone_where_the_one_before_has_nothing():
    after = np.full((3, 5), 7, np.float32)
    grey = np.zeros((3, 5), np.float32)
    lend(grey, np.eye(3, 5, dtype=np.bool_), None, after)
    np.testing.assert_array_equal(grey, 7 * np.eye(3, 5))


def test_planes_of_a_few_pixels_and_without_detail_lend_their_mean():
    before, after = np.full((2, 1), 10, np.float32), np.full((2, 1), 20, np.float32)
    grey = np.zeros((2, 1), np.float32)
    lend(grey, np.ones((2, 1), np.bool_), before, after)
    np.testing.assert_allclose(grey, 15, rtol=1e-3)
