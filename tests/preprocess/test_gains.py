import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from napari_umis_fusion import fuse
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.preprocess import GreyConverter, GreyRange
from napari_umis_fusion.preprocess.illumination import GainEstimator, Illumination
from napari_umis_fusion.preprocess.illumination._tile_gains import (
    estimate_dark_level,
    fit_lines,
    log_gains,
)
from napari_umis_fusion.stack import Stack
from napari_umis_fusion.synthetic import SCENES, Motion, RenderConfig, render_moving_stack

SHAPE = (128, 160)
MIDDLE = 3
EIGHT_BIT = RenderConfig(planes=7)
NOISY = replace(EIGHT_BIT, photon_electrons=500.0, read_electrons=2.0)
SIXTEEN_BIT = replace(NOISY, dtype="uint16", offset=1000.0, full_scale=20000.0)
FLICKER = Motion(flicker=0.06, seed=1)
MOVING = Motion(breathing=0.02, drift_px=(4.0, -3.0), jitter_px=0.7, seed=2)


@cache
def rendered(name, motion, config):
    if name == "fluorescence":
        config = replace(config, psf="gaussian")
    return render_moving_stack(name, SHAPE, motion, config, None)


def greys_of(stack):
    opened = as_stack(stack)
    to_grey = GreyConverter(opened, "auto")
    return [to_grey(plane) for plane in opened]


def estimated(greys, reference=MIDDLE, invalid=None, **options):
    estimator = GainEstimator(greys[0].shape, **options)
    for z, grey in enumerate(greys):
        estimator.add(z, grey, invalid)
    return estimator.illumination(reference)


def error(illumination, gains):
    wanted = np.asarray(gains) / gains[illumination.reference]
    return np.abs(np.array(illumination.gains) / wanted - 1).max()


# --- gains of rendered stacks


NAMES = ["bumps", "bars", "fluorescence"]
DIRTY = replace(FLICKER, vignetting=0.3, dust_spots=4, hot_pixels=20)
LEAST = 0.0101  # 1 % is the least that is corrected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("motion", [FLICKER, Motion(fading=0.3)], ids=["flicker", "fading"])
def test_gains_are_found_within_one_percent(name, motion):
    moving = rendered(name, motion, EIGHT_BIT)
    illumination = estimated(greys_of(moving.stack))
    assert error(illumination, moving.gains) < LEAST
    assert error(Illumination((1.0,) * 7, (0.0,) * 7, MIDDLE), moving.gains) > 0.05


@pytest.mark.parametrize("name", ["bumps", "bars"])
def test_gains_are_found_through_vignetting_dust_and_hot_pixels(name):
    moving = rendered(name, DIRTY, EIGHT_BIT)
    assert error(estimated(greys_of(moving.stack)), moving.gains) < LEAST


@pytest.mark.parametrize("name", NAMES)
def test_gains_of_16_bit_planes_are_found_though_grey_0_is_not_dark(name):
    """Faint and noisy fluorescence does not tell how dark it is without light: it is told."""
    moving = rendered(name, FLICKER, SIXTEEN_BIT)
    grey_range = GreyConverter(as_stack(moving.stack), "auto").range
    dark = (SIXTEEN_BIT.offset - grey_range.black) * grey_range.scale
    options = {"dark": dark} if name == "fluorescence" else {}
    assert error(estimated(greys_of(moving.stack), **options), moving.gains) < LEAST


@pytest.mark.parametrize(
    ("name", "most"),
    # Few filaments in small tiles that move by a quarter of them: told less well.
    [("bumps", LEAST), ("bars", LEAST), ("fluorescence", 0.035)],
)
def test_gains_of_moving_planes_are_found(name, most):
    moving = rendered(name, replace(MOVING, flicker=0.06), EIGHT_BIT)
    assert error(estimated(greys_of(moving.stack)), moving.gains) < most


def still(name, config):
    return rendered(name, FLICKER, config).twin.stack


def moving(name, config):
    return rendered(name, MOVING, config).stack


@pytest.mark.parametrize("name", ["bumps", "fluorescence"])
@pytest.mark.parametrize(
    ("make", "config"),
    [(still, EIGHT_BIT), (still, SIXTEEN_BIT), (moving, EIGHT_BIT)],
    ids=["8 bit", "16 bit noisy", "moving"],
)
def test_evenly_lit_stacks_are_left_exactly_as_they_are(name, make, config):
    stack = make(name, config)
    greys = greys_of(stack)
    illumination = estimated(greys)
    assert illumination.is_even
    for z, (plane, grey) in enumerate(zip(stack, greys, strict=True)):
        np.testing.assert_array_equal(illumination.correct(grey.copy(), z), grey)
        assert illumination.correct_values(plane, z, GreyRange(0, 1)) is plane


