"""A curve of any length in bounded memory: nothing high or low is lost."""

import math

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.training.trace import CAPACITY, Trace

RNG = np.random.default_rng(0)


def filled(values, first=0, capacity=CAPACITY):
    trace = Trace(capacity)
    for step, value in enumerate(values, first):
        trace.add(step, value)
    return trace


def everything(trace):
    return np.column_stack([trace.steps, trace.low, trace.high, trace.raw, trace.smoothed(0.3)])


@pytest.mark.parametrize("count", [0, 1, 5, 8])
def test_short_curves_are_kept_as_they_are(count):
    values = RNG.normal(size=count)
    trace = filled(values, first=7, capacity=8)
    np.testing.assert_array_equal(trace.steps, np.arange(7, 7 + count))
    for drawn in (trace.low, trace.high, trace.raw, trace.smoothed(0)):
        np.testing.assert_array_equal(drawn, values)


@pytest.mark.parametrize(("at", "value"), [(0, 50.0), (49_999, -50.0), (99_999, 50.0)])
def test_a_single_peak_among_100000_steps_stays(at, value):
    values = RNG.normal(size=100_000)
    values[at] = value
    trace = filled(values)
    assert CAPACITY / 2 < len(trace) <= CAPACITY
    bounds = trace.low.min(), trace.high.max()
    assert bounds == (values.min(), values.max())
    steps, line = trace.envelope()
    assert abs(steps[np.abs(line).argmax()] - at) < 100_000 / len(trace)
    assert (line.min(), line.max()) == bounds


@pytest.mark.parametrize("count", [9, 16, 17, 100, 1000])
def test_buckets_tell_extremes_and_mean_of_their_steps(count):
    values = RNG.normal(size=count)
    trace = filled(values, first=100, capacity=8)
    width = 2 ** math.ceil(math.log2(count / 8))
    parts = [values[k : k + width] for k in range(0, count, width)]
    assert len(trace) == len(parts) <= 8
    np.testing.assert_array_equal(trace.low, [part.min() for part in parts])
    np.testing.assert_array_equal(trace.high, [part.max() for part in parts])
    np.testing.assert_allclose(trace.raw, [part.mean() for part in parts])
    middles = [100 + k * width + (len(part) - 1) / 2 for k, part in enumerate(parts)]
    np.testing.assert_array_equal(trace.steps, middles)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16, 17, 500])
def test_many_values_at_once_make_the_same_trace(count):
    values = RNG.normal(size=count)
    values[::5] = np.nan
    added, at_once = filled(values, 3, 8), Trace.of(np.arange(3, 3 + count), values, 8)
    np.testing.assert_allclose(everything(at_once), everything(added), rtol=1e-12)
    for trace in (added, at_once):
        trace.add(1000, 5.0)
    np.testing.assert_allclose(everything(at_once), everything(added), rtol=1e-12)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_left_out(value):
    trace = filled([1.0, value, 3.0])
    np.testing.assert_array_equal(trace.steps, [0, 2])
    np.testing.assert_array_equal(trace.raw, [1, 3])
    assert np.isfinite(everything(trace)).all()
    assert len(filled([value])) == 0


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
def test_smoothing_keeps_what_is_constant_and_calms_what_is_not(amount):
    trace = filled([4.0] * 3001)
    np.testing.assert_allclose(trace.smoothed(amount), 4.0)  # at the ends too
    noisy = filled(RNG.normal(size=3001))
    weaker = noisy.raw if amount == 0.1 else noisy.smoothed(amount / 2)
    assert np.std(np.diff(noisy.smoothed(amount))) < 0.5 * np.std(np.diff(weaker))


def test_smoothing_does_not_lag():
    values = np.zeros(2000)
    values[1000:] = 1.0
    trace = filled(values)
    crossing = trace.steps[np.searchsorted(trace.smoothed(0.5), 0.5)]
    assert abs(crossing - 1000) < 4


def test_each_value_counts_alike_in_a_last_bucket_that_is_not_full():
    trace = filled([*[0.0] * 16, 100.0], capacity=8)  # buckets of 4, the last with one value
    calm = trace.smoothed(1.0)[-1]
    full = filled([*[0.0] * 16, *[100.0] * 4], capacity=8).smoothed(1.0)[-1]
    assert calm < full / 1.3


@pytest.mark.parametrize(("asked", "nearest"), [(-5, 10), (10.4, 10), (11.6, 12), (1e9, 14)])
def test_reading_at_the_nearest_step(asked, nearest):
    trace = filled([1.0, 2.0, 3.0, 4.0, 5.0], first=10)
    reading = trace.at(asked)
    assert (reading.step, reading.raw) == (nearest, nearest - 9)
    assert (reading.low, reading.high, reading.smoothed) == (reading.raw,) * 3
    assert trace.at(asked, 1.0).smoothed == trace.smoothed(1.0)[nearest - 10]


def test_reading_of_merged_steps_and_of_nothing():
    trace = filled([3.0, 9.0, 2.0], capacity=2)
    reading = trace.at(1)
    assert (reading.step, reading.low, reading.high, reading.raw) == (0.5, 3.0, 9.0, 6.0)
    assert Trace().at(3) is None


def test_last_step():
    trace = Trace()
    assert trace.last_step == -math.inf
    trace.add(41, 1.0)
    assert trace.last_step == 41


@pytest.mark.parametrize("capacity", [-2, 0, 1, 7])
def test_capacities_that_cannot_be_halved(capacity):
    with pytest.raises(ConfigError, match=f"got a capacity of {capacity}; give an even number"):
        Trace(capacity)


@pytest.mark.parametrize("amount", [-0.1, 1.1, math.nan])
def test_amounts_out_of_bounds(amount):
    with pytest.raises(ConfigError, match="give 0 to 1"):
        filled([1.0]).smoothed(amount)
