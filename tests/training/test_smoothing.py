"""The calm curve behind noisy values, of any length in few points."""

import math

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.training import finite_only, smoothed
from napari_umis_fusion.training._smoothing import MAX_POINTS

RNG = np.random.default_rng(0)


def calm(values, amount, first=0):
    return smoothed(np.arange(first, first + len(values)), values, amount)


@pytest.mark.parametrize("count", [0, 1, 5, MAX_POINTS])
def test_short_curves_are_kept_as_they_are_without_smoothing(count):
    values = RNG.normal(size=count)
    steps, means = calm(values, 0, first=7)
    np.testing.assert_array_equal(steps, np.arange(7, 7 + count))
    np.testing.assert_array_equal(means, values)
    assert (steps.dtype, means.dtype) == (np.float64, np.float64)


@pytest.mark.parametrize("count", [1025, 2048, 2049, 5000, 100_000])
def test_long_curves_are_means_of_equal_parts(count):
    values = RNG.normal(size=count)
    steps, means = calm(values, 0, first=100)
    width = 2 ** math.ceil(math.log2(count / MAX_POINTS))
    parts = [values[k : k + width] for k in range(0, count, width)]
    assert MAX_POINTS / 2 < len(means) == len(parts) <= MAX_POINTS
    np.testing.assert_allclose(means, [part.mean() for part in parts], atol=1e-12)
    middles = [100 + k * width + (len(part) - 1) / 2 for k, part in enumerate(parts)]
    np.testing.assert_array_equal(steps, middles)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_left_out(value):
    steps, means = calm([1.0, value, 3.0], 0)
    np.testing.assert_array_equal(steps, [0, 2])
    np.testing.assert_array_equal(means, [1, 3])
    assert calm([value], 0.5)[1].size == 0
    np.testing.assert_array_equal(finite_only(np.arange(2), np.array([value, 1.0]))[0], [1])


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
def test_smoothing_keeps_what_is_constant_and_calms_what_is_not(amount):
    np.testing.assert_allclose(calm([4.0] * 3001, amount)[1], 4.0)  # at the ends too
    noise = RNG.normal(size=3001)
    weaker = calm(noise, 0 if amount == 0.1 else amount / 2)[1]
    assert np.std(np.diff(calm(noise, amount)[1])) < 0.5 * np.std(np.diff(weaker))


@pytest.mark.parametrize("count", [200, 2000, 20_000])
def test_smoothing_does_not_lag(count):
    values = np.zeros(count)
    values[count // 2 :] = 1.0
    steps, means = calm(values, 0.5)
    assert abs(steps[np.searchsorted(means, 0.5)] - count / 2) < 2 + count / MAX_POINTS


def test_each_value_counts_alike_in_a_last_part_that_is_not_full():
    before = [0.0] * 4 * (MAX_POINTS - 1)  # parts of 4, the last with one value
    alone, full = calm([*before, 100.0], 1.0)[1], calm([*before, *[100.0] * 4], 1.0)[1]
    assert alone[-1] == pytest.approx(full[-1] / 4, rel=0.05)


@pytest.mark.parametrize("amount", [-0.1, 1.1, math.nan])
def test_amounts_out_of_bounds(amount):
    with pytest.raises(ConfigError, match="accepted is 0 to 1"):
        calm([1.0], amount)