# --- the line of a pair, and of all


def blocky(seed=0):
    coarse = np.random.default_rng(seed).uniform(40, 200, (8, 8)).astype(np.float32)
    return np.kron(coarse, np.ones((12, 16), np.float32))


GAINS = np.array([1.0, 0.9, 1.2, 0.8, 1.05, 1.1])


@pytest.mark.parametrize("dark", [-60.0, 0.0, 15.0])
def test_what_is_there_without_light_is_found_and_becomes_the_offset(dark):
    greys = [(dark + g * (blocky() - dark)).astype(np.float32) for g in GAINS]
    illumination = estimated(greys, 0)
    np.testing.assert_allclose(illumination.gains, GAINS, rtol=1e-3)
    np.testing.assert_allclose(illumination.offsets, dark * (1 - GAINS), atol=0.1)
    for z, grey in enumerate(greys):
        assert illumination.correct(grey, z) is grey
        np.testing.assert_allclose(grey, blocky(), rtol=1e-3, atol=0.1)


def test_a_known_dark_helps_where_planes_do_not_tell():
    pair = [(30 + g * (blocky() - 30)).astype(np.float32) for g in (1.0, 1.3)]
    assert estimated(pair, 0, dark=30.0).gains[1] == pytest.approx(1.3, rel=1e-3)
    assert estimated(pair, 0).gains[1] < 1.27


def test_tiles_that_changed_otherwise_do_not_count():
    tiles = np.random.default_rng(0).uniform(40, 200, (6, 1, 64))[0].repeat(6, 0) * GAINS[:, None]
    tiles[3, :12] *= 3
    logs, errors, dark = log_gains(tiles, 0)
    np.testing.assert_allclose(np.exp(logs), GAINS, rtol=1e-6)
    assert dark == 0
    assert np.all(errors < 0.01)


def test_lines_do_not_favour_either_plane():
    rng = np.random.default_rng(0)
    a = rng.uniform(40, 200, (3, 64))
    b = 1.3 * a + rng.normal(0, 5, a.shape)
    np.testing.assert_allclose(fit_lines(a, b).change, -fit_lines(b, a).change, atol=1e-12)


def test_too_few_pairs_or_too_little_flicker_tell_nothing_of_the_dark():
    a = np.random.default_rng(0).uniform(40, 200, (5, 64))
    changes = np.array([[1.1], [0.9], [1.2], [0.8], [1.15]])
    assert estimate_dark_level(fit_lines(a, 50 + changes * (a - 50))) == pytest.approx(50, abs=1)
    assert estimate_dark_level(fit_lines(a[:3], 50 + changes[:3] * (a[:3] - 50))) == 0
    slight = 1 + (changes - 1) / 50
    assert estimate_dark_level(fit_lines(a, 50 + slight * (a - 50))) == 0


def test_errors_do_not_add_up_along_a_long_stack():
    rng = np.random.default_rng(1)
    tiles = 100 * np.exp(rng.normal(0, 0.02, (300, 64)))
    logs, _, _ = log_gains(tiles, 150)
    assert np.abs(logs).max() < 0.025  # each is known to 0.3 %; a chain of 150 would go astray


# --- what must not count, and what must do no harm


def test_invalid_pixels_are_ignored():
    invalid = np.zeros((96, 128), bool)
    invalid[:, ::3] = invalid[:30] = True
    greys = [(g * blocky()).astype(np.float32) for g in GAINS]
    wanted = estimated(greys, 0, invalid)
    for z, grey in enumerate(greys):
        grey[invalid] = np.nan if z % 2 else 1e6
    assert estimated(greys, 0, invalid) == wanted
    np.testing.assert_allclose(wanted.gains, GAINS, rtol=1e-3)


def test_saturated_tiles_do_not_count():
    greys = [np.minimum(g * (blocky() + 40), 150).astype(np.float32) for g in GAINS]
    kept = np.abs(np.array(estimated(greys, 0, white=150.0).gains) / GAINS - 1).max()
    assert kept < 0.002
    assert np.abs(np.array(estimated(greys, 0).gains) / GAINS - 1).max() > 3 * kept


