import json
from xml.etree import ElementTree

import dask.array
import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import read_layers
from napari_umis_fusion.files.write import _layers as layer_writing
from napari_umis_fusion.files.write import write_folder, write_image_layer, write_series

PROVENANCE = {"software": "napari-umis-fusion", "version": "1", "config": {"blend": "select"}}


def ramp(*shape, dtype="uint16"):
    values = np.arange(np.prod(shape)).reshape(shape)
    return values % 3 == 0 if dtype == "bool" else values.astype(dtype)


def ome(path):
    with tifffile.TiffFile(path) as tif:
        return ElementTree.fromstring(tif.ome_metadata)


def layer(data, axes, **attributes):
    labels = {"axis_labels": tuple(axes)} if axes else {}
    return data, {"name": "a", **labels, **attributes}, "image"


def only(layers):
    (one,) = layers
    return one


LAYOUTS = [
    # labels of the layer, its shape, rgb, axes in the file, labels when read again
    ("yx", (6, 5), False, "YX", "yx"),
    ("zyx", (7, 6, 5), False, "ZYX", "zyx"),
    (("Z", "Y", "X"), (7, 6, 5), False, "ZYX", "ZYX"),
    (("time", "depth", "y", "x"), (2, 7, 6, 5), False, "TZYX", ("time", "depth", "y", "x")),
    ("ztyx", (7, 2, 6, 5), False, "ZTYX", "ztyx"),
    (None, (7, 6, 5), False, "ZYX", "zyx"),
    (("-3", "-2", "-1"), (7, 6, 5), False, "ZYX", "zyx"),
    (("axis 0", "axis 1", "axis 2", "axis 3"), (2, 7, 6, 5), False, "TZYX", "tzyx"),
    (("position", "z", "y", "x"), (2, 7, 6, 5), False, "TZYX", ("position", "z", "y", "x")),
    (("position", "y", "x"), (7, 6, 5), False, "TYX", ("position", "y", "x")),
    ("tzyx", (1, 7, 6, 5), False, "ZYX", "tzyx"),
    ("pqzyx", (1, 1, 7, 6, 5), False, "ZYX", "pqzyx"),
    ("zyx", (1, 6, 5), False, "YX", "zyx"),
    ("zyx", (7, 6, 5, 3), True, "ZYXS", "zyx"),
    ("yx", (6, 5, 4), True, "YXS", "yx"),
    ("tzyx", (2, 7, 6, 5, 3), True, "TZYXS", "tzyx"),
]


@pytest.mark.parametrize(("labels", "shape", "rgb", "axes", "again"), LAYOUTS)
@pytest.mark.parametrize("write", [write_image_layer, write_series, write_folder])
def test_axes_go_to_ome_and_come_back(tmp_path, write, labels, shape, rgb, axes, again):
    data = ramp(*shape, dtype="uint8" if rgb else "uint16")
    one = layer(data, labels, rgb=rgb)
    if write is write_image_layer:
        paths = write(tmp_path / "s.ome.tif", *one[:2])
    else:
        paths = write(tmp_path / ("s" if write is write_folder else "s.ome.tif"), [one])
    with tifffile.TiffFile(only(paths)) as tif:
        assert (tif.series[0].axes, tif.is_ome) == (axes, True)
        assert tif.pages.first.photometric.name == ("RGB" if rgb else "MINISBLACK")
        assert tif.pages.first.extrasamples == ((2,) if shape[-1] == 4 else ())
    array, attributes, _ = only(read_layers(only(paths)))
    np.testing.assert_array_equal(array, data, strict=True)
    assert (attributes["axis_labels"], attributes["rgb"]) == (tuple(again), rgb)


def test_channels_of_one_layer_are_read_again_as_one_layer(tmp_path):
    data = ramp(7, 2, 6, 5)
    write_image_layer(tmp_path / "s.ome.tif", *layer(data, "zcyx")[:2])
    array, attributes, _ = only(read_layers(tmp_path / "s.ome.tif"))
    np.testing.assert_array_equal(array, data, strict=True)
    assert attributes["axis_labels"] == tuple("zcyx")


