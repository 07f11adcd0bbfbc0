"""One table of axis names, which every entrance goes by."""

from contextlib import redirect_stderr
from io import StringIO

import numpy as np
import pytest
import tifffile
import xarray

from napari_umis_fusion import fuse, fuse_layer
from napari_umis_fusion.cli import main
from napari_umis_fusion.errors import StackError, StackFileError
from napari_umis_fusion.files.read import open_stack, read_layers
from napari_umis_fusion.stack import find_z, kind_of, place_named, place_of, plane_places
from napari_umis_fusion.stack._axes import NAMES

STACK = np.random.default_rng(0).integers(0, 255, (3, 16, 20), np.uint8)
QUICK = {"focus_measure": "laplacian", "threads": 1}
TAKEN = ("z", "unnamed")
"""Kinds that are z where no axis is called so."""

ALL_NAMES = [(kind, name) for kind, names in NAMES.items() for name in names]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("z", ["z", "Z", "depth", "Plane", "planes", "slices", "z-stack", "Z_Stack", "zstack"]),
        ("y", ["y", "Y", "row", "rows", "height"]),
        ("x", ["x", "column", "Columns", "col", "width"]),
        ("channel", ["c", "ch", "channel", "channels", "wavelength", "Lambda", "emission", "E"]),
        ("sample", ["S", "samples", "rgb", "RGBA"]),
        ("time", ["t", "time", "frame", "frames", "timepoint", "time-points", "Time Point"]),
        ("position", ["p", "pos", "position", "scene", "scenes", "series", "field", "well"]),
        ("position", ["tile", "tiles", "mosaic", "M", "R", "stage_position", "fov"]),
        ("other", ["view", "views", "angle", "phase", "lifetime", "V", "H", "A", "illumination"]),
        ("unnamed", ["", "I", "q", "-3", "0", "axis 0", "axis-1", "dim_0", " dim 2 "]),
        ("unknown", ["w", "focal", "x2", "axis y", "temperature", "bus", "s2"]),
    ],
)
def test_kinds(kind, names):
    assert [kind_of(name) for name in names] == [kind] * len(names)


def test_no_name_stands_for_two_kinds():
    plain = [name.replace(" ", "") for _, name in ALL_NAMES]
    assert len(set(plain)) == len(plain)
    for kind, name in ALL_NAMES:
        spelled = [name, name.upper(), name.replace(" ", "_"), name.replace(" ", "-")]
        spelled += [f"{name}s"] * (len(name) > 1)
        assert {kind_of(one) for one in spelled} == {kind}, name


def through_fuse(name, folder, **asked):
    return fuse(xarray.DataArray(STACK, dims=(name, "y", "x")), **QUICK, **asked).all_in_focus


def through_fuse_layer(name, folder, **asked):
    return fuse_layer((STACK, {"axis_labels": (name, "y", "x")}), **QUICK, **asked)[0][0]


def through_open_stack(name, folder, **asked):
    return fuse(open_stack(file_with(name, folder), **asked), **QUICK).all_in_focus


def through_read_layers(name, folder, **asked):
    return fuse_layer(read_layers(file_with(name, folder))[0], **QUICK, **asked)[0][0]


def through_command_line(name, folder, **asked):
    options = ["--focus-measure", "laplacian", *(f"--z-axis={axis}" for axis in asked.values())]
    files = [str(file_with(name, folder)), "-o", str(folder / "fused.tif")]
    with redirect_stderr(StringIO()) as said:
        code = main(["fuse", *files, *options])
    if code:
        raise StackFileError(said.getvalue())
    return tifffile.imread(folder / "fused.tif")


def letter_of(name):
    """Return what a TIFF calls an axis: one letter, of names that are longer the usual one."""
    usual = next(one for one in NAMES[kind_of(name)] if len(one) == 1)
    return (name if len(name) == 1 else usual).upper()


def file_with(name, folder):
    path = folder / f"{letter_of(name)}.tif"
    if not path.exists():
        axes = {"axes": f"{letter_of(name)}YX"}
        tifffile.imwrite(path, STACK, metadata=axes, photometric="minisblack")
    return path


ENTRANCES = [
    *(through_fuse, through_fuse_layer, through_open_stack, through_read_layers),
    through_command_line,
]


def names_for(enter):
    """Yield what a third axis may be called: in a file Y and X stand once, and S is colour."""
    absent = () if enter in ENTRANCES[:2] else ("y", "x", "sample")
    for kind, name in ALL_NAMES:
        if kind not in absent and name not in ("y", "x"):
            yield kind, name


def letters_for(enter):
    """Yield of the names for a third axis one for each letter, since files know no more."""
    known = set()
    for kind, name in names_for(enter):
        letter = name if enter in ENTRANCES[:2] else letter_of(name)
        if letter not in known:
            known.add(letter)
            yield kind, name


@pytest.mark.parametrize("enter", ENTRANCES)
def test_every_name_is_z_or_refused_at_each_entrance_alike(enter, tmp_path):
    wanted = fuse(STACK, **QUICK).all_in_focus
    for kind, name in letters_for(enter):
        if kind in TAKEN:
            np.testing.assert_array_equal(enter(name, tmp_path), wanted, name)
            continue
        split = enter is through_read_layers and letter_of(name) == "C"  # a layer for each
        with pytest.raises((StackError, StackFileError), match="one plane" if split else "z_axis"):
            pytest.fail(f"{name} is taken for z: {enter(name, tmp_path).shape}")


