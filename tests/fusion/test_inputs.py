"""Which stacks `fuse` takes, what it reads of them, and what it refuses."""

import threading
import weakref

import numpy as np
import pytest
import tifffile
import xarray

from napari_umis_fusion import Calibration, FusionConfig, fuse, write_image
from napari_umis_fusion.errors import ConfigError, StackError, StackFileError
from napari_umis_fusion.network import REACH_PLANES, PlaneRanker, save_checkpoint
from napari_umis_fusion.preprocess.health._judge import LOOK_AHEAD
from napari_umis_fusion.stack import ACCEPTED_DTYPES
from napari_umis_fusion.synthetic import make_stack

PLANES = 5
QUICK = {"focus_measure": "laplacian"}


@pytest.fixture(scope="module")
def colour():
    return make_stack("discs", (48, 70), planes=PLANES).stack


@pytest.fixture(scope="module")
def grey(colour):
    return np.ascontiguousarray(colour[..., 1])


def as_dask(stack, _):
    import dask.array as da

    return da.from_array(stack, chunks=(1, 30, *stack.shape[2:]))


def as_zarr(stack, folder):
    import zarr

    array = zarr.create_array(folder / "a.zarr", shape=stack.shape, dtype=stack.dtype)
    array[...] = stack
    return array


def as_xarray(stack, _):
    import xarray

    return xarray.DataArray(stack, dims=("z", "y", "x", "rgb")[: stack.ndim])


def as_xarray_z_third(stack, _):
    import xarray

    dims = ("y", "x", "z", "rgb")[: stack.ndim]
    return xarray.DataArray(np.moveaxis(stack, 0, 2), dims=dims)


def as_files(stack, folder):
    rgb = stack.ndim == 4
    return [write_image(folder / f"p{z}.png", plane, rgb=rgb) for z, plane in enumerate(stack)]


def as_folder(stack, folder):
    as_files(stack, folder)
    return folder


FORMS = {
    "dask": as_dask,
    "zarr": as_zarr,
    "xarray": as_xarray,
    "xarray, z third": as_xarray_z_third,
    "list of planes": lambda stack, _: list(stack),
    "list of nested lists": lambda stack, _: stack.astype(float).tolist(),
    "list of files": as_files,
    "folder": as_folder,
    "not contiguous": lambda stack, _: np.asfortranarray(stack)[:, ::-1][:, ::-1],
    "array-like": lambda stack, _: Recorder(stack),
}


class Recorder:
    """An array-like of lazy planes that knows what was read, and what is still held."""

    def __init__(self, stack):
        self.shape, self.dtype = stack.shape, stack.dtype
        self.read, self.most_held = [], 0
        self._stack, self._alive, self._reading = stack, [], threading.Lock()

    def __getitem__(self, key):
        assert isinstance(key, int), "only whole planes are asked for"
        assert self._reading.acquire(blocking=False), "one plane is read at a time"
        plane = self._stack[key].copy()
        self._reading.release()
        self.read.append(key)
        self._alive = [held for held in (*self._alive, weakref.ref(plane)) if held() is not None]
        self.most_held = max(self.most_held, len(self._alive))
        return plane


def chosen_from(stack, index_map):
    index = index_map.astype(np.intp)[(None, ..., *[None] * (stack.ndim - 3))]
    return np.take_along_axis(np.asarray(stack), index, axis=0)[0]


COLOURED = "xarray, z third", "list of planes", "list of files"
"""Forms that might tell colours from planes in a way of their own."""


@pytest.mark.parametrize(
    ("which", "form"),
    [*(("grey", form) for form in FORMS), *(("colour", form) for form in COLOURED)],
)
def test_every_form_gives_the_same(form, which, request, tmp_path):
    stack = request.getfixturevalue(which)
    result = fuse(FORMS[form](stack, tmp_path), **QUICK)
    expected = fuse(stack.astype(result.all_in_focus.dtype), **QUICK)
    np.testing.assert_array_equal(result.index_map, expected.index_map)
    np.testing.assert_array_equal(result.all_in_focus, expected.all_in_focus)
    assert len(np.unique(expected.index_map)) > 2
    assert result.rgb == (which == "colour")


