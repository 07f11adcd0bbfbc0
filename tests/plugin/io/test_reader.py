import os
from importlib.resources import files
from pathlib import Path

import npe2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from napari.components import ViewerModel
from PIL import Image

from fuzz.harmless import FUZZ
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.plugin.io._reader import get_reader

MANIFEST = str(files("napari_umis_fusion") / "napari.yaml")
NAME = "napari-umis-fusion"


@pytest.fixture
def plugin(npe2pm):
    with npe2pm.tmp_plugin(manifest=MANIFEST) as plugin:
        yield plugin


def ramp(*shape, dtype="uint16"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def save(path, data, axes=None, **options):
    named = {"metadata": {"axes": axes}} if axes else {}
    tifffile.imwrite(path, data, **({"photometric": "minisblack"} | named | options))
    return str(path)


def stack_of_pngs(folder, count=3):
    folder.mkdir()
    for z in range(count):
        Image.fromarray(ramp(6, 5, dtype="uint8") + z).save(folder / f"z{z}.png")
    return [str(folder / f"z{z}.png") for z in range(count)]


STACKS = {
    "plain.tif": (None, (7, 6, 5), {"metadata": None}),
    "imagej.tif": ("ZCYX", (7, 2, 6, 5), {"imagej": True}),
    "five.ome.tif": ("TCZYX", (2, 2, 7, 6, 5), {"ome": True}),
    "UPPER.TIF": (None, (7, 6, 5), {}),
    "big.btf": ("ZYX", (7, 6, 5), {"bigtiff": True}),
}


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("name", STACKS)
def test_stacks_open_through_the_manifest(tmp_path, name):
    axes, shape, options = STACKS[name]
    path = save(tmp_path / name, ramp(*shape), axes, **options)
    layers = npe2.read([path], stack=False)
    assert sum(array.size for array, _, _ in layers) == np.prod(shape)
    assert {kind for _, _, kind in layers} == {"image"}
    viewer = ViewerModel()
    for array, attributes, _ in layers:
        layer = viewer.add_image(array, **attributes)
        assert layer.name == attributes["name"]
        assert layer.axis_labels == attributes["axis_labels"]


@pytest.mark.usefixtures("plugin")
def test_folders_and_lists_open_through_the_manifest(tmp_path):
    paths = stack_of_pngs(tmp_path / "planes")
    for source, stack in (([str(tmp_path / "planes")], False), (paths, True)):
        ((array, attributes, _),) = npe2.read(source, stack=stack)
        assert array.shape == (3, 6, 5)
        assert attributes["axis_labels"] == ("z", "y", "x")


@pytest.mark.usefixtures("plugin")
def test_in_a_viewer_channels_have_their_place_and_colour(tmp_path):
    told = {"PhysicalSizeZ": 2.0, "PhysicalSizeY": 0.5, "PhysicalSizeX": 0.5}
    path = tmp_path / "cells.ome.tif"
    save(path, ramp(2, 7, 6, 5), ome=True, metadata={"axes": "CZYX", **told})
    viewer = ViewerModel()
    green, magenta = viewer.open(path, plugin=NAME)
    assert (green.name, magenta.name) == ("cells channel 1", "cells channel 2")
    assert (green.colormap.name, magenta.colormap.name) == ("green", "magenta")
    for layer in (green, magenta):
        assert tuple(layer.scale) == (2, 0.5, 0.5)
        assert [str(unit) for unit in layer.units] == ["micrometer"] * 3
        assert layer.blending == "additive"


OTHERS = {
    "image.tif": (None, (6, 5), {}),
    "bare.tif": (None, (6, 5), {"metadata": None}),
    "colour.tif": (None, (6, 5, 3), {"photometric": "rgb"}),
    "time.tif": ("TYX", (7, 6, 5), {"imagej": True}),
    "time.ome.tif": ("TYX", (7, 6, 5), {"ome": True}),
    "channels.ome.tif": ("CYX", (3, 6, 5), {"ome": True}),
    "channels.tif": ("CYX", (3, 6, 5), {"imagej": True}),
    "image.ome.tif": ("YX", (6, 5), {"ome": True}),
    "one.ome.tif": ("ZYX", (1, 6, 5), {"ome": True}),
    "stack.lsm": (None, (7, 6, 5), {}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_can_be_read_is_never_refused(tmp_path, name):
    """napari preselects this reader by the extension, and shows an error where it refuses."""
    axes, shape, options = OTHERS[name]
    path = save(tmp_path / name, ramp(*shape, dtype="uint8"), axes, **options)
    for source in (path, [path]):
        layers = get_reader(source)(source)
        assert sum(array.size for array, _, _ in layers) == np.prod(shape)


def test_other_extensions_are_left_to_others(tmp_path):
    path = save(tmp_path / "stack.tif.bak", ramp(7, 6, 5))
    assert get_reader(path) is None
    assert get_reader([path]) is None


def test_one_image_is_one_plane(tmp_path):
    paths = stack_of_pngs(tmp_path / "planes", count=1)
    for source in (paths[0], paths, str(tmp_path / "planes")):
        ((array, attributes, _),) = get_reader(source)(source)
        assert array.shape == (6, 5)
        assert attributes["axis_labels"] == ("y", "x")


def test_dropped_files_come_in_the_order_of_their_names(tmp_path):
    paths = stack_of_pngs(tmp_path / "planes", count=11)
    shuffled = [paths[k] for k in (10, 2, 0, 1, 9, 3, 4, 5, 6, 7, 8)]
    ((array, _, _),) = get_reader(shuffled)(shuffled)
    assert array[:, 0, 0].tolist() == list(range(11))


@pytest.mark.parametrize("name", ["stack.stk", "stack.lsm", "stack.ome.tf2", "STACK.TF8"])
@pytest.mark.usefixtures("plugin")
def test_extensions_of_microscope_programs(tmp_path, name):
    path = save(tmp_path / name, ramp(7, 6, 5), "ZYX")
    ((array, attributes, _),) = npe2.read([path], stack=False)
    assert array.shape == (7, 6, 5)
    assert attributes["axis_labels"] == ("z", "y", "x")


def test_a_folder_of_other_folders_is_left_to_others(tmp_path):
    for name in ("docs", "results"):
        (tmp_path / name).mkdir()
        stack_of_pngs(tmp_path / name / "pictures")
    assert get_reader(str(tmp_path)) is None


def zarr_folder(tmp_path):
    folder = tmp_path / "a.zarr"
    (folder / "0").mkdir(parents=True)
    for name in (".zgroup", ".zattrs", "zarr.json", "0/.zarray", "0/0"):
        (folder / name).write_text("{}")
    return folder


def notes(tmp_path):
    (tmp_path / "a.txt").write_text("not an image")
    (tmp_path / "a.tif").write_text("not an image")
    return [str(tmp_path / "a.tif"), str(tmp_path / "a.txt")]


GARBAGE = {
    "nothing": lambda folder: "",
    "empty list": lambda folder: [],
    "missing": lambda folder: str(folder / "missing.tif"),
    "missing list": lambda folder: [str(folder / f"{k}.png") for k in range(3)],
    "address": lambda folder: "https://example.org/stack.tif",
    "null byte": lambda folder: "a\0.tif",
    "number": lambda folder: 3,
    "none": lambda folder: None,
    "list of none": lambda folder: [None, None],
    "bytes": lambda folder: os.fsencode(folder),
    "long": lambda folder: "x" * 10000 + ".tif",
    "empty folder": str,
    "zarr": zarr_folder,
    "text": lambda folder: notes(folder)[0],
    "texts": notes,
    "folder called a file": lambda folder: (folder / "d.tif").mkdir() or str(folder / "d.tif"),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_is_declined_in_silence(tmp_path, what):
    assert get_reader(GARBAGE[what](tmp_path)) is None


@pytest.fixture(scope="module")
def sound_tiffs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    return [
        Path(save(folder / name, ramp(*shape), axes, **options)).read_bytes()
        for name, (axes, shape, options) in STACKS.items()
    ]


@FUZZ
@given(data=st.data())
def test_broken_files_never_raise(tmp_path, sound_tiffs, data):
    sound = bytearray(data.draw(st.sampled_from(sound_tiffs)))
    for _ in range(data.draw(st.integers(0, 12))):
        place = data.draw(st.integers(0, min(len(sound), 1500) - 1))
        sound[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "s.tif"
    path.write_bytes(sound[: data.draw(st.integers(0, len(sound)))])
    for source in (str(path), [str(path)], [str(path)] * 2):
        assert get_reader(source) is None or callable(get_reader(source))


def test_what_breaks_later_is_told_with_the_name_of_the_file(tmp_path):
    path = save(tmp_path / "s.tif", ramp(40, 60, 50), "ZYX", imagej=True)
    whole = (tmp_path / "s.tif").read_bytes()
    (tmp_path / "s.tif").write_bytes(whole[: len(whole) // 2])
    reader = get_reader(path)
    with pytest.raises(StackFileError, match=r"s\.tif: .*truncated"):
        reader(path)


def test_ome_zarr_where_no_other_plugin_reads_it(plugin, npe2pm, tmp_path):
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("yaozarrs")
    axes = [{"name": one, "type": "space", "unit": "micrometer"} for one in "zyx"]
    steps = [{"type": "scale", "scale": [2.0, 0.5, 0.5]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    path = tmp_path / "a.ome.zarr"
    zarr.create_group(path, attributes={"ome": ome})["0"] = ramp(3, 6, 5)
    ((data, attributes, kind),) = get_reader(str(path))(str(path))
    assert (np.asarray(data) == ramp(3, 6, 5)).all()
    assert (attributes["scale"], kind) == ((2.0, 0.5, 0.5), "image")
    zarr.create_group(tmp_path / "bare.zarr")
    assert get_reader(str(tmp_path / "bare.zarr")) is None
    with npe2.DynamicPlugin("other", plugin_manager=npe2pm) as other:

        @other.contribute.reader(filename_patterns=["*.zarr"])
        def get_other(path):
            return None

        assert get_reader(str(path)) is None, "it leads"