def test_one_colour_is_not_told_of_several_channels(tmp_path):
    colormap = {"colors": np.array([(0, 0, 0, 1), (1, 0, 0, 1)])}
    for data, labels, rgb in ((ramp(2, 6, 5), "cyx", False), (ramp(6, 5, 3), "yx", True)):
        write_image_layer(
            tmp_path / "s.ome.tif", *layer(data, labels, rgb=rgb, colormap=colormap)[:2]
        )
        channels = ome(tmp_path / "s.ome.tif").findall(".//{*}Channel")
        assert [channel.get("Color") for channel in channels] == [None] * len(channels)


@pytest.mark.parametrize(("labels", "shape"), [("xyz", (5, 6, 7)), ("yzx", (6, 7, 5))])
def test_planes_are_y_by_x_whatever_the_order_of_the_layer(tmp_path, labels, shape):
    data = ramp(*shape)
    sizes = dict(zip("zyx", (3.0, 2.0, 1.0), strict=True))
    scale = [sizes[axis] for axis in labels]
    attributes = {"axis_labels": tuple(labels), "scale": scale, "units": ("um",) * 3}
    write_image_layer(tmp_path / "s.tif", data, attributes)
    wanted = data.transpose([labels.index(axis) for axis in "zyx"])
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "s.tif"), wanted, strict=True)
    pixels = ome(tmp_path / "s.tif").find("{*}Image/{*}Pixels").attrib
    assert [float(pixels[f"PhysicalSize{axis}"]) for axis in "ZYX"] == [3, 2, 1]
    array, again, _ = only(read_layers(tmp_path / "s.tif"))  # this package knows its order
    np.testing.assert_array_equal(array, data, strict=True)
    assert again["scale"] == tuple(scale)


@pytest.mark.parametrize(
    ("labels", "shape", "named"),
    [
        ("abtzyx", (2, 2, 2, 2, 6, 5), "'a', 'b', 't', 'z'"),
        ("zzyx", (2, 2, 6, 5), "'z', 'z'"),
        (("time", "t", "y", "x"), (2, 2, 6, 5), "'time', 't'"),
    ],
)
def test_axes_without_a_place_are_refused(tmp_path, labels, shape, named):
    with pytest.raises(StackFileError, match=f"has the axes {named} besides y and x; OME-TIFF"):
        write_image_layer(tmp_path / "s.ome.tif", *layer(ramp(*shape), labels)[:2])
    assert list(tmp_path.iterdir()) == []


class Unit:
    """Like pint's: told by its text."""

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name


@pytest.mark.parametrize(
    ("units", "scale", "wanted"),
    [
        (("s", "um", "um", "um"), (2, 4, 3, 1.5), {"T": 2, "Z": 4, "Y": 3, "X": 1.5}),
        (("ms", "mm", "nm", "µm"), (500, 4, 3, 1.5), {"T": 0.5, "Z": 4e3, "Y": 3e-3, "X": 1.5}),
        (("pixel", "pixel", "um", "um"), (1, 1, 3, 1.5), {"Y": 3, "X": 1.5}),
        (
            [Unit("second"), *[Unit("micrometer")] * 3],
            (1, 4, 3, 2),
            {"T": 1, "Z": 4, "Y": 3, "X": 2},
        ),
        ("um", (1, 4, 3, 1.5), {"Z": 4, "Y": 3, "X": 1.5}),
        (None, (1, 4, 3, 1.5), {}),
    ],
)
def test_units_become_um_and_s(tmp_path, units, scale, wanted):
    attributes = {"axis_labels": tuple("tzyx"), "scale": scale, "units": units}
    write_image_layer(tmp_path / "s.ome.tif", ramp(2, 3, 6, 5), attributes)
    pixels = ome(tmp_path / "s.ome.tif").find("{*}Image/{*}Pixels").attrib
    names = {"T": "TimeIncrement"} | {axis: f"PhysicalSize{axis}" for axis in "ZYX"}
    told = {axis: float(pixels[name]) for axis, name in names.items() if name in pixels}
    assert told == pytest.approx(wanted)
    again = only(read_layers(tmp_path / "s.ome.tif"))[1]
    assert again["scale"] == scale
    with tifffile.TiffFile(tmp_path / "s.ome.tif") as tif:
        per_cm = tif.pages.first.get_resolution("centimeter")
    assert not wanted or per_cm == pytest.approx([1e4 / wanted[axis] for axis in "XY"], rel=1e-6)
    every = [units] * 4 if isinstance(units, str) else units or ["pixel"] * 4
    assert again["units"] == tuple(map(str, every))


