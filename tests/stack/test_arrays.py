import dask.array
import numpy as np
import pytest
import tifffile
import xarray
import zarr

from napari_umis_fusion.errors import ConfigError, StackError, StackFileError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.stack import Calibration, Stack

GREY = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
COLOUR = np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3)


class Recorder:
    """Array-like that remembers what was asked of it."""

    def __init__(self, data: np.ndarray) -> None:
        self.shape, self.dtype, self._data = data.shape, data.dtype, data
        self.asked: list = []

    def __getitem__(self, index):
        self.asked.append(index)
        return self._data[index]


WRAPPERS = {
    "numpy": np.asarray,
    "dask": dask.array.from_array,
    "zarr": zarr.array,
    "xarray": xarray.DataArray,
    "named": lambda a: xarray.DataArray(a, dims=("z", "y", "x", "s")[: a.ndim]),
    "array-like": Recorder,
    "list": list,
    "tuple": tuple,
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS.keys())
@pytest.mark.parametrize("data", [GREY, COLOUR], ids=["grey", "colour"])
def test_planes_and_regions_are_the_arrays(wrap, data):
    stack = as_stack(wrap(data))
    assert (stack.shape, stack.dtype, len(stack)) == (data.shape, data.dtype, 3)
    assert stack.rgb is (data is COLOUR)
    for z in range(3):
        np.testing.assert_array_equal(stack.plane(z), data[z])
        np.testing.assert_array_equal(
            stack.region(z, slice(1, 3), slice(2, 5)), data[z, 1:3, 2:5], strict=True
        )


def test_nothing_is_read_until_asked_and_then_no_more_than_asked():
    recorder = Recorder(GREY)
    stack = as_stack(recorder)
    assert recorder.asked == []
    stack.plane(2)
    stack.region(1, slice(0, 2), slice(3, 4))
    assert recorder.asked == [2, (1, slice(0, 2), slice(3, 4))]


def test_a_numpy_plane_is_a_view():
    assert np.shares_memory(as_stack(GREY).plane(1), GREY)


@pytest.mark.parametrize(
    "dtype",
    ["bool", "u1", "i1", "<u2", ">u2", ">i2", ">u4", "<i4", ">f2", "<f4", ">f4", ">f8"],
)
def test_accepted_dtypes_come_in_native_order(dtype):
    stack = as_stack(GREY.astype(dtype))
    assert stack.dtype.isnative
    np.testing.assert_array_equal(
        stack.plane(1), GREY[1].astype(np.dtype(dtype).newbyteorder("=")), strict=True
    )
    assert stack.plane(1).dtype.isnative


def test_nested_lists_of_numbers():
    stack = as_stack([[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]])
    assert stack.shape == (2, 2, 2)
    assert stack.plane(1)[1, 0] == 6


@pytest.mark.parametrize(("wide", "narrow"), [("i8", "i4"), ("u8", "u4"), (">i8", "i4")])
def test_wide_integers_that_fit_are_read_in_32_bits(wide, narrow):
    data = np.arange(24).reshape(2, 3, 4).astype(wide)
    for source in (data, list(data)):
        stack = as_stack(source)
        np.testing.assert_array_equal(stack.plane(1), data[1].astype(narrow), strict=True)
        assert stack.dtype == np.dtype(narrow)
    data[1, 0, 0] = 2**33
    with pytest.raises(StackError, match=r"got u?int64 with values from 13 to 8589934592.*Scale"):
        as_stack(data).plane(1)


@pytest.mark.parametrize("dtype", ["c8", "O", "U3", "M8[s]"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(StackError, match=r"accepted are bool, uint8.*float64.*Convert the values"):
        as_stack(np.empty((2, 3, 4), dtype))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (np.zeros((4, 5)), r"got 2 axes, shape \(4, 5\).*\(Z, Y, X\) and \(Z, Y, X, C\)"),
        (np.zeros((2, 2, 2, 4, 5)), r"got 5 axes"),
        (np.zeros((2, 0, 5)), r"empty stack, shape \(2, 0, 5\)"),
        (np.zeros((2, 3, 4, 17)), r"interpreted as 17 channels.*one time point at a\s+time"),
        ([], "empty list"),
        ([np.zeros((4, 5)), np.zeros((4, 6))], r"plane 1 is \(4, 6\) but plane 0 is \(4, 5\)"),
        ([np.zeros((4, 5)), np.zeros((4, 5), "f4")], "plane 1 is float32 but plane 0 is float64"),
        ([np.zeros((4, 5)), [[1.0, 2.0], [3.0]]], "plane 1 is ragged"),
        (7, "got int; accepted are an array"),
        (b"bytes", "got bytes; accepted"),
    ],
)
def test_what_is_no_stack_is_refused(data, text):
    with pytest.raises(StackError, match=text):
        as_stack(data)


def test_a_list_of_paths_holds_nothing_else():
    with pytest.raises(StackFileError, match="got ndarray where the path of a file is"):
        as_stack(["a.tif", np.zeros((4, 5))])


@pytest.mark.parametrize("wrap", [np.ma.array, list], ids=["array", "list"])
def test_values_that_a_mask_hides_are_not_fused(wrap):
    hidden = np.ma.array(GREY, mask=GREY == 7)
    with pytest.raises(StackError, match=r"got a masked array.*filled\(numpy.nan\)"):
        as_stack(wrap(hidden))
    assert as_stack(wrap(np.ma.array(GREY, mask=False))).shape == GREY.shape