@pytest.mark.parametrize(
    ("dtype", "options", "first", "again"),
    [
        (np.uint8, {"blend": "select"}, [], "none"),
        (np.uint16, {"blend": "select"}, [2], "none"),
        (np.uint16, {"blend": "weighted"}, [2], "none"),
        (np.uint8, {"verification": "mode", "blend": "select"}, [], "changed"),
        (np.uint8, {"verification": "mode", "blend": "weighted"}, [], "all"),
        (np.uint16, {"verification": "fuzzy", "blend": "weighted"}, [2], "all"),
    ],
)
def test_planes_are_read_in_order_and_let_go(colour, dtype, options, first, again):
    stack = Recorder(colour.astype(dtype))
    options = {"focus_measure": "laplacian", "verification_window_px": 9, **options}
    index_map = fuse(stack, **options).index_map
    read = list(stack.read)
    decided = fuse(stack, **{**options, "verification": "none"}).index_map
    changed = np.unique(index_map[index_map != decided]).tolist()
    second = {"none": [], "changed": changed, "all": range(PLANES)}[again]
    later = [z for z in range(PLANES) if z not in first]
    assert read == [*first, *later, *second], "what was looked at first is not read again"
    assert stack.most_held <= 2 + LOOK_AHEAD, "the plane at work, and those it is judged by"