def test_the_step_of_a_single_plane_is_kept(tmp_path):
    attributes = {"axis_labels": tuple("zyx"), "scale": (30, 2, 2), "units": ("um",) * 3}
    write_image_layer(tmp_path / "s.ome.tif", ramp(1, 6, 5), attributes)
    pixels = ome(tmp_path / "s.ome.tif").find("{*}Image/{*}Pixels").attrib
    assert (pixels["PhysicalSizeZ"], pixels["PhysicalSizeX"]) == ("30.0", "2.0")


DTYPES = [
    *(("bool", "uint8"), ("float16", "float32")),
    *((same, same) for same in ("uint8", "int16", "uint16", "int32", "uint32")),
    *(("float32", "float32"), ("float64", "float64"), (">u2", "uint16")),
    *(("int64", "uint32"), ("uint64", "uint32")),
]


@pytest.mark.parametrize(("dtype", "stored"), DTYPES)
def test_dtypes(tmp_path, dtype, stored):
    data = ramp(3, 6, 5, dtype=dtype)
    write_image_layer(tmp_path / "s.ome.tif", *layer(data, "zyx")[:2])
    array = only(read_layers(tmp_path / "s.ome.tif"))[0]
    np.testing.assert_array_equal(array, data.astype(stored), strict=True)


def test_integers_of_64_bits_keep_their_sign_or_are_refused(tmp_path):
    data = ramp(3, 6, 5, dtype="int64") - 5
    write_series(tmp_path / "s.ome.tif", [(data, {}, "labels")])
    array = only(read_layers(tmp_path / "s.ome.tif"))[0]
    np.testing.assert_array_equal(array, data.astype("int32"), strict=True)
    data[1, 2, 3] = 2**40
    with pytest.raises(StackFileError, match="'labels' is int64, which OME-TIFF cannot hold"):
        write_series(tmp_path / "t.ome.tif", [(data, {}, "labels")])
    with pytest.raises(StackFileError, match="is complex64, which OME-TIFF cannot hold"):
        write_image_layer(tmp_path / "t.ome.tif", data.astype("complex64"), {})
    assert [path.name for path in tmp_path.iterdir()] == ["s.ome.tif"]


def test_layers_become_series_with_all_that_is_told_of_them(tmp_path):
    run = PROVENANCE | {"output": "depth_map"}
    stack, depth = ramp(7, 6, 5), ramp(6, 5, dtype="float32")
    colour, labels = ramp(4, 3, 3, dtype="uint8"), ramp(6, 5, dtype="int32")
    um = {"units": ("um",) * 3}
    layers = [
        layer(stack, "zyx", scale=(2.0, 0.5, 0.25), **um, name="stack µ <&>"),
        layer(depth, "yx", scale=(0.5, 0.25), units=("um", "um"), name="depth"),
        layer(colour, "yx", rgb=True, name="colour"),
        (labels, {"name": "index map", "axis_labels": ("y", "x")}, "labels"),
    ]
    layers[1][1]["metadata"] = {"umis_fusion": run, "other": object()}
    assert write_series(tmp_path / "all.ome.tif", layers) == [str(tmp_path / "all.ome.tif")]
    again = read_layers(tmp_path / "all.ome.tif")
    for (got, told, _), (data, given, _) in zip(again, layers, strict=True):
        np.testing.assert_array_equal(got, data, strict=True)
        assert told["name"] == given["name"]
        assert told["axis_labels"] == given["axis_labels"]
        assert told.get("rgb", False) == given.get("rgb", False)
    assert again[0][1]["scale"] == (2.0, 0.5, 0.25)
    assert again[1][1]["scale"] == (0.5, 0.25)
    assert [told["metadata"].get("umis_fusion") for _, told, _ in again] == [None, run, None, None]
    assert [told["metadata"]["umis_fusion_file"]["series"] for _, told, _ in again] == [0, 1, 2, 3]


