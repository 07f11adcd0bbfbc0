"""What is saved and read again: look, place, axes, names, channels and kinds of layers."""

import json
import random
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Layer
from napari.utils.colormaps import Colormap

from napari_umis_fusion import fuse_layer
from napari_umis_fusion.files.read import read_layers
from napari_umis_fusion.files.write import _channel_group as channel_groups
from napari_umis_fusion.files.write import write_folder, write_series

QUICK = {"focus_measure": "laplacian", "window_sigma_px": 1.0}
STACK = np.random.default_rng(3).integers(0, 256, (2, 3, 5, 16, 20)).astype(np.uint8)
SPACE = {"units": ("s", "pixel", "um", "um", "um"), "scale": (1, 1, 0.5, 0.2, 0.1)}
ASPECTS = (
    *("scale", "translate", "rotate", "shear", "units", "axis_labels", "visible", "opacity"),
    *("blending", "gamma", "contrast_limits", "interpolation2d"),
)


def stack_of(axes, seed=0, **attributes):
    data = STACK[tuple(slice(None) if axis in axes else 0 for axis in "tczyx")] ^ np.uint8(seed)
    chosen = ["tczyx".index(axis) for axis in axes]
    space = {name: tuple(values[axis] for axis in chosen) for name, values in SPACE.items()}
    return data, {"name": "cells", "axis_labels": tuple(axes), **space, **attributes}


def in_viewer(layers):
    """Return the layers as a viewer shows them; a user may have changed them since."""
    viewer = ViewerModel()
    for layer in layers:
        viewer.add_layer(Layer.create(*layer))
    return viewer


def saved(viewer, path):
    """Save the layers of a viewer as napari does, and open them in a fresh one."""
    layers = [layer.as_layer_data_tuple() for layer in viewer.layers]
    write_series(path, layers)
    return in_viewer(read_layers(path))


def assert_same(one, other, names=True):
    assert not names or [a.name for a in one.layers] == [b.name for b in other.layers]
    for a, b in zip(one.layers, other.layers, strict=True):
        assert a._type_string == b._type_string
        np.testing.assert_array_equal(a.data, b.data, strict=True)
        for aspect in ASPECTS:
            if hasattr(a, aspect):
                mine, its = getattr(a, aspect), getattr(b, aspect)
                assert np.array_equal(mine, its), f"{a.name}: {aspect} {mine} {its}"
        np.testing.assert_allclose(a.affine.affine_matrix, b.affine.affine_matrix)
        values = np.linspace(0, 1, 7) if a._type_string == "image" else np.arange(7)
        np.testing.assert_allclose(a.colormap.map(values), b.colormap.map(values), atol=0.003)
        run, again = a.metadata.get("umis_fusion"), b.metadata.get("umis_fusion")
        assert run is None or again == json.loads(
            json.dumps({**run, "software": again["software"]})
        )


OUTPUTS = ("all_in_focus", "index_map", "depth_map", "confidence_map", "never_in_focus")
RUNS = {
    "one plane": ("zyx", {}),
    "movie": ("tzyx", {}),
    "thick z": ("tzyx", {"keep_axes": True}),
    "labels": ("tzyx", {"keep_axes": True, "labels": True}),
    "channel axis": ("czyx", {}),
    "channel axis, each, thick z": ("czyx", {"each_channel": True, "keep_axes": True}),
    "region": ("zyx", {"rows": (2, 9), "columns": (4, 15), "planes": (1, 3)}),
    "no depth there": ("zyx", {"depth_fill": "none"}),
}


@pytest.mark.parametrize("case", RUNS)
def test_results_come_back_as_they_were(tmp_path, case):
    axes, options = RUNS[case]
    stack = stack_of(axes, translate=np.arange(len(axes)), colormap="magma", gamma=0.7)
    viewer = in_viewer(fuse_layer(stack, outputs=OUTPUTS, **QUICK, **options))
    viewer.layers[0].visible, viewer.layers[1].visible = False, True
    viewer.layers[2].contrast_limits, viewer.layers[2].opacity = (0.25, 1.5), 0.4
    assert_same(viewer, saved(viewer, tmp_path / "all.ome.tif"))


