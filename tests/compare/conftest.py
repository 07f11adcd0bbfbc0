import pytest

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.compare import compare
from napari_umis_fusion.synthetic import make_stack


@pytest.fixture(scope="session")
def ways():
    """Return configs by name, of which one fails."""
    return {
        "plain": FusionConfig("laplacian", verification="none"),
        "copied": FusionConfig("tenengrad", blend="select"),
        "wrong": FusionConfig("laplacian", channel=7),
        "window": FusionConfig("laplacian", window_sigma_px=12.0),
    }


@pytest.fixture(scope="session")
def planes():
    """Return a small grey stack (5, 60, 72)."""
    return make_stack("discs", (60, 72), planes=5, channels=None).stack


@pytest.fixture(scope="session")
def found(planes, ways):
    """Return a comparison of them."""
    return compare(planes, ways)
