"""A smooth way through the planes in focus over time, which outliers do not change."""

import numpy as np
import pytest

from napari_umis_fusion.layers._focus_track import peak_of, track_focus


def drift(rng, points):
    """Return a slow drift of focus."""
    times, period = np.arange(points), rng.uniform(40, 200)
    wave = np.sin(2 * np.pi * times / period + rng.uniform(0, 6))
    return 12 + rng.uniform(-5, 5) * wave + rng.uniform(-0.05, 0.05) * times


def test_drift_is_followed_and_outliers_are_not():
    furthest = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        true = drift(rng, rng.integers(12, 150))
        measured = true + rng.normal(0, 0.4, len(true))
        out = rng.random(len(true)) < 0.12
        measured[out] = rng.uniform(0, 24, out.sum())
        measured[rng.random(len(true)) < 0.04] = np.nan
        track = track_focus(measured)
        furthest.append(np.abs(track.smooth - true).max())
        far = np.abs(measured - true) > 5
        assert track.outliers[far].mean() > 0.7 if far.any() else True
        assert track.outliers[np.isnan(measured)].all()
    # Planes: half of the tracks stay within a third everywhere, nearly all within one.
    assert np.median(furthest) < 0.45
    assert np.mean(np.array(furthest) < 1) > 0.93
    assert max(furthest) < 2.5


def test_the_way_does_not_jump():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        measured = drift(rng, 60) + rng.normal(0, 1.0, 60)
        measured[::9] = 0
        assert np.abs(np.diff(track_focus(measured).smooth)).max() < 1.2


@pytest.mark.parametrize("ends", [(0, 1), (-1, -2), (0, -1)])
def test_outliers_at_the_ends_are_left_aside(ends):
    measured = np.linspace(4, 9, 30)
    measured[list(ends)] = 20
    track = track_focus(measured)
    np.testing.assert_allclose(track.smooth, np.linspace(4, 9, 30), atol=0.05)
    assert track.outliers.sum() == 2


@pytest.mark.parametrize("points", [1, 2, 3, 4])
def test_few_time_points_need_no_spline(points):
    measured = 3 + 0.5 * np.arange(points)
    np.testing.assert_allclose(track_focus(measured).smooth, measured)
    lost = measured.copy()
    lost[0] = np.nan
    if points > 1:
        assert np.isfinite(track_focus(lost).smooth).all()


def test_a_faster_drift_needs_less_smoothing():
    true = 10 + 4 * np.sin(np.arange(60) * 2 * np.pi / 15)
    off = [np.abs(track_focus(true, over).smooth - true)[8:-8].max() for over in (15, 4)]
    assert off[0] == pytest.approx(2, abs=0.4)  # half of the amplitude
    assert off[1] < 0.1


def test_planes_stay_within_the_stack():
    track = track_focus(np.linspace(-1, 12, 14))
    assert track.first_planes(2, 10) == [0, 0, 0, 0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5]
    assert track.cut_off(2, 10) == 8
    assert track.cut_off(0, 14) == 1


def test_the_peak_lies_between_planes_and_a_flat_curve_has_none():
    z = np.arange(9)
    assert peak_of(5 - (z - 3.3) ** 2) == pytest.approx(3.3)
    assert peak_of(np.where(z == 5, np.nan, 5.0 - (z - 5.3) ** 2)) == 6
    assert peak_of(z.astype(float)) == 8
    assert np.isnan(peak_of(np.full(9, 2.0)))
    assert np.isnan(peak_of(np.full(9, np.nan)))
