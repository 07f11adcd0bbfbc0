from importlib.resources import files
from pathlib import Path

import dask.array
import imagecodecs
import napari_builtins
import npe2
import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers._source import layer_source

from napari_umis_fusion.errors import StackFileError

MANIFEST = str(files("napari_umis_fusion") / "napari.yaml")
BUILTINS = str(Path(napari_builtins.__file__).parent / "builtins.yaml")
NAME = "napari-umis-fusion"


@pytest.fixture(autouse=True)
def plugins(npe2pm):
    """Both this plugin and napari's own, which competes for the same endings."""
    with npe2pm.tmp_plugin(manifest=BUILTINS), npe2pm.tmp_plugin(manifest=MANIFEST):
        yield


@pytest.fixture
def viewer():
    return ViewerModel()


def ramp(*shape, dtype="uint16"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def add_stack(viewer, data=None, **options):
    data = ramp(7, 6, 5) if data is None else data
    placed = {"scale": (2, 0.5, 0.25), "units": ("um",) * 3, "axis_labels": ("z", "y", "x")}
    return viewer.add_image(data, **(placed | options))


def is_ours(path):
    """Napari's own writer tells no OME."""
    with tifffile.TiffFile(path) as tif:
        return tif.is_ome


IMAGES = {
    "grey": (ramp(7, 6, 5), {}),
    "float": (ramp(7, 6, 5, dtype="float32"), {"colormap": "magenta"}),
    "8 bit": (ramp(7, 6, 5, dtype="uint8"), {"units": ("mm", "nm", "nm")}),
    "colour": (ramp(7, 6, 5, 3, dtype="uint8"), {"rgb": True}),
    "opacity": (ramp(7, 6, 5, 4, dtype="uint8"), {"rgb": True}),
    "looks like colour": (ramp(7, 6, 3, dtype="uint8"), {"rgb": False}),
    "dask": (dask.array.from_array(ramp(7, 6, 5), chunks=(1, 6, 5)), {}),
    "multiscale": ([ramp(7, 6, 4), ramp(7, 3, 2)], {"multiscale": True}),
    "one plane": (ramp(1, 6, 5), {}),
}


@pytest.mark.parametrize("what", IMAGES)
@pytest.mark.parametrize("name", ["s.ome.tif", "s"])
def test_an_image_comes_back_as_it_was(tmp_path, viewer, what, name):
    data, options = IMAGES[what]
    layer = add_stack(viewer, data, **options)
    (path,) = viewer.layers.save(str(tmp_path / name), plugin=NAME)
    assert path == str(tmp_path / "s.ome.tif")
    assert is_ours(path)
    (again,) = viewer.open(path, plugin=NAME) if what != "one plane" else [None]
    full = data[0] if what == "multiscale" else data
    if again is None:
        np.testing.assert_array_equal(tifffile.imread(path), data[0], strict=True)
        return
    np.testing.assert_array_equal(np.asarray(again.data), np.asarray(full), strict=True)
    assert again.rgb == layer.rgb
    assert again.axis_labels == ("z", "y", "x")
    assert list(again.scale) == list(layer.scale)
    assert again.units == layer.units
    if not layer.rgb:
        assert again.colormap.name == layer.colormap.name


def test_a_bare_png_holds_values_and_the_dialog_offers_the_picture_too(tmp_path, viewer):
    data = ramp(400, 500)
    viewer.add_image(data, colormap="magma", units=("um",) * 2, scale=(0.1, 0.1))
    (path,) = viewer.layers.save(str(tmp_path / "raw.png"), plugin=NAME)
    np.testing.assert_array_equal(imagecodecs.png_decode(Path(path).read_bytes()), data)
    manager = npe2.PluginManager.instance()
    (writer,) = (
        one for one in manager.iter_compatible_writers(["image"]) if "picture" in one.display_name
    )
    (path,) = viewer.layers.save(str(tmp_path / "shown.png"), _writer=writer)
    shown = imagecodecs.png_decode(Path(path).read_bytes())
    assert (shown.dtype, shown.shape[2]) == (np.uint8, 3)
    assert shown.shape[1] > data.shape[1], "with its colour bar"


def test_unnamed_axes_and_channels(tmp_path, viewer):
    layer = viewer.add_image(ramp(2, 7, 6, 5))
    viewer.layers.save(str(tmp_path / "s.ome.tif"), plugin=NAME)
    (again,) = viewer.open(str(tmp_path / "s.ome.tif"), plugin=NAME)
    np.testing.assert_array_equal(again.data, layer.data, strict=True)
    assert again.axis_labels == ("t", "z", "y", "x")


def add_three(viewer):
    add_stack(viewer, name="stack", metadata={"umis_fusion": {"software": NAME, "n": 1}})
    viewer.add_labels(ramp(6, 5, dtype="int32"), name="index map")
    viewer.add_image(ramp(6, 5, dtype="float32"), name="depth map (µm)", visible=False)
    return list(viewer.layers)


def test_several_layers_become_the_series_of_one_file(tmp_path, viewer):
    layers = add_three(viewer)
    assert viewer.layers.save(str(tmp_path / "s.ome.tif")) == [str(tmp_path / "s.ome.tif")]
    again = viewer.open(str(tmp_path / "s.ome.tif"), plugin=NAME)
    for got, layer in zip(again, layers, strict=True):
        np.testing.assert_array_equal(got.data, layer.data, strict=True)
        assert got.metadata["umis_fusion_file"]["path"] == str(tmp_path / "s.ome.tif")
    assert again[0].metadata["umis_fusion"] == {"software": NAME, "n": 1}
    assert tuple(again[0].scale) == (2, 0.5, 0.25)


def test_a_name_without_ending_is_a_folder_for_several_layers(tmp_path, viewer):
    layers = add_three(viewer)
    paths = viewer.layers.save(str(tmp_path / "run"), plugin=NAME)
    names = ["stack", "index map", "depth map (µm)"]
    assert paths == [str(tmp_path / "run" / f"{name}.ome.tif") for name in names]
    for path, layer in zip(paths, layers, strict=True):
        np.testing.assert_array_equal(tifffile.imread(path), layer.data, strict=True)
    with pytest.raises(StackFileError, match="is there already"):
        viewer.layers.save(str(tmp_path / "run"), plugin=NAME)


def test_unasked_one_image_with_the_ending_ome_tif_is_ours_and_tif_is_not(tmp_path, viewer):
    add_stack(viewer)
    for name, ours in (("s.ome.tif", True), ("s.tif", False)):
        (path,) = viewer.layers.save(str(tmp_path / name))
        assert is_ours(path) == ours


def test_unasked_several_layers_go_into_a_folder_by_napari_itself(tmp_path, viewer):
    add_stack(viewer, name="a")
    add_stack(viewer, name="b")
    paths = viewer.layers.save(str(tmp_path / "run"))
    assert [is_ours(path) for path in paths] == [False, False]


def test_points_are_refused_before_anything_is_written(tmp_path, viewer):
    add_stack(viewer)
    viewer.add_points(np.zeros((1, 3)), name="spots")
    with pytest.raises(StackFileError, match="'spots' is a points layer"):
        viewer.layers.save(str(tmp_path / "run"), plugin=NAME)
    assert list(tmp_path.iterdir()) == []


def test_png(tmp_path, viewer):
    viewer.add_image(ramp(6, 5, dtype="uint8"))
    (path,) = viewer.layers.save(str(tmp_path / "s.png"), plugin=NAME)
    assert Path(path).read_bytes().startswith(b"\x89PNG")
    viewer.layers.clear()
    add_stack(viewer)
    with pytest.raises(StackFileError, match="PNG can hold one plane"):
        viewer.layers.save(str(tmp_path / "t.png"), plugin=NAME)


def writers(viewer):
    types = [layer._type_string for layer in viewer.layers]
    ours = npe2.PluginManager.instance().iter_compatible_writers(types)
    return {one.display_name: one for one in ours if one.plugin_name == NAME}


@pytest.mark.binding
def test_each_entry_of_the_save_dialog_takes_a_bare_name(tmp_path, viewer):
    add_stack(viewer, ramp(1, 6, 5), name="a")
    for entry, writer in writers(viewer).items():
        (path,) = viewer.layers.save(str(tmp_path / entry), _writer=writer)
        ends = {"picture": ".png", "Zarr": ".ome.zarr"}
        wanted = next((end for word, end in ends.items() if word in entry), None)
        assert path.endswith(wanted) if wanted else is_ours(path)
    add_stack(viewer, name="b")
    written = {
        entry: viewer.layers.save(str(tmp_path / f"two {entry}"), _writer=writer)
        for entry, writer in writers(viewer).items()
    }
    assert {entry: len(paths) for entry, paths in written.items()} == {
        "layers as one OME-TIFF": 1,
        "layers as OME-Zarr": 1,
        "layers into a folder": 2,
    }


def test_the_file_that_a_layer_was_read_from_is_never_overwritten(tmp_path, viewer):
    add_stack(viewer)
    (path,) = viewer.layers.save(str(tmp_path / "s.ome.tif"))
    viewer.layers.clear()
    viewer.open(path, plugin=NAME)
    with pytest.raises(StackFileError, match="is an input, which is never overwritten"):
        viewer.layers.save(path)


def other_reader(path, kind):
    """Return the data of a file as other readers leave them: read when they are shown."""
    if kind == "memory map":
        return tifffile.memmap(path, mode="r")
    whole = dask.array.from_array(np.zeros((3, 6, 5), "uint16"), chunks=(1, 6, 5))
    return whole.map_blocks(lambda block: block + tifffile.imread(path)[:1], dtype="uint16")


@pytest.mark.parametrize("kind", ["memory map", "dask"])
@pytest.mark.parametrize("name", ["s.ome.tif", "link.ome.tif", "hard.ome.tif"])
@pytest.mark.parametrize("which", ["the layer itself", "another layer"])
def test_a_file_that_an_open_layer_still_reads_is_never_overwritten(
    tmp_path, viewer, monkeypatch, kind, name, which
):
    monkeypatch.setattr("napari.current_viewer", lambda: viewer)
    source = tmp_path / "s.ome.tif"
    tifffile.imwrite(source, ramp(3, 6, 5), photometric="minisblack")
    (tmp_path / "link.ome.tif").symlink_to(source)
    (tmp_path / "hard.ome.tif").hardlink_to(source)
    before = source.read_bytes()
    with layer_source(path=str(source), reader_plugin="another"):
        layer = viewer.add_image(other_reader(source, kind))
    if which == "another layer":
        layer = add_stack(viewer)
    viewer.layers.selection = {layer}
    with pytest.raises(StackFileError, match="is an input"):
        viewer.layers.save(str(tmp_path / name), selected=True, plugin=NAME)
    assert source.read_bytes() == before
    viewer.layers.save(str(tmp_path / "other.ome.tif"), selected=True, plugin=NAME)


def test_what_is_in_memory_may_be_saved_over_its_file(tmp_path, viewer, monkeypatch):
    monkeypatch.setattr("napari.current_viewer", lambda: viewer)
    source = tmp_path / "s.ome.tif"
    tifffile.imwrite(source, ramp(3, 6, 5), photometric="minisblack")
    with layer_source(path=str(source), reader_plugin="another"):
        viewer.add_image(tifffile.imread(source))
    (path,) = viewer.layers.save(str(source), plugin=NAME)
    assert Path(path) == source