def test_black_and_invalid_planes_are_left_alone_and_do_not_part_the_others():
    greys = [(g * blocky()).astype(np.float32) for g in GAINS]
    greys[2] = np.zeros_like(greys[2])
    greys[4] = np.full_like(greys[4], 0.2)
    illumination = estimated(greys, 2)
    lit = [0, 1, 3, 5]
    assert illumination.reference in (1, 3)
    wanted = GAINS[lit] / GAINS[illumination.reference]
    np.testing.assert_allclose(np.array(illumination.gains)[lit], wanted, rtol=1e-3)
    assert [illumination.changes(z) for z in (2, 4)] == [False, False]


@pytest.mark.parametrize("level", [0.0, 5.0, 255.0])
@pytest.mark.parametrize("planes", [1, 2, 5])
def test_constant_planes_are_even(level, planes):
    assert estimated([np.full((20, 30), level, np.float32)] * planes, 0).is_even


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (17, 5)])
def test_tiny_planes_do_no_harm(shape):
    rng = np.random.default_rng(0)
    greys = [rng.uniform(50, 200, shape).astype(np.float32) for _ in range(3)]
    assert np.all(np.isfinite(estimated(greys, 1).gains))


def test_no_plane_and_wholly_invalid_planes():
    assert GainEstimator((8, 8)).illumination(0) == Illumination((), (), 0)
    nothing = np.full((16, 16), np.nan, np.float32)
    assert estimated([nothing] * 3, 1, np.ones((16, 16), bool)).is_even


def test_planes_may_come_in_any_order():
    greys = [(g * blocky()).astype(np.float32) for g in GAINS]
    estimator = GainEstimator(greys[0].shape)
    for z in (3, 0, 5, 1, 4, 2):
        estimator.add(z, greys[z])
    assert estimator.illumination(0) == estimated(greys, 0)


# --- values


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64", "bool"])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_values_keep_their_dtype_and_agree_with_grey(dtype, channels):
    illumination = Illumination((0.8, 1.0), (-4.0, 0.0), 1)
    values = np.random.default_rng(0).uniform(0, 250, (6, 7, *channels))
    plane = values.astype(dtype)
    corrected = illumination.correct_values(plane, 0, GreyRange(20.0, 0.5))
    assert corrected.dtype == plane.dtype
    if dtype == "bool":
        assert corrected is plane
        return
    grey = ((plane.astype(np.float64) - 20) * 0.5).astype(np.float32)
    wanted = illumination.correct(grey, 0) / 0.5 + 20
    if np.issubdtype(plane.dtype, np.integer):
        wanted = np.clip(np.rint(wanted), 0, np.iinfo(dtype).max)
    np.testing.assert_allclose(corrected, wanted, atol=1e-3)


def test_describe_is_json():
    illumination = estimated([(g * blocky()).astype(np.float32) for g in GAINS], 0)
    told = json.loads(json.dumps(illumination.describe()))
    assert told["corrected_planes"] == 5
    assert told["gains"] == pytest.approx(GAINS, rel=1e-3)


# --- the point of it


class LitAlike(Stack):
    """Grey planes as the focus measure will see them."""

    def __init__(self, stack):
        self._greys = greys_of(stack)
        self._illumination = estimated(self._greys)
        self.shape, self.dtype = stack.shape, np.dtype(np.float32)

    def plane(self, z):
        return self._illumination.correct(self._greys[z].copy(), z)


@pytest.mark.parametrize(
    ("name", "trouble", "left"),
    [
        ("bars", {"flicker": 0.1, "seed": 1}, 0.03),
        ("fluorescence", {"flicker": 0.1, "seed": 1}, 0.08),
        ("bumps", {"fading": 0.5}, 0.03),
    ],
)
def test_flicker_no_longer_moves_the_index_map(name, trouble, left):
    config = replace(SCENES[name].clean, planes=7, dtype="float32", full_scale=1.0, offset=0.0)
    moving = rendered(name, Motion(**trouble), config)
    options = {"focus_measure": "laplacian", "verification": "none", "blend": "select"}
    options["light"] = "none"
    wanted = fuse(moving.twin.stack, **options).index_map
    uneven = np.mean(fuse(moving.stack, **options).index_map != wanted)
    even = np.mean(fuse(LitAlike(moving.stack), **options).index_map != wanted)
    assert uneven > 0.02
    assert even < left * uneven
