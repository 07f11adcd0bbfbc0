import numpy as np
import pytest

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.stack import Stack, fill_invalid, read_plane


class Promised(Stack):
    """Promises a shape and dtype, then gives planes as they are."""

    def __init__(self, planes, shape=None, dtype=None):
        self._planes = planes
        self.shape = shape or (len(planes), *planes[0].shape)
        self.dtype = np.dtype(dtype or planes[0].dtype)

    def plane(self, z):
        return self._planes[z]


def with_values(**at):
    """A plane (3, 4, 2) of ones with some values replaced."""
    plane = np.ones((3, 4, 2), np.float32)
    for value, places in at.items():
        for place in places:
            plane[place] = float(value)
    return plane


@pytest.mark.parametrize("order", "CF")
def test_plane_is_contiguous_and_equal(order):
    plane = np.arange(12, dtype=np.uint16).reshape(3, 4)
    reading = read_plane(Promised([plane.copy(order)]), 0, "raise")
    assert reading.plane.flags.c_contiguous
    assert reading.plane.dtype == np.uint16
    assert reading.invalid is None
    np.testing.assert_array_equal(reading.plane, plane)


@pytest.mark.parametrize(
    ("second", "got"),
    [
        (np.zeros((3, 5), np.uint8), r"shape \(3, 5\) and dtype uint8"),
        (np.zeros((3, 4, 1), np.uint8), r"shape \(3, 4, 1\) and dtype uint8"),
        (np.zeros((3, 4), np.uint16), r"shape \(3, 4\) and dtype uint16"),
        (np.zeros((3, 4), bool), r"shape \(3, 4\) and dtype bool"),
    ],
)
def test_broken_promise_names_the_plane(second, got):
    stack = Promised([np.zeros((3, 4), np.uint8), second])
    read_plane(stack, 0, "raise")
    message = rf"^plane 1 has {got}; accepted are those of the stack, \(3, 4\) and uint8\. Check "
    with pytest.raises(StackError, match=message):
        read_plane(stack, 1, "raise")


def test_planes_in_the_other_byte_order_are_refused():
    """Kernels would read them wrongly."""
    swapped = np.dtype(np.uint16).newbyteorder("S")
    stack = Promised([np.zeros((3, 4), swapped)], dtype=np.uint16)
    with pytest.raises(StackError, match="plane 0 has"):
        read_plane(stack, 0, "raise")


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        ({"nan": [(0, 1, 0)]}, "1 NaN and 0 infinite"),
        ({"inf": [(0, 1, 0)], "-inf": [(2, 2, 1)]}, "0 NaN and 2 infinite"),
        (
            {"nan": [(0, 1, 0), (0, 1, 1), (1, 1, 0)], "inf": [(2, 3, 0)]},
            "3 NaN and 1 infinite",
        ),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_values_that_are_none_are_counted(at, counts, dtype):
    stack = Promised([np.ones((3, 4, 2), dtype), with_values(**at).astype(dtype)])
    message = f'^plane 1 holds {counts} values; accepted are finite .*nan_policy="ignore"'
    with pytest.raises(StackError, match=message):
        read_plane(stack, 1, "raise")


def test_ignored_values_are_marked_in_any_channel():
    plane = with_values(nan=[(0, 1, 0)], inf=[(2, 3, 1), (0, 1, 1)])
    reading = read_plane(Promised([plane]), 0, "ignore")
    assert reading.invalid.dtype == np.bool_
    assert reading.invalid.shape == (3, 4)
    assert np.argwhere(reading.invalid).tolist() == [[0, 1], [2, 3]]
    np.testing.assert_array_equal(reading.plane, plane)


def test_ignored_values_are_marked_in_grey():
    plane = np.ones((3, 4))
    plane[1, 2] = -np.inf
    reading = read_plane(Promised([plane]), 0, "ignore")
    assert np.argwhere(reading.invalid).tolist() == [[1, 2]]


@pytest.mark.parametrize("policy", ["raise", "ignore"])
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32, np.float16, np.float64])
def test_finite_plane_has_no_marks(dtype, policy):
    assert read_plane(Promised([np.ones((3, 4), dtype)]), 0, policy).invalid is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 5), (13, 17)], ids=str)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_invalid_pixels_take_a_nearest_valid_one(shape, share):
    rng = np.random.default_rng(0)
    grey = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    invalid = rng.random(shape) < share
    invalid[0, 0] = False
    places = np.argwhere(~invalid)
    filled = np.where(invalid, np.float32(np.nan), grey)
    fill_invalid(filled, invalid)
    np.testing.assert_array_equal(filled[~invalid], grey[~invalid])
    for at in np.argwhere(invalid):
        source = np.unravel_index(int(filled[tuple(at)]), shape)
        assert not invalid[source]
        nearest = np.hypot(*(places - at).T).min()
        assert np.hypot(*(np.array(source) - at)) == pytest.approx(nearest)


def test_plane_without_a_valid_pixel_becomes_flat():
    grey = np.full((4, 5), np.nan, np.float32)
    fill_invalid(grey, np.ones((4, 5), bool))
    assert (grey == 0).all()