def test_provenance_is_marked_as_ours_and_need_not_be_json(tmp_path):
    attributes = {"metadata": {"umis_fusion": {"path": tmp_path}}}
    write_image_layer(tmp_path / "s.ome.tif", ramp(6, 5), attributes)
    wanted = {"software": "napari-umis-fusion", "path": str(tmp_path)}
    assert only(read_layers(tmp_path / "s.ome.tif"))[1]["metadata"]["umis_fusion"] == wanted
    told = json.loads(ome(tmp_path / "s.ome.tif").findtext("{*}Image/{*}Description"))
    assert {name: value for name, value in told.items() if name != "napari"} == wanted


@pytest.mark.parametrize(
    ("last", "again"),
    [((0, 1, 0, 1), "green"), ((1, 1, 1, 1), "gray"), ((1, 0.5, 0, 1), "#ff8000")],
)
def test_the_colour_of_a_plain_colormap_is_kept(tmp_path, last, again):
    colormap = {"name": "any", "colors": np.array([(0, 0, 0, 1), last], "float32")}
    write_image_layer(tmp_path / "s.ome.tif", *layer(ramp(3, 6, 5), "zyx", colormap=colormap)[:2])
    assert only(read_layers(tmp_path / "s.ome.tif"))[1]["colormap"] == again


@pytest.mark.parametrize("told", [{"multiscale": True}, {}])
def test_of_several_resolutions_the_first_is_written(tmp_path, told):
    levels = [ramp(3, 8, 8), ramp(3, 4, 4)]
    write_image_layer(tmp_path / "s.ome.tif", levels, {"axis_labels": tuple("zyx"), **told})
    array = only(read_layers(tmp_path / "s.ome.tif"))[0]
    np.testing.assert_array_equal(array, levels[0], strict=True)


class Watched:
    """An array that notes what is read of it."""

    def __init__(self, data):
        self.data, self.shape, self.dtype, self.read = data, data.shape, data.dtype, []

    def __getitem__(self, index):
        self.read.append(index[:-2])
        return self.data[index]


def test_arrays_are_read_plane_by_plane(tmp_path):
    data = ramp(2, 3, 6, 5)
    watched = Watched(data)
    write_image_layer(tmp_path / "s.ome.tif", watched, {"axis_labels": tuple("tzyx")})
    assert watched.read == list(np.ndindex(2, 3))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "s.ome.tif"), data)


@pytest.mark.parametrize(
    "wrap", [dask.array.from_array, lambda data: zarr.array(data), lambda data: data.tolist()]
)
def test_dask_zarr_and_lists(tmp_path, wrap):
    data = ramp(2, 3, 6, 5)
    attributes = {"axis_labels": tuple("tzyx"), "multiscale": False}
    write_image_layer(tmp_path / "s.ome.tif", wrap(data), attributes)
    np.testing.assert_array_equal(only(read_layers(tmp_path / "s.ome.tif"))[0], data)