def test_a_dtype_that_is_not_numpys():
    recorder = Recorder(GREY)
    recorder.dtype = "torch.float32"
    with pytest.raises(StackError, match=r"got dtype 'torch\.float32'.*convert to a NumPy array"):
        as_stack(recorder)


def test_a_stack_is_returned_as_it_is():
    stack = as_stack(GREY)
    assert as_stack(stack) is stack


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (0.5, "got float where physical sizes are; accepted is a Calibration"),
        (Calibration(-1.0), r"z_step_um=-1.0; accepted is a positive number of µm, or None"),
        (Calibration("0.5"), "z_step_um='0.5'; accepted"),
        (Calibration(1.0, float("nan")), "pixel_height_um=nan; accepted"),
        (Calibration(1.0, z_positions_um=[0.0, 1.0]), "accepted is a tuple of finite numbers"),
    ],
)
def test_given_sizes_that_are_none_are_refused(given, text):
    with pytest.raises(ConfigError, match=text):
        as_stack(np.zeros((3, 4, 4), np.uint8), calibration=given)


def test_given_calibration_replaces_without_touching_the_given_stack():
    stack = as_stack(GREY)
    calibrated = as_stack(stack, calibration=Calibration(2.0, 0.5, 0.5))
    assert calibrated.calibration.z_step_um == 2.0
    assert stack.calibration == Calibration()
    np.testing.assert_array_equal(calibrated.plane(2), GREY[2])


def test_paths_are_opened(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", GREY, metadata={"axes": "ZYX"}, photometric="minisblack")
    for data in (tmp_path / "s.tif", str(tmp_path / "s.tif"), [tmp_path / "s.tif"]):
        stack = as_stack(data)
        assert isinstance(stack, Stack)
        np.testing.assert_array_equal(stack.plane(2), GREY[2])


def test_five_channels_are_not_colour():
    assert as_stack(np.zeros((2, 3, 4, 5), np.uint8)).rgb is False


@pytest.mark.parametrize(
    ("dims", "shape", "order", "rgb"),
    [
        (("y", "x", "z"), (4, 5, 3), (2, 0, 1), False),
        (("c", "z", "y", "x"), (3, 2, 4, 5), (1, 2, 3, 0), False),
        (("S", "Y", "X", "Z"), (3, 4, 5, 2), (3, 1, 2, 0), True),
        (("x", "z", "y"), (5, 3, 4), (1, 2, 0), False),
        (("row", "z", "col"), (4, 3, 5), (1, 0, 2), False),
    ],
)
def test_named_dimensions_are_put_in_order(dims, shape, order, rgb):
    data = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    stack = as_stack(xarray.DataArray(data, dims=dims))
    wanted = data.transpose(order)
    assert (stack.shape, stack.rgb) == (wanted.shape, rgb)
    np.testing.assert_array_equal(stack.plane(1), wanted[1])
    np.testing.assert_array_equal(stack.region(1, slice(1, 3), slice(0, 2)), wanted[1, 1:3, :2])


def test_named_dimensions_of_size_one_are_dropped():
    stack = as_stack(xarray.DataArray(GREY[None, :, None], dims=("t", "z", "c", "y", "x")))
    assert stack.shape == (3, 4, 5, 1)
    stack = as_stack(xarray.DataArray(GREY[None], dims=("t", "z", "y", "x")))
    assert stack.shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("dims", "text"),
    [
        (("t", "z", "y", "x"), r"'t': 2.*Select one.*isel\(t=0\)"),
        (("t", "y", "x", "s"), r"none is named z; 't' is never used as z.*rename\(\{'t': 'z'\}\)"),
        (("C", "y", "x", "s"), "'C' is never used as z"),
    ],
)
def test_named_dimensions_in_doubt_are_asked_about(dims, text):
    data = xarray.DataArray(np.zeros((2, 3, 4, 3), np.uint8), dims=dims)
    with pytest.raises(StackError, match=text):
        as_stack(data)


@pytest.mark.parametrize(
    ("z", "units", "step"),
    [
        ([0.0, 0.5, 1.0], "um", 0.5),
        ([0.0, 500.0, 1000.0], "nm", 0.5),
        ([1.0, 0.5, 0.0], "µm", 0.5),
        ([0.0, 0.5, 1.0], None, None),
        ([0.0, 0.5, 1.0], "pixel", None),
        ([0.0, 0.5, 2.0], "um", None),
        (["a", "b", "c"], "um", None),
    ],
)
def test_spacing_of_coordinates(z, units, step):
    attrs = {} if units is None else {"units": units}
    coords = {"z": ("z", z, attrs), "x": ("x", np.arange(5) * 0.1, {"units": "mm"})}
    stack = as_stack(xarray.DataArray(GREY, dims=("z", "y", "x"), coords=coords))
    assert stack.calibration.z_step_um == (None if step is None else pytest.approx(step))
    assert stack.calibration.pixel_width_um == pytest.approx(100)
    assert stack.calibration.pixel_height_um is None


@pytest.mark.parametrize("shape", [(40, 30, 3), (90, 80, 20), (300, 256, 64)])
def test_an_array_whose_last_axis_is_z_or_colour_is_told(shape):
    (note,) = as_stack(np.zeros(shape, np.uint8)).source_notes
    assert f"taken as {shape[0]} planes of {shape[1]} × {shape[2]} pixels" in note


@pytest.mark.parametrize(
    "shape", [(5, 40, 3), (40, 5, 3), (90, 80, 21), (300, 2048, 65), (1, 1, 1)]
)
def test_planes_that_are_only_narrow_are_planes(shape):
    assert as_stack(np.zeros(shape, np.uint8)).source_notes == ()
