"""Profiles, steps, areas and contours of surfaces whose measures are known."""

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.surface import contours, profile_along, step_height, surface_area


def test_a_profile_on_a_slope_has_the_length_of_the_slope(surface_of, grid):
    surface = surface_of(0.75 * grid[1])
    profile = profile_along(surface, [[5, 10], [5, 50]])
    assert profile.length_um == pytest.approx(20)
    assert profile.length_on_surface_um == pytest.approx(25)
    assert profile.height_between(0, 20) == pytest.approx(15)
    np.testing.assert_allclose(np.diff(profile.heights_um), 15 / (len(profile.heights_um) - 1))


def test_a_profile_of_several_pieces_goes_around_corners(surface_of, grid):
    profile = profile_along(surface_of(grid[0]), [[10, 10], [10, 30], [10, 30], [40, 30]])
    assert profile.length_um == pytest.approx(20 * 0.5 + 30 * 0.7)
    np.testing.assert_allclose(profile.heights_um[profile.distance_um < 10], profile.heights_um[0])
    assert profile.height_between(10, 31) == pytest.approx(21)
    np.testing.assert_allclose(profile.points_px[[0, -1]], [[10, 10], [40, 30]])


def test_a_profile_across_a_gap_is_empty_there(surface_of, grid):
    mask = np.zeros(grid[0].shape, bool)
    mask[:, 20:30] = True
    profile = profile_along(surface_of(grid[1], never_in_focus=mask), [[10, 5], [10, 60]])
    inside = (profile.points_px[:, 1] > 19.01) & (profile.points_px[:, 1] < 29.99)
    np.testing.assert_array_equal(np.isnan(profile.heights_um), inside)
    assert np.isnan(profile.length_on_surface_um)


@pytest.mark.parametrize(
    "line", [[[1, 2]], [[1, 2], [1, 2]], [[1, 2], [1, 99]], [[1, np.nan], [2, 3]], [1, 2]]
)
def test_lines_that_are_none_are_refused(surface_of, rough, line):
    with pytest.raises(StackError):
        profile_along(surface_of(rough), line)


def test_tilt_is_no_step(surface_of, grid):
    y, x = grid
    noise = np.random.default_rng(0).normal(0, 0.05, x.shape)
    first, second = x < -5, x > 5
    surface = surface_of(np.where(x > 0, 2.5, 0) + 0.3 * x - 0.1 * y + noise)
    found = step_height(surface, first, second)
    assert found.height_um == pytest.approx(2.5, abs=0.02)
    assert found.rms_um == pytest.approx(0.05, rel=0.1)
    assert found.points == (first.sum(), second.sum())
    assert step_height(surface, second, first).height_um == pytest.approx(-found.height_um)


def test_regions_that_overlap_or_are_empty_are_refused(surface_of, rough):
    everywhere, nowhere = np.ones(rough.shape, bool), np.zeros(rough.shape, bool)
    for first, second in ((everywhere, everywhere), (everywhere, nowhere)):
        with pytest.raises(StackError, match=r"overlap|measured points"):
            step_height(surface_of(rough), first, second)
    with pytest.raises(StackError, match="accepted is bool"):
        step_height(surface_of(rough), everywhere[1:], nowhere)


@pytest.mark.parametrize("slope", [(0, 0), (0, 1), (0.5, -2)])
def test_the_area_of_a_plane_grows_with_its_slope(surface_of, grid, slope):
    y, x = grid
    found = surface_area(surface_of(slope[0] * y + slope[1] * x))
    assert found.projected_um2 == pytest.approx(60 * 79 * 0.35)
    assert found.ratio == pytest.approx(np.sqrt(1 + slope[0] ** 2 + slope[1] ** 2))


def test_the_area_of_half_a_sphere(surface_of):
    y, x = np.mgrid[-1:1:801j, -1:1:801j]
    inside = y**2 + x**2 < 0.8**2
    cap = np.sqrt(np.clip(1 - y**2 - x**2, 0, None))
    found = surface_area(surface_of(cap, 2 / 800), inside)
    assert found.on_surface_um2 == pytest.approx(2 * np.pi * (1 - 0.6), rel=0.01)
    with pytest.raises(StackError, match="no four neighbouring"):
        surface_area(surface_of(cap, 2 / 800), np.zeros_like(inside))


def test_contours_of_a_cone_are_circles(surface_of):
    y, x = np.mgrid[-40:41, -40:41].astype(float)
    found = contours(surface_of(-np.hypot(y, x), 1.0, top="last").with_heights(np.hypot(y, x)), 10)
    circles = [one for one in found if 0 < one.height_um <= 30]
    assert sorted(one.height_um for one in circles) == [10, 20, 30]
    for one in circles:
        radius = np.linalg.norm(one.line_px - 40, axis=1)
        np.testing.assert_allclose(radius, one.height_um, atol=0.1)
        np.testing.assert_array_equal(one.line_px[0], one.line_px[-1])


@pytest.mark.parametrize("spacing_um", [0, -1, np.nan, 1e-9])
def test_too_many_contours_are_refused(surface_of, rough, spacing_um):
    with pytest.raises(ConfigError, match="at least"):
        contours(surface_of(rough), spacing_um)
