"""Searches on curves that are known, and what is said of their tops."""

from typing import get_args

import numpy as np
import pytest
import scipy.optimize

from napari_umis_fusion.errors import AutofocusError
from napari_umis_fusion.live import AutofocusConfig
from napari_umis_fusion.live._autofocus_config import AutofocusSearch
from napari_umis_fusion.live._autofocus_curve import Curve
from napari_umis_fusion.live._autofocus_searches import _brent, search_heights

SEARCHES = get_args(AutofocusSearch)


def measured(curve_of, search, low=-25.0, high=25.0, **options):
    """Return the curve that a search measures, and how many values it asked for."""
    config = AutofocusConfig(search=search, range_um=high - low, **options)
    curve, heights = Curve(), search_heights(low, high, config)
    try:
        height = next(heights)
        while len(curve.values) < config.most_frames - 1:
            curve.add(height, float(curve_of(height)))
            height = heights.send(curve.values[-1])
    except StopIteration:
        pass
    return curve


def bell(top, width, kind="lorentz"):
    if kind == "gauss":
        return lambda height: np.exp(-(((height - top) / width) ** 2))
    return lambda height: 1 / (1 + ((height - top) / width) ** 2)


@pytest.mark.parametrize("kind", ["lorentz", "gauss"])
@pytest.mark.parametrize("search", SEARCHES)
def test_every_search_finds_the_top_of_a_clean_curve(search, kind):
    rng = np.random.default_rng(0)
    for _ in range(60):
        top, width = rng.uniform(-20, 20), rng.uniform(4, 15)
        curve = measured(bell(top, width, kind), search)
        assert len(curve.values) <= 29
        assert all(-25 <= height <= 25 for height in curve.heights_um)
        found = curve.top(-25, 25, 0.5)
        assert abs(found.height_um - top) < 0.06 * width, (top, width)


@pytest.mark.parametrize("search", SEARCHES)
def test_in_noise_errors_are_as_large_as_the_uncertainty_says(search):
    rng = np.random.default_rng(1)
    off = []
    for _ in range(150):
        top, width = rng.uniform(-20, 20), rng.uniform(3, 6)
        clean = bell(top, width)
        curve = measured(lambda height, clean=clean: 30 * clean(height) + rng.normal(), search)
        found = curve.top(-25, 25, 0.5)
        assert abs(found.height_um - top) < 0.5 * width
        off.append((found.height_um - top) / found.uncertainty_um)
    assert np.mean(np.abs(off) < 2) > 0.85
    assert abs(np.mean(off)) < 0.3


@pytest.mark.parametrize("search", SEARCHES)
def test_noise_alone_is_not_taken_for_focus(search):
    rng = np.random.default_rng(2)
    errors = []
    for _ in range(400):
        curve = measured(lambda height: 100 + rng.normal(), search)
        try:
            curve.top(-25, 25, 0.5)
        except AutofocusError as error:
            errors.append(error)
    assert len(errors) >= 399
    assert all("focus is flat between -25 and 25 µm" in str(error) for error in errors)
    assert errors[-1].values == tuple(curve.values)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("constant", [0.0, 1.0, 1e9])
def test_a_constant_curve_is_flat(search, constant):
    curve = measured(lambda height: constant, search)
    with pytest.raises(AutofocusError, match="flat"):
        curve.top(-25, 25, 0.5)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize(("top", "end"), [(-40, "lower"), (-25.2, "lower"), (26, "upper")])
def test_a_top_at_the_end_is_none(search, top, end):
    rng = np.random.default_rng(3)
    clean = bell(top, 10)
    curve = measured(lambda height: 100 * clean(height) + rng.normal(), search)
    with pytest.raises(AutofocusError, match=f"sharpest at the {end} end of the range"):
        curve.top(-25, 25, 0.5)


@pytest.mark.parametrize("search", SEARCHES)
def test_one_wild_value_is_not_a_focus(search):
    rng = np.random.default_rng(4)
    for _ in range(30):
        flash = iter(rng.permutation([300.0] + [0.0] * 28))
        curve = measured(lambda height, flash=flash: 100 + rng.normal() + next(flash), search)
        with pytest.raises(AutofocusError, match="flat"):
            curve.top(-25, 25, 0.5)


@pytest.mark.parametrize("search", ["ternary", "brent", "parabola"])
@pytest.mark.parametrize("tolerance", [0.05, 0.5, 3.0])
def test_a_search_ends_within_its_tolerance(search, tolerance):
    top = 7.77
    curve = measured(bell(top, 6), search, tolerance_um=tolerance, most_frames=100)
    assert len(curve.values) < 80
    assert abs(curve.heights_um[int(np.argmax(curve.values))] - top) <= tolerance


def test_brent_is_brents_method():
    for top in np.linspace(-4, 4, 9):
        clean = bell(top + 0.1, 3.0)
        heights = _brent([(-5.0, 0.0), (0.0, 0.0), (5.0, 0.0)], (-5.0, 0.0), 0.04)
        asked = [next(heights)]
        for _ in range(60):
            try:
                asked.append(heights.send(clean(asked[-1])))
            except StopIteration:
                break
        theirs = scipy.optimize.minimize_scalar(
            lambda height, clean=clean: -clean(height),
            bounds=(-5, 5),
            method="bounded",
            options={"xatol": 0.03},
        )
        best = max(asked, key=clean)
        assert abs(best - theirs.x) < 0.05
        assert len(asked) <= theirs.nfev + 6


def test_the_sweep_is_even_over_the_range_and_again_around_its_best():
    curve = measured(bell(0.2, 5), "sweep", most_frames=30)
    assert curve.heights_um[:20] == pytest.approx(np.linspace(-25, 25, 20))
    spacing = 50 / 19
    ends = [curve.heights_um[k] for k in np.argsort(curve.values[:20])[-2:]]
    fine = np.array(curve.heights_um[20:])
    assert len(fine) == 9
    assert np.diff(fine) == pytest.approx(2 * spacing / 10)
    assert min(ends) - spacing < fine[0] < max(ends) < fine[-1] + spacing


@pytest.mark.parametrize("search", SEARCHES)
def test_a_narrow_top_in_a_wide_range_is_found_or_refused(search):
    rng = np.random.default_rng(6)
    wrong = []
    for _ in range(60):
        top, width = rng.uniform(-20, 20), rng.uniform(0.8, 3)
        clean = bell(top, width)
        curve = measured(lambda height, clean=clean: 50 * clean(height) + rng.normal(), search)
        try:
            found = curve.top(-25, 25, 0.5)
        except AutofocusError:
            continue
        off = abs(found.height_um - top)
        wrong.append(off > 0.5 * width and off > 2 * found.uncertainty_um)
    assert np.mean(wrong) <= 0.03
