import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.focus_measure import _deep_spatial_frequency as module
from napari_umis_fusion.focus_measure._deep_spatial_frequency import deep_spatial_frequency

KERNEL_MODULES = (module,)


def twin(features, window_px):
    padded = np.pad(features.astype(np.float64), ((0, 0), (1, 0), (1, 0)))
    here = padded[:, 1:, 1:]
    change = np.hypot(padded[:, 1:, :-1] - here, padded[:, :-1, 1:] - here).sum(0)
    radius = window_px // 2
    out = np.empty(change.shape)
    for y, x in np.ndindex(change.shape):
        rows = slice(max(y - radius, 0), y + radius + 1)
        out[y, x] = change[rows, max(x - radius, 0) : x + radius + 1].sum()
    return out


def random_features(shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 6, shape).astype(np.float32)


@pytest.mark.parametrize("window_px", [1, 3, 31])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 7), (3, 9, 1), (16, 5, 8), (4, 41, 37)])
def test_equals_its_twin(shape, window_px, jit):
    features = random_features(shape)
    focus_map = deep_spatial_frequency(features, window_px)
    assert focus_map.dtype == np.float32
    np.testing.assert_allclose(focus_map, twin(features, window_px), rtol=2e-6)


@pytest.mark.parametrize("scale", [1e-3, 1e6, 1e15])
def test_any_magnitude(scale):
    features = random_features((3, 40, 33)) * np.float32(scale)
    np.testing.assert_allclose(deep_spatial_frequency(features), twin(features, 31), rtol=1e-5)


def test_order_in_memory_changes_nothing():
    features = random_features((16, 30, 20))
    channels_last = np.moveaxis(np.ascontiguousarray(np.moveaxis(features, 0, -1)), -1, 0)
    np.testing.assert_array_equal(
        deep_spatial_frequency(features), deep_spatial_frequency(channels_last)
    )


def test_equal_windows_tie_exactly():
    """Where two planes agree, what came before in the running sums leaves no trace."""
    first, second = random_features((16, 80, 90), 1), random_features((16, 80, 90), 2)
    second[:, 40:, 50:] = first[:, 40:, 50:]
    tied = (slice(40 + 16, None), slice(50 + 16, None))
    np.testing.assert_array_equal(
        deep_spatial_frequency(first)[tied], deep_spatial_frequency(second)[tied]
    )


def test_flat_features_measure_exactly_zero():
    features = random_features((16, 60, 70))
    features[:, :, 30:] = 2.5
    assert (deep_spatial_frequency(features, 9)[5:, 36:] == 0).all()


@pytest.mark.parametrize("window_px", [0, 30])
def test_window_must_be_odd(window_px):
    with pytest.raises(ConfigError, match=f"window_px={window_px}; accepted is an odd number"):
        deep_spatial_frequency(random_features((2, 5, 5)), window_px)
