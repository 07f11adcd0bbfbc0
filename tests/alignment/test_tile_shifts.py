import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.alignment import Pyramid, apply, centre_of, match_planes
from napari_umis_fusion.alignment import _tile_shifts as tiles
from napari_umis_fusion.alignment._fit import fit_shifts
from napari_umis_fusion.alignment._match import NO_MATCH
from napari_umis_fusion.alignment._pyramid import FINEST_PX, reduce_by
from napari_umis_fusion.alignment._tile_shifts import Shifts, Tiles, shift_of_all
from napari_umis_fusion.alignment._transforms import about_centre, identity

KERNEL_MODULES = (tiles,)


def texture(shape, seed=0):
    noise = gaussian_filter(np.random.default_rng(seed).random(shape), 1.5)
    return np.asarray(255 * (noise - noise.min()) / np.ptp(noise), np.float32)


def shift(rows, columns):
    return np.column_stack([np.eye(2), (rows, columns)])


@pytest.mark.usefixtures("jit")
@pytest.mark.parametrize("shape", [(41, 50), (9, 31), (4, 4)])
def test_tiles_are_cut_where_the_transform_says(shape):
    image = texture(shape)
    one = Tiles(image)
    comparison = one.paired_with(Tiles(image), identity())
    seen = np.isfinite(comparison.correlations)
    assert np.allclose(comparison.correlations[seen], 1, atol=1e-4)
    away = one.paired_with(Tiles(image), shift(1000, 0))
    assert np.isnan(away.correlations).all()


@pytest.mark.usefixtures("jit")
def test_shifts_are_found():
    scene = texture((70, 90))
    here, there = (np.ascontiguousarray(scene[r : r + 60, c : c + 80]) for r, c in ((5, 5), (3, 8)))
    found = Tiles(here).paired_with(Tiles(there), identity()).shifts()
    assert len(found.shifts) >= 4
    assert np.allclose(np.median(found.shifts, axis=0), (2, -3), atol=0.25)
    assert (found.weights > 0).all()


def test_shift_of_all():
    scene = texture((120, 140))
    assert np.array_equal(shift_of_all(scene[10:90, 10:110], scene[4:84, 23:123]), (6, -13))
    flat = np.zeros((50, 60), np.float32)
    assert np.array_equal(shift_of_all(flat, flat), (0, 0))


def test_dark_tiles_have_no_say():
    image = texture((200, 200))
    image[:, 100:] = 3
    comparison = Tiles(image).paired_with(Tiles(image), identity())
    right = Tiles(image).centres[:, 1] > 150
    assert np.isnan(comparison.correlations[right]).all()
    assert np.isfinite(comparison.correlations[~right]).any()


@pytest.mark.parametrize("model", ["similarity", "affine"])
@pytest.mark.parametrize("wrong", [0.0, 0.4])
def test_fit_believes_most_tiles(model, wrong):
    rng, shape = np.random.default_rng(0), (300, 400)
    turn = np.array([[1.02, -0.01], [0.01, 1.02]])
    truth = about_centre(turn, (1.5, -2.5), shape)
    centres = rng.uniform(0, 300, (60, 2))
    shifts = apply(truth, centres) - centres + rng.normal(0, 0.05, centres.shape)
    bad = rng.random(60) < wrong
    shifts[bad] += rng.uniform(-20, 20, (bad.sum(), 2))
    fit = fit_shifts(Shifts(centres, shifts, np.ones(60)), model, shape, 1.0)
    assert np.allclose(fit.transform, truth, atol=0.3)
    middle = centre_of(shape)
    assert np.allclose(apply(fit.transform, middle), apply(truth, middle), atol=0.1)
    assert fit.error_px < 0.3


def test_tiles_that_contradict_one_another_make_no_fit():
    rng = np.random.default_rng(0)
    centres, shifts = rng.uniform(0, 300, (30, 2)), rng.uniform(-40, 40, (30, 2))
    assert fit_shifts(Shifts(centres, shifts, np.ones(30)), "translation", (300, 300), 1.0) is None


def test_pyramid():
    image = texture((800, 1200))
    levels = Pyramid.of(image).levels
    assert [level.factor for level in levels] == [4, 2, 1]
    assert levels[0].image.shape == (200, 300)
    large = Pyramid.of(np.zeros((10, FINEST_PX + 1), np.float32))
    assert large.factor == 2
    assert np.allclose(reduce_by(image[:5, :7], 2)[0, 0], image[:2, :2].mean())


@pytest.mark.parametrize("planes", [(np.zeros((64, 64)), np.zeros((64, 64))), (None, None)])
def test_planes_without_common_detail_tell_nothing(planes):
    first, other = planes
    if first is None:
        first, other = (np.random.default_rng(seed).normal(100, 20, (300, 300)) for seed in (1, 2))
    found = match_planes(
        *(Pyramid.of(np.asarray(p, np.float32)) for p in (first, other)), "similarity"
    )
    assert found is NO_MATCH or found.agreement[1] < 0.4
