import json
import sys

import dask.array
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import _grid_layers as list_layers
from napari_umis_fusion.files.read import _lazy_arrays as lazy
from napari_umis_fusion.files.read import _tiff_layers as tiff_layers
from napari_umis_fusion.files.read import holds_stack, open_stack, read_layers
from napari_umis_fusion.files.write import write_image
from napari_umis_fusion.stack import Calibration


def ramp(*shape, dtype="uint16"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def save(path, data, axes=None, **options):
    extra = options.pop("metadata", {}) if axes else {}
    named = {"metadata": {"axes": axes, **extra}} if axes else {}
    tifffile.imwrite(path, data, **({"photometric": "minisblack"} | named | options))
    return path


def only(layers):
    (layer,) = layers
    return layer


@pytest.fixture
def never_at_once(monkeypatch):
    """Make every file count as large."""
    monkeypatch.setattr(tiff_layers, "LAZY_BYTES", 0)
    monkeypatch.setattr(list_layers, "LAZY_BYTES", 0)


AXES = [
    # letters, shape, options, labels, whether it is a z-stack
    ("ZYX", (7, 6, 5), {"imagej": True}, "zyx", True),
    ("TYX", (7, 6, 5), {"imagej": True}, "tyx", False),
    ("TZYX", (2, 7, 6, 5), {"imagej": True}, "tzyx", True),
    ("ZYX", (7, 6, 5), {"ome": True}, "zyx", True),
    ("TYX", (7, 6, 5), {"ome": True}, "tyx", False),
    ("TZYX", (2, 7, 6, 5), {"ome": True}, "tzyx", True),
    ("ZTYX", (7, 2, 6, 5), {"ome": True, "compression": "zlib"}, "ztyx", True),
    ("YX", (6, 5), {"ome": True}, "yx", False),
    ("YX", (6, 5), {"imagej": True}, "yx", False),
    (None, (7, 6, 5), {"metadata": None}, "zyx", True),
    (None, (7, 6, 5), {"metadata": None, "bigtiff": True, "byteorder": ">"}, "zyx", True),
    (None, (7, 6, 5), {}, "zyx", True),
    (None, (6, 5), {}, "yx", False),
    (None, (6, 5), {"metadata": None}, "yx", False),
    ("TYX", (7, 6, 5), {}, "tyx", False),
    ("TZYX", (2, 7, 6, 5), {}, "tzyx", True),
    (None, (2, 7, 6, 5), {}, ("q1", "q2", "y", "x"), True),
    (None, (7, 6, 5), {"volumetric": True, "tile": (7, 16, 16)}, "zyx", True),
]


@pytest.mark.parametrize(("letters", "shape", "options", "labels", "is_stack"), AXES)
@pytest.mark.parametrize("large", [False, True])
def test_all_axes_are_kept(tmp_path, request, large, letters, shape, options, labels, is_stack):
    if large:
        request.getfixturevalue("never_at_once")
    data = ramp(*shape)
    path = save(tmp_path / "s.tif", data, letters, **options)
    array, attributes, kind = only(read_layers(path))
    assert isinstance(array, dask.array.Array) == large
    np.testing.assert_array_equal(np.asarray(array), data, strict=True)
    assert attributes == {
        "name": "s",
        "axis_labels": tuple(labels),
        "scale": (1.0,) * data.ndim,
        "units": ("pixel",) * data.ndim,
        "rgb": False,
        "metadata": {"umis_fusion_file": {"path": str(path), "series": 0, "index": {}, "layer": 0}},
    }
    assert kind == "image"
    assert holds_stack(path) == is_stack


COLOUR = [
    ("ZYXS", (4, 6, 5, 3), {"ome": True, "photometric": "rgb"}),
    ("YXS", (6, 5, 4), {"photometric": "rgb", "extrasamples": [2]}),
    ("ZSYX", (4, 3, 6, 5), {"ome": True, "photometric": "rgb", "planarconfig": "separate"}),
    (None, (4, 6, 5, 3), {"metadata": None, "photometric": "rgb"}),
]


@pytest.mark.parametrize(("letters", "shape", "options"), COLOUR)
def test_colour_is_the_last_axis(tmp_path, letters, shape, options):
    data = ramp(*shape, dtype="uint8")
    path = save(tmp_path / "s.tif", data, letters, **options)
    array, attributes, _ = only(read_layers(path))
    wanted = np.moveaxis(data, 1, -1) if letters == "ZSYX" else data
    np.testing.assert_array_equal(array, wanted, strict=True)
    assert attributes["rgb"] is True
    assert attributes["axis_labels"] == tuple("zyx"[-(data.ndim - 1) :])
    assert "colormap" not in attributes
    assert holds_stack(path) == (data.ndim == 4)


def test_samples_that_are_no_colour_are_channels(tmp_path):
    data = ramp(4, 6, 5, 2)
    path = save(tmp_path / "s.tif", data, "ZYXS", planarconfig="contig")
    layers = read_layers(path)
    for k, (array, attributes, _) in enumerate(layers):
        np.testing.assert_array_equal(array, data[..., k], strict=True)
        assert attributes["metadata"]["umis_fusion_file"]["index"] == {"S": k}
    assert len(layers) == 2


def test_ome_5d(tmp_path):
    data = ramp(2, 3, 4, 6, 5)
    told = {
        "PhysicalSizeX": 250,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.5,
        "PhysicalSizeZ": 1.5,
        "TimeIncrement": 250,
        "TimeIncrementUnit": "ms",
        "Channel": {
            "Name": ["DAPI", "GFP", ""],
            # blue, a green of its own, magenta; packed as OME does, with opacity
            "Color": [0x0000FFFF, 0x10F020FF, -0xFF00FF + 0xFE],
        },
    }
    told["Channel"]["Color"][2] = int(np.array(0xFF00FFFF, "u4").view("i4"))
    path = save(tmp_path / "cells.ome.tif", data, "TCZYX", ome=True, metadata=told)
    layers = read_layers(str(path))
    names = [attributes["name"] for _, attributes, _ in layers]
    assert names == ["cells DAPI", "cells GFP", "cells channel 3"]
    assert [a["colormap"] for _, a, _ in layers] == ["blue", "#10f020", "magenta"]
    for k, (array, attributes, _) in enumerate(layers):
        np.testing.assert_array_equal(array, data[:, k], strict=True)
        assert attributes["axis_labels"] == ("t", "z", "y", "x")
        assert attributes["scale"] == (0.25, 1.5, 0.5, 0.25)
        assert attributes["units"] == ("s", "um", "um", "um")
        assert attributes["blending"] == "additive"
        origin = attributes["metadata"]["umis_fusion_file"]
        optics = {"optics": [{"name": ("DAPI", "GFP")[k]}]} if k < 2 else {}
        assert origin == {"path": str(path), "series": 0, "index": {"C": k}, "layer": k, **optics}
        assert json.loads(json.dumps(attributes["metadata"])) == attributes["metadata"]
        with open_stack(path, index=origin["index"] | {"T": 1}) as stack:
            np.testing.assert_array_equal(stack.plane(2), array[1, 2])


@pytest.mark.parametrize("options", [{"ome": True}, {"imagej": True}])
def test_channels_without_colours_get_distinct_ones(tmp_path, options):
    path = save(tmp_path / "s.tif", ramp(4, 3, 6, 5), "ZCYX", **options)
    looks = [attributes["colormap"] for _, attributes, _ in read_layers(path)]
    assert looks == ["green", "magenta", "cyan"]


def test_channels_that_are_all_white_get_distinct_colours(tmp_path):
    told = {"Channel": {"Color": [-1, -1]}}
    path = save(tmp_path / "s.ome.tif", ramp(2, 4, 6, 5), "CZYX", ome=True, metadata=told)
    assert [a["colormap"] for _, a, _ in read_layers(path)] == ["green", "magenta"]


def test_many_channels_stay_an_axis(tmp_path):
    data = ramp(17, 3, 6, 5)
    array, attributes, _ = only(read_layers(save(tmp_path / "s.tif", data, "CZYX", ome=True)))
    assert attributes["axis_labels"] == ("c", "z", "y", "x")
    np.testing.assert_array_equal(array, data, strict=True)


def test_imagej_hyperstack_with_luts(tmp_path):
    up = np.arange(256, dtype="uint8")
    none = np.zeros(256, "uint8")
    told = {
        "LUTs": [np.stack([up, none, none]), np.stack([none, up // 2, up])],
        "unit": "um",
        "spacing": 2.0,
        "finterval": 0.1,
        "hyperstack": True,
        "mode": "composite",
    }
    data = ramp(2, 4, 2, 6, 5)
    path = save(
        tmp_path / "hyper.tif",
        data,
        "TZCYX",
        imagej=True,
        metadata=told,
        resolution=(4.0, 2.0),
    )
    layers = read_layers(path)
    assert [a["colormap"] for _, a, _ in layers] == ["red", "#007fff"]
    for k, (array, attributes, _) in enumerate(layers):
        np.testing.assert_array_equal(array, data[:, :, k], strict=True)
        assert attributes["name"] == f"hyper channel {k + 1}"
        assert attributes["scale"] == (0.1, 2.0, 0.5, 0.25)
        assert attributes["units"] == ("s", "um", "um", "um")


def test_luts_that_are_no_plain_colour_are_not_applied(tmp_path):
    bent = np.zeros((3, 256), "uint8")
    bent[0] = np.arange(256)
    bent[0, 100] = 0
    told = {"LUTs": [bent, bent]}
    path = save(tmp_path / "s.tif", ramp(4, 2, 6, 5), "ZCYX", imagej=True, metadata=told)
    looks = [attributes["colormap"] for _, attributes, _ in read_layers(path)]
    assert looks == ["green", "magenta"]


def test_each_series_is_a_layer_of_its_own(tmp_path):
    path = tmp_path / "positions.ome.tif"
    data = [ramp(4, 6, 5), ramp(3, 8, 7) + 9, ramp(2, 4, 6, 5, dtype="uint8")]
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(data[0], metadata={"axes": "ZYX", "Name": "left", "PhysicalSizeZ": 2.0})
        tif.write(data[1], metadata={"axes": "ZYX", "Name": " ", "PhysicalSizeZ": 3.0})
        tif.write(data[2], metadata={"axes": "CZYX", "Name": "right"})
    layers = read_layers(path)
    names = ["left", "positions series 1", "right channel 1", "right channel 2"]
    assert [attributes["name"] for _, attributes, _ in layers] == names
    arrays = [*data[:2], *data[2]]
    for (array, attributes, _), wanted in zip(layers, arrays, strict=True):
        np.testing.assert_array_equal(array, wanted, strict=True)
        origin = attributes["metadata"]["umis_fusion_file"]
        with open_stack(path, index=origin["index"] | {"series": origin["series"]}) as stack:
            np.testing.assert_array_equal(stack.plane(1), wanted[1])
    assert [attributes["scale"][0] for _, attributes, _ in layers] == [2, 3, 1, 1]


def test_more_than_fifty_series_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_layers, "MAX_SERIES", 2)
    path = tmp_path / "wells.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for _ in range(3):
            tif.write(ramp(4, 6, 5), metadata={"axes": "ZYX"})
    with pytest.warns(
        UserWarning, match=r"wells.ome.tif: holds 3 images; only the first 2 are opened"
    ):
        assert len(read_layers(path)) == 2


PROVENANCE = {"software": "napari-umis-fusion", "version": "1", "config": {"blend": "select"}}


@pytest.mark.parametrize("ending", [".ome.tif", ".tif"])
@pytest.mark.parametrize("dtype", ["float32", "uint16", "uint8"])
def test_results_come_back_with_sizes_and_provenance(tmp_path, ending, dtype):
    data = ramp(6, 5, dtype=dtype)
    sizes = Calibration(1.5, 0.5, 0.25)
    path = write_image(tmp_path / f"m{ending}", data, calibration=sizes, provenance=PROVENANCE)
    array, attributes, _ = only(read_layers(path))
    np.testing.assert_array_equal(array, data, strict=True)
    assert (attributes["scale"], attributes["units"]) == ((0.5, 0.25), ("um", "um"))
    assert attributes["metadata"]["umis_fusion"] == PROVENANCE
    assert holds_stack(path)  # no other reader gives back what is told of it


@pytest.mark.parametrize("text", ["plain words", '{"software": "other"}', "[1]", "{broken"])
def test_descriptions_of_others_are_no_provenance(tmp_path, text):
    told = {"Description": text}
    path = save(tmp_path / "s.ome.tif", ramp(3, 6, 5), "ZYX", ome=True, metadata=told)
    assert set(only(read_layers(path))[1]["metadata"]) == {"umis_fusion_file"}


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_folder_and_list_are_planes_of_one_stack(tmp_path, ending, request):
    folder = tmp_path / "run 3"
    folder.mkdir()
    data = ramp(11, 6, 5, dtype="uint8")
    paths = [folder / f"z{z}{ending}" for z in range(11)]
    for path, plane in zip(paths, data, strict=True):
        Image.fromarray(plane).save(path)
    array, attributes, _ = only(read_layers(folder))
    np.testing.assert_array_equal(array, data, strict=True)
    assert attributes["name"] == "run 3"
    assert attributes["axis_labels"] == ("z", "y", "x")
    origin = {"path": str(folder), "series": 0, "index": {}, "layer": 0}
    assert attributes["metadata"] == {"umis_fusion_file": origin}
    request.getfixturevalue("never_at_once")
    array, attributes, _ = only(read_layers([str(paths[4]), str(paths[2])]))
    assert array.chunks == ((1, 1), (6,), (5,))
    np.testing.assert_array_equal(np.asarray(array), data[[4, 2]], strict=True)
    assert attributes["name"] == "z4"
    told = attributes["metadata"]["umis_fusion_file"]["path"]
    assert told == [str(paths[4]), str(paths[2])]


def test_planes_with_channels_are_split(tmp_path):
    data = ramp(3, 2, 6, 5)
    for z, plane in enumerate(data):
        save(tmp_path / f"z{z}.tif", plane, "CYX", ome=True)
    for k, (array, attributes, _) in enumerate(read_layers(tmp_path)):
        np.testing.assert_array_equal(array, data[:, k], strict=True)
        assert attributes["name"] == f"{tmp_path.name} channel {k + 1}"
        assert attributes["metadata"]["umis_fusion_file"]["index"] == {"C": k}
        assert attributes["blending"] == "additive"


def test_one_image_is_one_plane(tmp_path):
    data = ramp(6, 5, 3, dtype="uint8")
    Image.fromarray(data).save(tmp_path / "a.png")
    array, attributes, _ = only(read_layers(tmp_path / "a.png"))
    np.testing.assert_array_equal(array, data, strict=True)
    assert (attributes["axis_labels"], attributes["rgb"]) == (("y", "x"), True)


@pytest.mark.usefixtures("never_at_once")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_large_files_are_read_plane_by_plane(tmp_path, monkeypatch, compression):
    data = ramp(2, 3, 4, 6, 5)
    path = save(tmp_path / "s.tif", data, "TCZYX", ome=True, compression=compression)
    seen = []
    read_part = tiff_layers.read_part

    def counted(layout, frames, picks, **options):
        seen.append(dict(picks))
        return read_part(layout, frames, picks, **options)

    monkeypatch.setattr(tiff_layers, "read_part", counted)
    layers = read_layers(path)
    assert seen == []
    array = layers[1][0]
    assert array.chunks == ((1, 1), (1,) * 4, (6,), (5,))
    np.testing.assert_array_equal(array[1, 2].compute(), data[1, 1, 2], strict=True)
    assert seen == [{"C": 1, "T": 1, "Z": 2}]


@pytest.mark.usefixtures("never_at_once")
def test_large_uncompressed_files_are_not_held_open(tmp_path):
    path = save(tmp_path / "s.tif", ramp(4, 6, 5), "ZYX", ome=True)
    array = only(read_layers(path))[0]
    path.rename(tmp_path / "gone.tif")
    with pytest.raises(StackFileError, match=r"s\.tif: cannot be read .*check the path"):
        array[0].compute()


def test_small_is_decided_for_the_whole_file(tmp_path, monkeypatch):
    path = tmp_path / "s.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for _ in range(2):
            tif.write(ramp(4, 6, 5), metadata={"axes": "ZYX"})
    monkeypatch.setattr(tiff_layers, "LAZY_BYTES", 4 * 6 * 5 * 2 + 1)
    assert all(isinstance(array, dask.array.Array) for array, _, _ in read_layers(path))
    monkeypatch.setattr(tiff_layers, "LAZY_BYTES", 2 * 4 * 6 * 5 * 2)
    assert all(isinstance(array, np.ndarray) for array, _, _ in read_layers(path))


@pytest.mark.usefixtures("never_at_once")
def test_without_dask_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = save(tmp_path / "s.tif", ramp(4, 6, 5))
    monkeypatch.setitem(sys.modules, "dask.array", None)
    with pytest.raises(StackFileError, match=r'pip install "dask\[array\]"'):
        read_layers(path)


def test_limit_is_512_mb():
    assert lazy.LAZY_BYTES == 512 * 1024**2 == tiff_layers.LAZY_BYTES == list_layers.LAZY_BYTES


def cut(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])


def test_truncated_files_are_refused_by_name(tmp_path):
    path = save(tmp_path / "s.tif", ramp(40, 60, 50), "ZYX", imagej=True)
    cut(path, 0.6)
    assert holds_stack(path)
    with pytest.raises(StackFileError, match=r"s\.tif: .*truncated"):
        read_layers(path)


@pytest.mark.usefixtures("never_at_once")
@pytest.mark.parametrize("options", [{"compression": "zlib"}, {}])
def test_large_truncated_files_are_refused_before_a_plane_is_read(tmp_path, options):
    data = np.random.default_rng(0).integers(0, 9999, (40, 60, 50), "uint16")
    path = tmp_path / "s.tif"
    with tifffile.TiffWriter(path) as tif:
        for plane in data:
            tif.write(plane, contiguous=False, metadata=None, **options)
    with tifffile.TiffFile(path) as tif:
        end = tif.pages[-1].dataoffsets[0]
    cut(path, (end + 10) / path.stat().st_size)
    with pytest.raises(StackFileError, match=r"s\.tif: .*frame 39 would end at byte"):
        read_layers(path)


def test_ome_that_leaves_its_description_to_another_file_is_shown_by_pages(tmp_path):
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<BinaryOnly MetadataFile="other.companion.ome" UUID="urn:uuid:1"/></OME>'
    )
    path = tmp_path / "s.ome.tif"
    save(path, ramp(4, 6, 5), description=xml, metadata=None)
    assert not holds_stack(path)
    with pytest.warns(
        UserWarning, match=r"in another file, other\.companion\.ome, which is missing"
    ):
        ((data, attributes, _),) = read_layers(path)
    assert data.shape == (4, 6, 5)
    assert attributes["axis_labels"][0] == "unknown"


@pytest.mark.parametrize(
    ("second", "options", "shapes"),
    [((32, 24), {"subfiletype": 1}, [(64, 48)]), ((50, 40), {}, [(64, 48), (50, 40)])],
)
def test_pages_of_several_sizes_are_no_stack(tmp_path, second, options, shapes):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(ramp(64, 48), metadata=None)
        tif.write(ramp(*second), metadata=None, **options)
    assert not holds_stack(path)
    assert [array.shape for array, _, _ in read_layers(path)] == shapes


class TestHoldsStack:
    def test_folders(self, tmp_path):
        assert not holds_stack(tmp_path)
        inner = tmp_path / "inner"
        inner.mkdir()
        for z in range(2):
            Image.fromarray(ramp(6, 5, dtype="uint8")).save(inner / f"{z}.png")
        assert holds_stack(inner)
        assert not holds_stack(tmp_path)
        (inner / "1.png").rename(inner / "1.txt")
        (inner / ".2.png").write_bytes((inner / "0.png").read_bytes())
        assert not holds_stack(inner)

    def test_a_folder_of_stacks_is_none_itself(self, tmp_path):
        for name in ("a.tif", "b.tif"):
            save(tmp_path / name, ramp(4, 6, 5), "ZYX", imagej=True)
        assert not holds_stack(tmp_path)
        assert not holds_stack([tmp_path / "a.tif", tmp_path / "b.tif"])

    def test_planes_of_an_ome_set_stand_for_themselves(self, tmp_path):
        save(tmp_path / "set.ome.tif", ramp(2, 6, 5), "ZYX", ome=True)
        xml = tifffile.TiffFile(tmp_path / "set.ome.tif")
        with xml:
            description = xml.ome_metadata
        paths = [tmp_path / f"s{z}.ome.tif" for z in range(2)]
        for path in paths:
            save(path, ramp(6, 5), description=description, metadata=None)
        assert holds_stack(paths)

    def test_only_two_headers_of_a_long_file_are_read(self, tmp_path, monkeypatch):
        path = tmp_path / "long.tif"
        with tifffile.TiffWriter(path) as tif:
            for _ in range(300):
                tif.write(ramp(6, 5), metadata=None, contiguous=False)
        opened = []
        init = tifffile.TiffPage.__init__

        def counted(page, parent, index, **options):
            opened.append(index)
            init(page, parent, index, **options)

        monkeypatch.setattr(tifffile.TiffPage, "__init__", counted)
        assert holds_stack(path)
        assert len(opened) <= 2
