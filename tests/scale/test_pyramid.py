"""Means of four pixels, whatever their dtype."""

import numpy as np
import pytest

from napari_umis_fusion.scale._pyramid import mean_of_four, nearest


@pytest.mark.parametrize("shape", [(6, 8), (5, 7), (1, 1), (1, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64, np.bool_])
def test_means(shape, dtype):
    values = (np.random.default_rng(0).random(shape) * 200).astype(dtype)
    if np.dtype(dtype).kind == "i":
        values += 2**30
    rows, columns = (-(-side // 2) for side in shape)
    wide = np.pad(values, [(0, side % 2) for side in shape], mode="edge").astype(np.float64)
    expected = wide.reshape(rows, 2, columns, 2).mean(axis=(1, 3))
    found = mean_of_four(values)
    if np.dtype(dtype).kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    else:
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, np.rint(expected).astype(dtype))
    assert nearest(values).shape == found.shape


def test_pixels_that_nothing_shows():
    values = np.array([[1, np.nan, np.nan, np.nan], [3, 5, np.nan, np.nan]], np.float32)
    np.testing.assert_array_equal(mean_of_four(values), [[3, np.nan]])