@pytest.mark.parametrize("enter", ENTRANCES)
def test_every_name_is_z_where_it_is_asked_for(enter, tmp_path):
    wanted = fuse(STACK, **QUICK).all_in_focus
    # All entrances look names up in one place: that all names stand there, one of them tells.
    some = {name for names in NAMES.values() for name in (names[0], names[-1])}
    for kind, name in names_for(enter):
        if enter is not through_fuse and name not in some:
            continue
        if enter is through_read_layers and (letter_of(name) == "C" or kind == "unnamed"):
            continue  # channels are layers by then, and pages are called z
        np.testing.assert_array_equal(enter(name, tmp_path, z_axis=name), wanted, name)


@pytest.mark.parametrize(
    "names", [("y", "x", "dim_2"), ("row", "column", "focal"), ("t", "y", "x")]
)
def test_what_is_known_to_be_something_else_is_not_z_by_its_place(names):
    likely = names[2] if find_z(names)[0] == 2 else names[0]
    data = xarray.DataArray(STACK, dims=names)
    text = rf"{names[0]!r} is never used as z.*z_axis={likely!r} or data.rename"
    with pytest.raises(StackError, match=text):
        fuse(data, **QUICK)
    assert fuse(data, z_axis=likely, **QUICK).all_in_focus.ndim == 2
    assert fuse(data.rename({likely: "z"}), **QUICK).all_in_focus.ndim == 2


def test_dimensions_without_a_name_keep_their_place():
    stack = xarray.DataArray(STACK)
    assert stack.dims == ("dim_0", "dim_1", "dim_2")
    by_place = fuse(STACK, **QUICK).index_map
    np.testing.assert_array_equal(fuse(stack, **QUICK).index_map, by_place)
    np.testing.assert_array_equal(fuse_layer((stack, {}), **QUICK)[1][0], by_place)
    named = xarray.DataArray(STACK, dims=("stage", "row", "col"))
    np.testing.assert_array_equal(fuse(named, **QUICK).index_map, by_place)


def test_channels_before_the_plane_are_put_last_though_no_axis_is_called_z():
    data = np.stack([STACK, STACK // 2], 1)
    stack = xarray.DataArray(data, dims=("stage", "wavelength", "y", "x"))
    np.testing.assert_array_equal(
        fuse(stack, **QUICK).all_in_focus, fuse(np.moveaxis(data, 1, -1), **QUICK).all_in_focus
    )


def test_spectra_are_channels_of_arrays_files_and_layers(tmp_path):
    data = np.stack([STACK, STACK[::-1]], 1)
    wanted = fuse(np.moveaxis(data, 1, -1), **QUICK).all_in_focus
    path = tmp_path / "spectra.tif"
    tifffile.imwrite(path, data, metadata={"axes": "ZEYX"}, photometric="minisblack")
    for stack in (xarray.DataArray(data, dims=("z", "lambda", "y", "x")), open_stack(path)):
        np.testing.assert_array_equal(fuse(stack, **QUICK).all_in_focus, wanted)
    made = fuse_layer(read_layers(path)[0], **QUICK)[0][0]
    np.testing.assert_array_equal(np.moveaxis(made, 0, -1), wanted)


def test_axes_of_xarray_are_chosen_as_those_of_files():
    data = xarray.DataArray(np.stack([STACK, STACK[::-1]]), dims=("t", "frame index", "y", "x"))
    one = fuse(data, z_axis="Frame Index", index={"time": 1}, **QUICK)
    np.testing.assert_array_equal(one.index_map, fuse(STACK[::-1], **QUICK).index_map)
    with pytest.raises(StackError, match=r"z_axis names 'w'; accepted are the dimensions \{'t': 2"):
        fuse(data, z_axis="w", **QUICK)
    with pytest.raises(StackError, match=r"index names 'w'; accepted are the dimensions \{'t': 2"):
        fuse(data, index={"w": 0}, **QUICK)
    for number in (2, -1):
        with pytest.raises(StackError, match=f"index t={number} is outside 0 to 1"):
            fuse(data, index={"t": number}, **QUICK)


@pytest.mark.parametrize("given", [{"z_axis": "Z"}, {"index": {"T": 0}}])
@pytest.mark.parametrize("stack", [STACK, list(STACK)])
def test_axes_without_names_cannot_be_named(given, stack):
    with pytest.raises(StackError, match=r"name axes of a file or an xarray.*moveaxis"):
        fuse(stack, **given, **QUICK)


@pytest.mark.parametrize(
    ("names", "wanted", "place"),
    [
        ("TZYX", "time", 0),
        ("TZYX", "Frames", 0),
        ("TZYX", "depth", 1),
        ("TZYX", "z", 1),
        ("TYX", "z", None),
        ("PYX", "M", None),
        ("PMYX", "position", None),
        (("frame", "t", "y", "x"), "t", 1),
        (("frame", "y", "x"), "time", 0),
        ("IYX", "pages", 0),
        (("", "y", "x"), "-3", None),
        (("", "y", "x"), "", None),
        (("w", "y", "x"), "temperature", None),
    ],
)
def test_an_axis_is_meant_by_its_name_or_by_what_it_counts(names, wanted, place):
    assert place_named(names, wanted) == place


def test_of_several_names_the_usual_one_counts():
    assert place_of(("planes", "z", "y", "x"), "z") == 1
    assert place_of(("wavelength", "z", "c"), "channel") == 2
    assert plane_places(("x", "row", "y")) == (2, 0)
    assert plane_places(("a", "b", "y")) == (1, 2)
    assert find_z(("-3", "y", "x")) == (0, True)
    assert find_z(("-3", "-2", "x")) == (0, False)
