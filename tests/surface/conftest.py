import numpy as np
import pytest

from napari_umis_fusion.surface import height_map

PIXEL_UM = (0.7, 0.5)


@pytest.fixture
def grid():
    """Places of rows and columns in µm, about the centre."""
    y, x = np.mgrid[:61, :80].astype(float)
    return (y - 30) * PIXEL_UM[0], (x - 39.5) * PIXEL_UM[1]


@pytest.fixture
def surface_of():
    """A surface of given heights; the depth map is their negative."""

    def make(heights, pixel_size_um=PIXEL_UM, **options):
        return height_map(-np.asarray(heights, float), pixel_size_um, **options)

    return make


@pytest.fixture(params=range(3))
def rough(request):
    """Random heights with a few wavelengths, in µm."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(request.param).normal(0, 1, (61, 80))
    return gaussian_filter(noise, 1 + request.param) * 5
