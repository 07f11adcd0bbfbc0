"""Waves that a camera adds are found, and gratings of a specimen are not taken for them."""

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.preprocess.fixed_pattern._find_waves import find_waves
from napari_umis_fusion.synthetic import SCENES, make_stack

SHAPE = (128, 192)
PLANES = 8
FLOOR = 0.06
YY, XX = np.indices(SHAPE)


def tiles_of(stack):
    """Return a lattice of 2 x 3 tiles of 64 px, of shape (6, planes, 64, 64)."""
    grey = stack if stack.ndim == 3 else stack.mean(axis=-1)
    return np.stack(
        [grey[:, y : y + 64, x : x + 64].astype(np.float32) for y in (0, 64) for x in (0, 64, 128)]
    )


def waves(length_px, angle, phases=(0,)):
    places = YY * np.sin(angle) + XX * np.cos(angle)
    return np.stack([np.cos(2 * np.pi * places / length_px + phase) for phase in phases])


def texture(seed=0):
    return 120 + ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 90, SHAPE), 1.2)


def through_focus(image, noise=0.0, slope=0.6):
    """Return planes of which the one before the middle is in focus."""
    rng, blurs = np.random.default_rng(3), 0.5 + slope * np.abs(np.arange(PLANES) - 3)
    planes = [ndimage.gaussian_filter(image, blur) for blur in blurs]
    return np.stack(planes) + rng.normal(0, noise, (PLANES, *SHAPE))


@pytest.mark.parametrize("noise", [0.0, 3.0])
@pytest.mark.parametrize(("length_px", "angle"), [(3.3, 0.4), (6, 0.0), (7.4, 1.5708), (8.3, 2.2)])
def test_a_wave_that_stands_still_is_found_as_it_is(length_px, angle, noise):
    stack = through_focus(texture(), noise) + 5 * waves(length_px, angle)
    (found,) = find_waves(tiles_of(stack), FLOOR)
    expected = np.array((np.sin(angle), np.cos(angle))) / length_px
    got = np.array((found.down, found.along))
    got *= np.sign(got @ expected)  # a wave has two frequencies, of opposite signs
    np.testing.assert_allclose(got, expected, atol=0.004)
    assert found.amplitude == pytest.approx(5, rel=0.2)
    assert found.stands_still


def test_a_wave_may_lie_elsewhere_in_each_plane():
    phases = np.random.default_rng(1).uniform(0, 2 * np.pi, PLANES)
    stack = through_focus(texture(), 2.0) + 5 * waves(6.3, 0.8, phases)
    (found,) = find_waves(tiles_of(stack), FLOOR)
    assert not found.stands_still


def test_a_bundle_of_fibres_is_three_waves():
    stack = through_focus(texture(), 2.0)
    stack = stack + 4 * sum(waves(7, 0.3 + turn * np.pi / 3) for turn in range(3))
    assert len(find_waves(tiles_of(stack), FLOOR)) == 3


def test_many_peaks_are_lines_and_no_waves():
    grid = np.where((XX % 16 == 0) | (YY % 16 == 0), -30, 0)
    assert find_waves(tiles_of(through_focus(texture()) + grid), FLOOR) == []


@pytest.mark.parametrize("kind", ["columns", "rows", "pixels", "soft"])
def test_what_differs_at_random_is_no_wave(kind):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        size = {"columns": (1, SHAPE[1]), "rows": (SHAPE[0], 1)}.get(kind, SHAPE)
        drawn = rng.normal(0, 5, size)
        shown = ndimage.gaussian_filter(drawn, 1.2) * 4 if kind == "soft" else drawn
        assert find_waves(tiles_of(through_focus(texture(seed)) + shown), FLOOR) == []


@pytest.mark.parametrize("noise", [0.0, 3.0])
@pytest.mark.parametrize("length_px", [3.5, 5, 8, 10.2])
@pytest.mark.parametrize("slope", [0.15, 0.6])
def test_gratings_and_cloth_through_focus_are_no_waves(length_px, noise, slope):
    grating = 40 * np.sign(waves(length_px, 0.0)[0])
    cloth = grating * np.sign(waves(length_px, 1.5708)[0])
    for image in (grating, cloth):
        stack = through_focus(texture() + image, noise, slope)
        assert find_waves(tiles_of(stack), FLOOR) == []


def test_a_wafer_in_focus_in_all_planes_is_no_wave():
    chips = 50 * np.sign(waves(8, 0.0)[0]) * np.sign(waves(8, 1.5708)[0])
    stack = through_focus(texture() + chips, 2.0, slope=0.0)
    assert find_waves(tiles_of(stack), FLOOR) == []


@pytest.mark.parametrize("scene", SCENES)
def test_rendered_specimens_are_no_waves(scene):
    for seed, noisy in ((5, False), (6, True)):
        stack = make_stack(scene, SHAPE, planes=PLANES, noisy=noisy, seed=seed).stack
        assert find_waves(tiles_of(stack), FLOOR) == []


def test_too_little_tells_nothing():
    stack = through_focus(texture()) + 5 * waves(6, 0.3)
    tiles = tiles_of(stack)
    assert find_waves(tiles[:, :3], FLOOR) == [], "three planes"
    assert find_waves(tiles[:3], FLOOR) == [], "three tiles"
    assert find_waves(np.zeros_like(tiles), FLOOR) == []
    tiles[2:, 4] = 7
    assert find_waves(tiles, FLOOR) == [], "one plane is blank in most tiles"