def test_many_bytes_make_a_bigtiff(tmp_path, monkeypatch):
    for limit, big in ((2 * 6 * 5 * 2, False), (2 * 6 * 5 * 2 - 1, True)):
        monkeypatch.setattr(layer_writing, "CLASSIC_TIFF_BYTES", limit)
        write_series(tmp_path / "s.ome.tif", [layer(ramp(6, 5), "yx")] * 2)
        with tifffile.TiffFile(tmp_path / "s.ome.tif") as tif:
            assert tif.is_bigtiff == big


@pytest.mark.parametrize(
    ("shape", "rgb", "dtype"),
    [((6, 5), False, "uint8"), ((1, 6, 5), False, "uint16"), ((6, 5, 3), True, "uint8")],
)
def test_png_holds_one_plane(tmp_path, shape, rgb, dtype):
    data = ramp(*shape, dtype=dtype)
    (path,) = write_image_layer(tmp_path / "s.png", data, {"rgb": rgb})
    read = imagecodecs.png_decode((tmp_path / "s.png").read_bytes())
    np.testing.assert_array_equal(read, data.squeeze(), strict=True)
    assert path == str(tmp_path / "s.png")


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("s.png", ramp(7, 6, 5), r"s\.png: PNG can hold one plane; 'a' has the axes z \(7\)"),
        ("s.png", ramp(6, 5, dtype="float32"), "PNG cannot hold float32"),
        ("s.jp2", ramp(6, 5), "cannot write this kind of file; accepted extensions are .ome.tif"),
        ("no/s.ome.tif", ramp(6, 5), "the folder .* does not exist"),
        ("s.ome.tif", ramp(5), r"has shape \(5,\); accepted are layers with planes"),
        ("s.ome.tif", ramp(0, 6, 5), r"has shape \(0, 6, 5\); accepted are layers with planes"),
    ],
)
def test_refusals(tmp_path, name, data, complaint):
    with pytest.raises(StackFileError, match=complaint):
        write_image_layer(tmp_path / name, data, {"name": "a"})
    assert list(tmp_path.iterdir()) == []


def test_several_layers_need_a_tiff_and_a_kind_that_can_be_written(tmp_path):
    with pytest.raises(StackFileError, match=r"several layers need an OME-TIFF"):
        write_series(tmp_path / "s.png", [layer(ramp(6, 5), "yx")])
    kept = tmp_path / "kept.ome.tif"
    kept.write_text("of another")
    with pytest.raises(StackFileError, match="got no layers; accepted is at least one"):
        write_series(kept, [])
    assert kept.read_text() == "of another"
    with pytest.raises(StackFileError, match="'spots' is a points layer"):
        write_series(tmp_path / "s.ome.tif", [(ramp(6, 5), {"name": "spots"}, "points")])


@pytest.mark.parametrize("write_several", [write_series, write_folder])
@pytest.mark.parametrize(
    ("given", "text"),
    [
        (np.zeros((5, 6)), "got ndarray where a list of layers is"),
        (None, "got NoneType where a list of layers is"),
        ([np.zeros((5, 6))], "got ndarray where the data of a layer are; accepted is an array"),
        ([(np.zeros((5, 6)),)], "got tuple of 1 where the data of a layer are"),
        ([("a", "b")], "got tuple of 2 where the data of a layer are"),
    ],
)
def test_what_is_no_list_of_layers_is_told(tmp_path, write_several, given, text):
    with pytest.raises(StackFileError, match=text):
        write_several(tmp_path / "s", given)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain", "plain.ome.tif"),
        ("step 0.5um", "step 0.5um.ome.tif"),
        ("s.TIF", "s.TIF"),
        ("s.ome.tiff", "s.ome.tiff"),
    ],
)
@pytest.mark.parametrize("write", [write_image_layer, write_series])
def test_an_ending_is_added_where_there_is_none(tmp_path, write, name, written):
    one = layer(ramp(6, 5), "yx")
    arguments = one[:2] if write is write_image_layer else ([one],)
    assert write(str(tmp_path / name), *arguments) == [str(tmp_path / written)]
    assert [path.name for path in tmp_path.iterdir()] == [written]


