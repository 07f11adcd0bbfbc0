import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.surface import height_map


def test_what_lies_deeper_is_lower_unless_the_last_plane_is_on_top():
    depth = np.arange(30.0).reshape(5, 6)
    np.testing.assert_array_equal(height_map(depth, 1.0).heights_um, 29 - depth)
    np.testing.assert_array_equal(height_map(depth, 1.0, top="last").heights_um, depth)


def test_never_in_focus_is_not_measured():
    depth = np.arange(30.0).reshape(5, 6)
    depth[0, 0] = np.inf
    mask = np.zeros((5, 6), bool)
    mask[4] = True
    surface = height_map(depth, (2.0, 3.0), never_in_focus=mask)
    assert surface.measured_share == pytest.approx(23 / 30)
    assert np.isnan(surface.heights_um[4]).all()
    assert surface.size_um == (10, 18)
    assert np.isfinite(depth[4]).all(), "the caller's map was changed"


@pytest.mark.parametrize(
    ("depth", "options", "message"),
    [
        (np.zeros((3, 5, 6)), {}, "accepted is"),
        (np.zeros((2, 60)), {}, "at least 3 x 3"),
        (np.full((9, 9), np.nan), {}, "only 0 of 81 points"),
        (np.zeros((9, 9)), {"pixel_size_um": 0}, "positive"),
        (np.zeros((9, 9)), {"pixel_size_um": (1, np.nan)}, "positive"),
        (np.zeros((9, 9)), {"never_in_focus": np.zeros((9, 9))}, "accepted is bool"),
        (np.zeros((9, 9)), {"never_in_focus": np.zeros((9, 8), bool)}, "shape"),
    ],
)
def test_what_is_no_surface_is_refused(depth, options, message):
    with pytest.raises(StackError, match=message):
        height_map(depth, **{"pixel_size_um": 1.0, **options})


def test_another_side_is_refused():
    with pytest.raises(ConfigError, match="first, last"):
        height_map(np.zeros((9, 9)), 1.0, top="left")
