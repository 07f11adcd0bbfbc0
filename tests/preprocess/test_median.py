import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.preprocess import _median as median

KERNEL_MODULES = (median,)


def smoothed(image):
    return median.median_5x5(np.pad(image, median.REACH_PX, mode="symmetric"))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 2), (8, 1), (19, 26)])
@pytest.mark.parametrize("levels", [2, 10, 10**6])
def test_equals_scipy(shape, levels, jit):
    image = np.random.default_rng(0).integers(0, levels, shape).astype(np.float32) - 3
    expected = ndimage.median_filter(image, 5, mode="reflect")
    out = smoothed(image)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, expected)


def test_takes_any_memory_order():
    image = np.random.default_rng(1).random((12, 15), np.float32)
    np.testing.assert_array_equal(
        median.median_5x5(np.asfortranarray(image)), median.median_5x5(image)
    )