def test_the_source_is_never_overwritten(tmp_path):
    data = ramp(3, 6, 5)
    source = tmp_path / "source.ome.tif"
    write_image_layer(source, data, {"axis_labels": tuple("zyx")})
    before = source.read_bytes()
    read = only(read_layers(source))
    fused = layer(ramp(6, 5), "yx")
    fused[1]["metadata"] = {"umis_fusion": {"layer": {"path": str(source)}}}
    for one in (read, fused):
        with pytest.raises(StackFileError, match=r"source\.ome\.tif: is an input"):
            write_image_layer(source, *one[:2])
        with pytest.raises(StackFileError, match=r"source\.ome\.tif: is an input"):
            write_series(source, [layer(data, "zyx"), one])
    assert source.read_bytes() == before


@pytest.mark.parametrize("listed", [False, True])
def test_planes_that_a_layer_was_read_from_are_never_overwritten(tmp_path, listed):
    paths = [tmp_path / f"{z}.png" for z in range(3)]
    for path, plane in zip(paths, ramp(3, 6, 5, dtype="uint8"), strict=True):
        write_image_layer(path, plane, {})
    array, attributes, _ = only(read_layers(paths if listed else tmp_path))
    with pytest.raises(StackFileError, match=r"1\.png: is an input"):
        write_image_layer(paths[1], array[0], {"metadata": attributes["metadata"]})


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "s.ome.tif"
    write_image_layer(path, ramp(3, 6, 5), {})
    before = path.read_bytes()

    class Broken(Watched):
        def __getitem__(self, index):
            if self.read:
                raise OSError(5, "broken disk")
            return super().__getitem__(index)

    with pytest.raises(StackFileError, match=r"s\.ome\.tif: cannot be written \(broken disk\)"):
        write_image_layer(path, Broken(ramp(3, 6, 5)), {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class TestFolder:
    def test_each_layer_is_a_file_of_its_name(self, tmp_path):
        names = ["depth", "Depth", "a/b: *?<>|µ [1]", "con", "...", "x" * 300, "血液" * 60]
        layers = [layer(ramp(6, 5) + k, "yx", name=name) for k, name in enumerate(names)]
        paths = write_folder(tmp_path / "new", layers)
        wanted = ["depth", "Depth (2)", "a_b_ _____µ [1]", "con_", "layer", "x" * 200, "血液" * 33]
        assert paths == [str(tmp_path / "new" / f"{name}.ome.tif") for name in wanted]
        for k, path in enumerate(paths):
            np.testing.assert_array_equal(tifffile.imread(path), ramp(6, 5) + k)
        assert ome(paths[2]).find("{*}Image").get("Name") == names[2]

    def test_files_in_the_way_are_never_replaced(self, tmp_path):
        standing = tmp_path / "b.ome.tif"
        standing.write_bytes(b"precious")
        layers = [layer(ramp(6, 5), "yx", name=name) for name in "ab"]
        with pytest.raises(StackFileError, match=r"b\.ome\.tif is there already"):
            write_folder(tmp_path, layers)
        assert standing.read_bytes() == b"precious"
        assert list(tmp_path.iterdir()) == [standing]
        assert len(write_folder(tmp_path, layers[:1])) == 1

    @pytest.mark.parametrize("name", ["s.ome.tif", "s.tiff", "S.PNG"])
    def test_the_name_of_a_file_is_refused(self, tmp_path, name):
        with pytest.raises(StackFileError, match="names a file; several layers need a folder"):
            write_folder(tmp_path / name, [layer(ramp(6, 5), "yx")])
        assert list(tmp_path.iterdir()) == []

    def test_the_folder_around_it_must_be_there(self, tmp_path):
        with pytest.raises(StackFileError, match=r"inner: cannot be written"):
            write_folder(tmp_path / "outer" / "inner", [layer(ramp(6, 5), "yx")])
