"""Overrides of two time points, carried over to those between."""

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion import carry_over


def one_by_one(series):
    """Carry over each pixel by itself."""
    made = series.copy()
    for place in np.ndindex(*series.shape[1:]):
        times = np.flatnonzero(series[(slice(None), *place)])
        if times.size:
            values = series[(times, *place)]
            between = np.arange(times[0], times[-1] + 1)
            planes = np.interp(between, times, values)
            made[(between, *place)] = np.floor(planes + 0.5)
    return made


@pytest.mark.parametrize("seed", range(8))
def test_pixels_are_carried_between_their_own_key_frames(seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 9)), 2, 7, 6)
    painted = rng.integers(1, 12, shape) * (rng.random(shape) < rng.choice([0.05, 0.3, 0.7]))
    series = painted.astype(np.uint16)
    before, axis = series.copy(), int(rng.integers(0, 4))
    moved = np.moveaxis(series, 0, axis)
    found = np.moveaxis(carry_over(moved, axis), axis, 0)
    np.testing.assert_array_equal(found, one_by_one(series))
    np.testing.assert_array_equal(found[series > 0], series[series > 0])
    np.testing.assert_array_equal(series, before)
    assert found.dtype == np.uint16


@pytest.mark.parametrize(
    ("given", "axis"), [(np.zeros((3, 4)), 0), (np.zeros((3, 4), int), 2), ([[0, -1], [2, 0]], 0)]
)
def test_what_is_no_series_of_overrides_is_refused(given, axis):
    with pytest.raises(ConfigError, match="accepted are whole numbers"):
        carry_over(given, axis)