@pytest.mark.parametrize("each", [False, True])
def test_channels_of_one_run_are_one_image_with_names_and_colours(tmp_path, each):
    looks = [("DAPI", "blue"), ("GFP", "green"), ("mCherry", "#ff8000")]
    layers = [
        stack_of("tzyx", k, name=f"cells {name}", colormap=colour, blending="additive")
        for k, (name, colour) in enumerate(looks)
    ]
    made = fuse_layer(layers, each_channel=each, outputs=("all_in_focus", "index_map"), **QUICK)
    viewer = in_viewer(made)
    again = saved(viewer, tmp_path / "all.ome.tif")
    assert_same(viewer, again)
    with tifffile.TiffFile(tmp_path / "all.ome.tif") as tif:
        root = ElementTree.fromstring(tif.ome_metadata)
        assert [series.axes for series in tif.series] == ["CTYX", "CTYX" if each else "TYX"]
    channels = root.find("{*}Image").findall("{*}Pixels/{*}Channel")
    assert root.find("{*}Image").get("Name") == "cells all-in-focus"
    assert [channel.get("Name") for channel in channels] == ["DAPI", "GFP", "mCherry"]
    packed = [int(channel.get("Color")) & 0xFFFFFFFF for channel in channels]
    assert [f"{colour:08x}" for colour in packed] == ["0000ffff", "00ff00ff", "ff8000ff"]


@pytest.mark.parametrize(
    ("names", "image", "channels"),
    [
        (["cells DAPI fused", "cells GFP fused"], "cells fused", ["DAPI", "GFP"]),
        (["dye channel 1 fused", "dye channel 2 fused"], "dye fused", ["channel 1", "channel 2"]),
        (["DAPI", "GFP"], "DAPI", ["DAPI", "GFP"]),
        (["cells", "cells GFP"], "cells", ["cells", "cells GFP"]),
        (["a", "a [1]"], "a", ["a", "a [1]"]),
        (["1", "2"], "1", ["1", "2"]),
    ],
)
def test_names_are_those_of_image_and_channels(names, image, channels):
    assert channel_groups._names(names) == (image, channels)


def test_two_runs_are_two_images_though_nothing_differs(tmp_path):
    layers = [stack_of("zyx", k, name=f"cells {k}") for k in (1, 2)]
    made = fuse_layer(layers, outputs=("all_in_focus",), **QUICK)
    viewer = in_viewer([*made, *made])
    assert_same(viewer, saved(viewer, tmp_path / "all.ome.tif"))
    with tifffile.TiffFile(tmp_path / "all.ome.tif") as tif:
        assert [series.shape for series in tif.series] == [(2, 16, 20), (16, 20), (16, 20)]


def test_unrelated_results_are_no_channels(tmp_path):
    made = [fuse_layer(stack_of("zyx", k), outputs=("all_in_focus",), **QUICK)[0] for k in (1, 2)]
    viewer = in_viewer(made)
    assert_same(viewer, saved(viewer, tmp_path / "all.ome.tif"))
    with tifffile.TiffFile(tmp_path / "all.ome.tif") as tif:
        assert len(tif.series) == 2


def test_channels_of_a_file_are_one_image_again(tmp_path):
    tifffile.imwrite(
        tmp_path / "raw.ome.tif",
        STACK[0],
        metadata={"axes": "CZYX", "Channel": {"Name": ["a", "b", "c"]}},
        photometric="minisblack",
    )
    viewer = in_viewer(read_layers(tmp_path / "raw.ome.tif"))
    assert len(viewer.layers) == 3
    viewer.layers[1].colormap = "inferno"
    again = saved(viewer, tmp_path / "copy.ome.tif")
    assert_same(viewer, again)
    with tifffile.TiffFile(tmp_path / "copy.ome.tif") as tif:
        assert [(series.axes, series.shape[0]) for series in tif.series] == [("CZYX", 3)]


