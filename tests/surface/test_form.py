"""Fitted forms against forms that were added to a known roughness."""

from itertools import pairwise

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.surface import remove_form

POLYNOMIALS = {
    "plane": lambda y, x: 3 + 0.2 * y - 0.1 * x,
    "polynomial 2": lambda y, x: 0.01 * y * y - 0.02 * x * y + 0.3 * x,
    "polynomial 3": lambda y, x: 0.001 * y**3 - 0.002 * x * x * y,
    "polynomial 4": lambda y, x: 1e-4 * (x * y) ** 2 - 2e-5 * x**4,
}
ORDER = list(POLYNOMIALS)


def gaps(shape):
    mask = np.random.default_rng(7).random(shape) < 0.2
    mask[20:40, 50:70] = True
    return mask


@pytest.mark.parametrize("form", ORDER)
@pytest.mark.parametrize("has_gaps", [False, True])
def test_a_polynomial_of_its_degree_or_less_leaves_nothing(surface_of, grid, form, has_gaps):
    for lower in ORDER[: ORDER.index(form) + 1]:
        heights = POLYNOMIALS[lower](*grid)
        mask = gaps(heights.shape) if has_gaps else None
        left = remove_form(surface_of(heights, never_in_focus=mask), form)
        assert np.nanmax(np.abs(left.heights_um)) < 1e-9
        assert (~left.is_measured).sum() == (0 if mask is None else mask.sum())


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(ORDER)))
def test_a_polynomial_of_higher_degree_stays(surface_of, grid, lower, higher):
    left = remove_form(surface_of(POLYNOMIALS[higher](*grid)), lower)
    assert left.heights_um.std() > 0.1


@pytest.mark.parametrize("radius_um", [-300, -45, 35, 60, 5000])
@pytest.mark.parametrize("centre", [(0, 0), (8, -11)])
def test_a_sphere_is_found_from_a_part_of_it(surface_of, grid, radius_um, centre):
    y, x = grid
    cap = np.sqrt(radius_um**2 - (y - centre[0]) ** 2 * 0.5 - (x - centre[1]) ** 2 * 0.5)
    squeezed = surface_of(np.sign(radius_um) * cap, (0.7 * 0.5**0.5, 0.5 * 0.5**0.5))
    assert np.abs(remove_form(squeezed, "sphere").heights_um).max() < 1e-4


@pytest.mark.parametrize("radius_um", [-200, 40, 900])
@pytest.mark.parametrize("turned", [0, 0.4, 1.3, 2.9])
@pytest.mark.parametrize("tilt", [0, 0.2])
def test_a_cylinder_of_any_direction_and_tilt_is_found(surface_of, grid, radius_um, turned, tilt):
    y, x = grid
    across, along = y * np.cos(turned) - x * np.sin(turned), y * np.sin(turned) + x * np.cos(turned)
    # tilted along its axis, a cylinder is cut in ellipses: stretched along z
    heights = np.sign(radius_um) * np.sqrt(radius_um**2 - across**2) / np.cos(tilt)
    left = remove_form(surface_of(heights + along * np.tan(tilt)), "cylinder")
    assert np.abs(left.heights_um).max() < 1e-4


@pytest.mark.parametrize("form", ["plane", "polynomial 4", "sphere", "cylinder"])
def test_roughness_on_a_form_survives(surface_of, grid, rough, form):
    y, x = grid
    bent = np.sqrt(200**2 - x**2) if form == "cylinder" else np.sqrt(200**2 - y**2 - x**2)
    base = 0.1 * x if form == "plane" else bent
    left = remove_form(surface_of(base + rough), form).heights_um
    # forms take some of a long-waved roughness with them
    assert np.corrcoef(left.ravel(), rough.ravel())[0, 1] > 0.8


def test_flat_surfaces_have_no_radius_and_stay_flat(surface_of):
    for form in ("plane", "sphere", "cylinder"):
        left = remove_form(surface_of(np.ones((20, 20))), form).heights_um
        np.testing.assert_allclose(left, 0, atol=1e-6)


def test_no_form_is_the_surface_itself(surface_of, rough):
    surface = surface_of(rough)
    assert remove_form(surface, "none") is surface
    with pytest.raises(ConfigError, match="accepted are none, plane"):
        remove_form(surface, "cone")