@pytest.mark.parametrize("blend", ["select", "weighted"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_planes_wait_for_those_after_them_and_no_longer(colour, dtype, blend, tmp_path):
    checkpoint = save_checkpoint(tmp_path / "w.safetensors", PlaneRanker())
    stack = Recorder(np.concatenate([colour] * 3).astype(dtype))
    options = {"checkpoint": str(checkpoint), "device": "cpu", "islands": "keep"}
    fuse(stack, focus_measure="learned", blend=blend, **options)
    second = range(stack.shape[0]) if blend == "select" else []  # which value is nearest?
    middle = stack.shape[0] // 2
    later = [z for z in range(stack.shape[0]) if z != middle]
    assert stack.read == [middle, *later, *second]
    assert stack.most_held <= REACH_PLANES + 3 + LOOK_AHEAD


def test_axes_of_a_file_are_chosen(grey, tmp_path):
    path = tmp_path / "tz.tif"
    both = np.stack([np.broadcast_to(grey[:1], grey.shape), grey])
    tifffile.imwrite(path, both, imagej=True, metadata={"axes": "TZYX", "spacing": 2, "unit": "um"})
    for choice, expected in (
        ({"index": {"T": 1}}, both[1]),
        ({"z_axis": "T", "index": {"Z": 3}}, both[:, 3]),
    ):
        result = fuse(path, **choice)
        np.testing.assert_array_equal(result.index_map, fuse(expected).index_map)
    with pytest.raises(StackFileError, match=r"tz\.tif"):
        fuse(path)


def test_sizes_go_along(grey, tmp_path):
    path, told = tmp_path / "z.tif", Calibration(2.0, 0.5, 0.5)
    metadata = {"axes": "ZYX", "spacing": 2, "unit": "um"}
    tifffile.imwrite(path, grey, imagej=True, resolution=(2, 2), metadata=metadata)
    assert fuse(path).calibration == told
    assert fuse(path).provenance["stack"]["files"] == ["z.tif"]
    assert fuse(path, calibration=Calibration(z_step_um=9)).calibration.z_step_um == 9
    assert fuse(path, index={}, calibration=Calibration(9)).calibration.z_step_um == 9
    assert fuse(grey).calibration == Calibration()


@pytest.mark.parametrize(
    ("dtype", "order"), [*((dtype, "<") for dtype in ACCEPTED_DTYPES), ("uint16", ">")]
)
def test_select_copies_values_of_every_dtype(colour, dtype, order):
    kind = np.dtype(dtype)
    levels = colour > 110 if kind.kind == "b" else (colour // 2).astype(kind)
    if kind.itemsize == 4:  # more than a float32 could tell apart
        levels = levels * kind.type(3) ** 5 + kind.type(1) / kind.type(7)
    stack = levels.astype(kind.newbyteorder(order))
    result = fuse(stack, **QUICK, blend="select")
    assert result.all_in_focus.dtype == kind
    np.testing.assert_array_equal(result.all_in_focus, chosen_from(stack, result.source_map))
    assert len(np.unique(result.index_map)) > 2
    weighted = fuse(stack, **QUICK, blend="weighted").all_in_focus
    assert weighted.dtype == kind
    assert stack.min(initial=kind.type(0)) <= weighted.min()
    assert weighted.max() <= stack.max()


@pytest.mark.parametrize(
    ("measure", "dtype"),
    [*(("laplacian", dtype) for dtype in ACCEPTED_DTYPES), ("learned", "uint16")],
)
def test_grey_planes_of_every_dtype_are_looked_at(colour, dtype, measure):
    """Mosaics and fixed patterns are searched in grey planes only."""
    grey = colour[..., 1] > 110 if dtype == "bool" else (colour[..., 1] // 2).astype(dtype)
    result = fuse(grey, focus_measure=measure, blend="select")
    assert result.all_in_focus.dtype == grey.dtype
    np.testing.assert_array_equal(result.all_in_focus, chosen_from(grey, result.source_map))


@pytest.mark.parametrize("verification", ["seams", "mode", "fuzzy", "none"])
def test_every_verification_copies_values(colour, verification):
    result = fuse(colour, verification=verification, verification_window_px=9, blend="select")
    np.testing.assert_array_equal(result.all_in_focus, chosen_from(colour, result.source_map))


@pytest.mark.parametrize("dtype", [np.int32, np.uint32])
def test_wide_integers_are_not_rounded(grey, dtype):
    stack = grey.astype(dtype) * 8_000_000 + 7
    weighted = fuse(np.stack([stack[2]] * 3), blend="weighted").all_in_focus
    np.testing.assert_array_equal(weighted, stack[2])


@pytest.mark.parametrize("blend", ["select", "weighted"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "float16", "float32", "float64"])
def test_one_plane_is_returned_as_it_is(colour, dtype, blend):
    plane = (colour[:1] > 110 if dtype == "bool" else colour[:1] / 3).astype(dtype)
    with pytest.warns(UserWarning, match="one plane, which is returned as it is") as caught:
        result = fuse(plane, blend=blend)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(result.all_in_focus, plane[0])
    assert not result.index_map.any()


class Uncounted:
    """As dask tells an array from which planes were picked by their values."""

    shape, dtype = (float("nan"), 4, 4), np.dtype(np.uint8)


@pytest.mark.parametrize(
    ("stack", "text"),
    [
        (np.zeros((0, 4, 4), np.uint8), r"empty stack, shape \(0, 4, 4\)"),
        (np.zeros((3, 0, 4), np.uint8), r"empty stack, shape \(3, 0, 4\)"),
        ([], "empty list; a stack needs at least one plane"),
        (np.zeros((4, 4), np.uint8), r"got 2 axes, shape \(4, 4\); accepted are \(Z, Y, X\)"),
        (np.zeros((2, 2, 2, 4, 4), np.uint8), "got 5 axes"),
        (
            np.zeros((2, 4, 4), np.complex64),
            "got dtype complex64; accepted are bool, uint8.*Convert the values",
        ),
        (np.zeros((2, 4, 4), np.complex64), "got dtype complex64"),
        (np.zeros((2, 4, 4, 17), np.uint8), "interpreted as 17 channels; accepted are at most 16"),
        ([np.zeros((4, 4)), np.zeros((4, 5))], r"plane 1 is \(4, 5\) but plane 0 is \(4, 4\)"),
        ([np.zeros((4, 4)), np.zeros((4, 4), np.uint8)], "plane 1 is uint8 but plane 0 is float64"),
        ([[[1, 2], [3]], [[1, 2], [3, 4]]], "plane 0 is ragged"),
        (
            np.broadcast_to(np.uint8(0), (65537, 2, 2)),
            "got 65537 planes; accepted are at most 65536",
        ),
        (42, "got int; accepted are an array"),
        (["z0.tif", None], "got NoneType where the path of a file is"),
        (xarray.Dataset({"a": (("z",), [1])}), r"Dataset of 'a'; accepted is one of its arrays"),
        (Uncounted(), r"unknown size, \(nan, 4, 4\); .*compute_chunk_sizes"),
    ],
)
def test_what_is_no_stack(stack, text):
    with pytest.raises((StackError, StackFileError), match=text):
        fuse(stack)


@pytest.mark.parametrize("given", ["laplacian", {"blend": "select"}, FusionConfig, np.zeros(3)])
def test_what_is_no_config(grey, given):
    with pytest.raises(ConfigError, match=r"where options are; .* FusionConfig.* focus_measure="):
        fuse(grey, given)


def test_plane_that_breaks_its_promise(grey):
    class Liar(Recorder):
        def __getitem__(self, key):
            return super().__getitem__(key)[: 40 if key == 3 else None]

    with pytest.raises(
        StackError, match=r"plane 3 has shape \(40, 70\) .* those of the stack, \(48, 70\)"
    ):
        fuse(Liar(grey))


def test_error_of_a_plane_comes_out_as_it_is(grey, threads):
    before = threads()
    broken = RuntimeError("disk on fire")

    class Burning(Recorder):
        def __getitem__(self, key):
            if key == 3:
                raise broken
            return super().__getitem__(key)

    with pytest.raises(RuntimeError) as caught:
        fuse(Burning(grey))
    assert caught.value is broken
    assert threads() <= before


def test_nan_and_infinity_are_counted(grey):
    stack = grey.astype(np.float32)
    stack[2, 3, 4:7] = np.nan
    stack[2, 9, 9] = np.inf
    stack[2, 9, 10] = -np.inf
    with pytest.raises(StackError, match=r"plane 2 holds 3 NaN and 2 infinite values.*nan_policy"):
        fuse(stack)


IGNORED = [
    (np.nan, verification, blend)
    for verification in ("seams", "mode", "fuzzy", "none")
    for blend in ("select", "weighted")
]


@pytest.mark.parametrize(
    ("value", "verification", "blend"), [*IGNORED, (np.inf, "seams", "weighted")]
)
def test_ignored_values_are_taken_from_other_planes(colour, value, verification, blend):
    stack = colour.astype(np.float32)
    config = FusionConfig(
        verification=verification,
        verification_window_px=9,
        blend=blend,
        window_sigma_px=2,
        nan_policy="ignore",
    )
    clean = fuse(stack, config)
    z, y, x = 2, slice(20, 26), slice(30, 37)
    stack[z, y, x, 1] = value  # one channel is enough
    stack[0, 0, 0] = value
    result = fuse(stack, config)
    assert np.isfinite(result.all_in_focus).all()
    assert not (result.index_map[y, x] == z).any()
    assert result.index_map[0, 0] != 0
    near = np.zeros(stack.shape[1:3], bool)
    near[8:38, 18:49] = near[:12, :12] = True
    assert np.mean((result.index_map != clean.index_map)[~near]) < 0.01


@pytest.mark.parametrize("verification", ["seams", "mode", "fuzzy", "none"])
@pytest.mark.parametrize("blend", ["select", "weighted"])
def test_pixel_that_no_plane_has_stays_nan(grey, verification, blend):
    stack = grey.astype(np.float32)
    stack[:, 10, 20:23] = np.nan
    result = fuse(stack, nan_policy="ignore", verification=verification, blend=blend)
    invalid = np.isnan(result.all_in_focus)
    assert invalid[10, 20:23].all()
    assert invalid.sum() == 3


def test_stack_is_left_alone(colour):
    stack = colour.astype(np.float32)
    stack[1, 5, 5] = np.nan
    stack.setflags(write=False)
    before = stack.copy()
    fuse(stack, nan_policy="ignore", blend="weighted", median_filter=True)
    np.testing.assert_array_equal(stack, before)