def test_a_folder_keeps_looks_too(tmp_path):
    viewer = in_viewer(fuse_layer(stack_of("tzyx"), keep_axes=True, labels=True, **QUICK))
    layers = [layer.as_layer_data_tuple() for layer in viewer.layers]
    again = [read_layers(path)[0] for path in write_folder(tmp_path / "out", layers)]
    assert_same(viewer, in_viewer(again), names=False)


@pytest.mark.parametrize(
    "colormap",
    ["turbo", "I Blue", Colormap([[0, 0, 0, 1], [1, 0, 0, 1], [1, 1, 0, 1]], name="mine"),
     Colormap([[1, 0, 0, 1], [0, 1, 0, 1]], controls=[0, 0.2, 1], interpolation="zero", name="two"),
     Colormap(np.random.default_rng(0).random((256, 4)), name="many")],
    ids=str,
)  # fmt: skip
def test_any_colormap_comes_back(tmp_path, colormap):
    layer = Layer.create(STACK[0, 0], {"colormap": colormap, "axis_labels": tuple("zyx")}, "image")
    viewer = in_viewer([layer.as_layer_data_tuple()])
    assert_same(viewer, saved(viewer, tmp_path / "s.ome.tif"), names=False)


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
def test_rotated_and_sheared_layers_and_colour_come_back(tmp_path):
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    affine = np.eye(4) + np.pad(rng.normal(size=(3, 4)), ((0, 1), (0, 0)))
    place = {"rotate": turned, "shear": rng.normal(size=3), "affine": affine}
    colour = np.moveaxis(STACK[0], 0, -1)
    layers = [
        (STACK[0, 0], {"name": "grey", **place}, "image"),
        (colour, {"name": "colour", "rgb": True, **place}, "image"),
    ]
    viewer = in_viewer(layers)
    again = saved(viewer, tmp_path / "s.ome.tif")
    for one, other in zip(viewer.layers, again.layers, strict=True):
        other.axis_labels = one.axis_labels  # unnamed ones get the names of the file
    assert_same(viewer, again)


def test_sizes_that_another_program_has_corrected_are_used(tmp_path):
    path = tmp_path / "s.ome.tif"
    write_series(path, [(*stack_of("zyx", translate=(1, 2, 3), gamma=0.5), "image")])
    text = path.read_bytes()
    path.write_bytes(text.replace(b'PhysicalSizeX="0.1"', b'PhysicalSizeX="0.7"'))
    ((_, attributes, _),) = read_layers(path)
    assert attributes["scale"] == (0.5, 0.2, 0.7)
    assert "translate" not in attributes
    assert attributes["gamma"] == 0.5


JUNK = [
    None,
    True,
    -1,
    1e400,
    float("nan"),
    "",
    "x",
    [],
    [[]],
    [None],
    {},
    {"": 0},
    [1, "a"],
    "ff" * 9,
]


def test_whatever_stands_there_the_pixels_are_read(tmp_path):
    """Any part of a record may be anything: it is used, or left out, and napari takes the rest."""
    path = tmp_path / "s.ome.tif"
    layer = (*stack_of("zyx", colormap="I Blue"), "image")
    write_series(path, [layer])
    with tifffile.TiffFile(path) as tif:
        told = json.loads(
            ElementTree.fromstring(tif.ome_metadata).findtext("{*}Image/{*}Description")
        )
    pick = random.Random(0)
    for _ in range(150):
        record = json.loads(json.dumps(told["napari"][0]))
        for _ in range(pick.choice([1, 1, 2, 5])):
            look = record["look"]
            part = look if isinstance(look, dict) and look and pick.random() < 0.4 else record
            part[pick.choice(list(part))] = pick.choice(JUNK)
        text = json.dumps({"napari": pick.choice([[record], [record], record, [record, record]])})
        tifffile.imwrite(path, STACK[0, 0], metadata={"axes": "ZYX", "Description": text})
        ((array, attributes, kind),) = read_layers(path)
        assert array.size == STACK[0, 0].size
        Layer.create(array, attributes, kind)
