"""How the layers made are called, where they lie, how they look, and what they remember."""

import json

import numpy as np
import pytest
from napari.layers import Image, Labels, Layer

from napari_umis_fusion import FusionConfig, LayerPlan, fuse_layer, iter_fuse_layer
from napari_umis_fusion.files import RUN_KEY, layer_image
from napari_umis_fusion.layers import LayerStacks
from napari_umis_fusion.layers._make_outputs import make_outputs
from napari_umis_fusion.runtime import ScratchMemory, package_version

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")

QUICK = {"focus_measure": "laplacian", "window_sigma_px": 1.0}
EVERY = (
    "all_in_focus",
    "index_map",
    "depth_map",
    "depth_error_map",
    "confidence_map",
    "source_map",
)
HYPER = np.random.default_rng(3).integers(0, 256, (2, 3, 5, 16, 20)).astype(np.uint8)
SPACE = {"units": ("s", "pixel", "um", "um", "um"), "scale": (1, 1, 0.5, 0.2, 0.1)}


def layer_of(axes, **attributes):
    """Return data and attributes with these of the axes t, c, z, y, x, in their order."""
    data = HYPER[tuple(slice(None) if axis in axes else 0 for axis in "tczyx")]
    chosen = ["tczyx".index(axis) for axis in axes]
    space = {name: tuple(values[axis] for axis in chosen) for name, values in SPACE.items()}
    return data, {"name": "cells", "axis_labels": tuple(axes), **space, **attributes}


def made(layer, **options):
    """Fuse and return (array, attributes, kind) by the name that the output has."""
    layers = fuse_layer(layer, **QUICK, **options)
    return {item[1]["metadata"][RUN_KEY]["output"]: item for item in layers}


CASES = {
    "zyx": ("zyx", {}),
    "along x": ("zyx", {"z_axis": "x"}),
    "tczyx": ("tczyx", {}),
    "each": ("tczyx", {"each_channel": True}),
    "kept": ("tczyx", {"keep_axes": True}),
    "part": ("tzyx", {"planes": (1, 3), "rows": (2, 9), "columns": (4, 9), "index": {0: 1}}),
    "labels": ("tzyx", {"labels": True}),
    "labels, kept": ("tzyx", {"labels": True, "keep_axes": True}),
    "selected": ("tzyx", {"blend": "select", "outputs": EVERY}),
    "in a file": ("tzyx", {"memory_mb": 0, "labels": True}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("place", ["plain", "turned"])
def test_napari_takes_every_layer(case, place):
    axes, options = CASES[case]
    ndim = len(axes)
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(ndim, ndim)))[0]
    where = {"rotate": turned, "translate": np.arange(ndim)} if place == "turned" else {}
    stack, attributes = layer_of(axes, **where)
    for data, given, kind in fuse_layer(Image(stack, **attributes), **QUICK, **options):
        layer = Layer.create(data, given, kind)
        assert layer.name == given["name"]
        assert layer.axis_labels == given["axis_labels"]
        assert layer.ndim == data.ndim == len(given["units"])


def test_colour_layer_is_taken():
    data = np.moveaxis(HYPER, 1, -1)
    attributes = {"axis_labels": tuple("tzyx"), "rgb": True}
    for item in fuse_layer(Image(data, **attributes), **QUICK):
        layer = Layer.create(*item)
        assert layer.axis_labels == tuple("tyx")
        assert layer.rgb == ("all-in-focus" in layer.name)


def test_names():
    outputs = made(layer_of("zyx"), blend="select", outputs=EVERY)
    assert list(outputs) == list(EVERY), "in the order asked for"
    assert [attributes["name"] for _, attributes, _ in outputs.values()] == [
        "cells all-in-focus",
        "cells index map",
        "cells depth map (µm)",
        "cells error of depth (µm)",
        "cells confidence map",
        "cells source map",
    ]


@pytest.mark.parametrize(
    ("axes", "options", "image", "maps"),
    [
        ("zyx", {}, "yx", "yx"),
        ("tczyx", {}, "tcyx", "tyx"),
        ("tczyx", {"each_channel": True}, "tcyx", "tcyx"),
        ("tczyx", {"index": {0: 1}}, "cyx", "yx"),
        ("tczyx", {"index": {1: 1}}, "tyx", "tyx"),
        ("tczyx", {"keep_axes": True}, "tczyx", "tczyx"),
        ("tzyx", {"z_axis": "t", "index": {1: 0}}, "yx", "yx"),
    ],
)
def test_axes_that_are_left(axes, options, image, maps):
    units = dict(zip("tczyx", SPACE["units"], strict=True))
    for kind, (data, attributes, _) in made(layer_of(axes), **options).items():
        left = image if kind == "all_in_focus" else maps
        assert attributes["axis_labels"] == tuple(left)
        assert attributes["units"] == tuple(units[axis] for axis in left)
        assert data.ndim == len(left)


def test_unnamed_axes_stay_unnamed():
    (_, attributes, _), *_ = fuse_layer((HYPER[:, 0], {}), **QUICK, z_axis=1)
    assert attributes["axis_labels"] == ("axis 0", "axis 2", "axis 3")
    assert layer_image((np.zeros((2, 3, 4)), attributes)).axis_labels == ("", "", "")


@pytest.mark.parametrize("keep_axes", [False, True])
@pytest.mark.parametrize("index", [{}, {0: 1}])
def test_layers_lie_where_the_part_lies(keep_axes, index):
    data, attributes = layer_of("tczyx", translate=(5, 6, 7, 8, 9))
    source = Image(data, **attributes)
    part = {"planes": (1, 4), "rows": (2, 9), "columns": (4, 9)}
    layers = fuse_layer(source, **QUICK, **part, index=index, keep_axes=keep_axes)
    for item in layers:
        layer = Layer.create(*item)
        shown = layer.axis_labels
        is_image = "all-in-focus" in layer.name
        start = {"t": index.get(0, 0), "c": 0 if is_image else 1, "z": 2.5, "y": 2, "x": 4}
        wanted = np.array(source.data_to_world([start[axis] for axis in "tczyx"]))
        wanted = [wanted["tczyx".index(axis)] for axis in shown]
        np.testing.assert_allclose(layer.data_to_world([0] * layer.ndim), wanted)


def test_thick_axes_cover_what_they_stand_for():
    data, attributes = layer_of("tczyx")
    source = Image(data, **attributes)
    image, index_map = fuse_layer(
        source, **QUICK, keep_axes=True, planes=(1, 4), outputs=("all_in_focus", "index_map")
    )
    for item, thick in ((image, {"z": (1, 4)}), (index_map, {"z": (1, 4), "c": (0, 2)})):
        layer = Layer.create(*item)
        for edge in (0, 1):
            place = [thick.get(axis, (0, 0))[edge] - 0.5 + edge for axis in "tczyx"]
            there = [edge - 0.5] * 5
            np.testing.assert_allclose(layer.data_to_world(there), source.data_to_world(place))


@pytest.mark.parametrize(
    ("scale", "unit", "name", "step"),
    [
        (1, "pixel", None, None),
        (1, "um", "µm", 1),
        (0.5, "micrometer", "µm", 0.5),
        (250, "nm", "nm", 250),
        (250, "nanometer", "nm", 250),
        (2, "millimeter", "mm", 2),
        (3, "pixel", "pixel", 3),
        (-2, "um", "µm", 2),
        (-1, "pixel", None, None),
    ],
)
@pytest.mark.parametrize("form", ["tuple", "layer"])
def test_depth_is_in_the_unit_of_the_layer(scale, unit, name, step, form):
    data, attributes = layer_of("zyx", scale=(scale, 1, 1), units=(unit, "um", "um"))
    if form == "layer":
        data, attributes = Image(data, **attributes), None
    outputs = made(data if attributes is None else (data, attributes), planes=(1, 4))
    assert ("depth_map" in outputs) == (name is not None)
    if name is not None:
        depth_map, given, _ = outputs["depth_map"]
        index_map = outputs["index_map"][0]
        np.testing.assert_allclose(depth_map, index_map * step, atol=step / 2)
        assert given["name"] == f"[planes 1-4] cells depth map ({name})"
        assert given["metadata"][RUN_KEY]["unit"] == name
        assert given["contrast_limits"] == (1 * step, 4 * step)


@pytest.mark.parametrize(("blend", "there"), [("select", True), ("weighted", False)])
def test_source_map_only_where_values_are_copied(blend, there):
    outputs = made(layer_of("zyx"), blend=blend, outputs=("all_in_focus", "source_map"))
    assert ("source_map" in outputs) == there


def test_look_of_the_image_is_kept():
    look = {
        "colormap": "magenta",
        "contrast_limits": (3, 99),
        "gamma": 0.7,
        "blending": "additive",
        "interpolation2d": "cubic",
        "opacity": 0.4,
    }
    data, attributes = layer_of("zyx")
    source = Image(data, **attributes, **look)
    layer = Layer.create(*made(source)["all_in_focus"])
    for name, value in look.items():
        if name != "colormap":
            assert getattr(layer, name) == getattr(source, name) == pytest.approx(value), name
    assert layer.colormap.name == "magenta"
    assert layer.visible


def test_look_of_the_maps():
    outputs = made(layer_of("zyx"), planes=(1, 3), blend="select", outputs=EVERY)
    for kind, limits, colormap in (
        ("index_map", (1, 3), "viridis"),
        ("source_map", (1, 3), "viridis"),
        ("depth_map", (0.5, 1.5), "viridis"),
        ("depth_error_map", (0, 0.25), "magma"),
        ("confidence_map", (0, 1), "gray"),
    ):
        layer = Layer.create(*outputs[kind])
        assert tuple(layer.contrast_limits) == limits, kind
        assert layer.colormap.name == colormap
        assert not layer.visible


@pytest.mark.parametrize("planes", [None, (2, 4)])
def test_labels_are_plane_numbers_in_colours_of_their_own(planes):
    options = {"planes": planes, "outputs": ("index_map",)}
    data, attributes, kind = made(layer_of("zyx"), **options, labels=True)["index_map"]
    np.testing.assert_array_equal(data, made(layer_of("zyx"), **options)["index_map"][0])
    layer = Layer.create(data, attributes, kind)
    assert isinstance(layer, Labels)
    numbers = np.arange(2 if planes else 0, 5, dtype=data.dtype)
    assert set(np.unique(data)) == set(numbers)
    colours = layer.colormap.map(numbers)
    assert (colours[:, 3] == 1).all(), "plane 0 too"
    assert len(np.unique(colours, axis=0)) == len(numbers)
    assert layer.colormap.map(np.array([7], data.dtype))[0, 3] == 0


@pytest.mark.parametrize("case", CASES)
def test_metadata_can_be_written_and_tells_how_it_came_about(case):
    axes, options = CASES[case]
    for _, attributes, _ in fuse_layer(layer_of(axes, path="/data/a.tif"), **QUICK, **options):
        record = json.loads(json.dumps(attributes["metadata"]))[RUN_KEY]
        of_plan = {spec for spec in options if hasattr(LayerPlan(), spec)}
        config = {name: value for name, value in options.items() if name not in of_plan}
        config["depth_error"] = "depth_error_map" in options.get("outputs", ())
        assert record["config"] == FusionConfig(**QUICK, **config).as_dict()
        assert set(record["plan"]) == of_plan
        assert record["layer"]["name"] == "cells"
        assert record["layer"]["path"] == "/data/a.tif"
        assert record["layer"]["axis_labels"] == list(axes)
        assert record["layer"]["shape"] == list(layer_of(axes)[0].shape)
        assert record["layer"]["z_axis"] == axes.index(options.get("z_axis", "z"))
        assert record["layer"]["channel_axis"] == (1 if "c" in axes else None)
        assert record["version"] == package_version()
        several = 6 if case == "each" else 2
        assert record["stacks"] == (1 if axes == "zyx" or case == "part" else several)


def origin_of(axes, **options):
    *_, finished = iter_fuse_layer(layer_of(axes), **QUICK, **options)
    return finished.origins[0]


@pytest.mark.parametrize(
    ("axes", "options", "coordinates", "pixel"),
    [
        ("zyx", {}, (99, 3, 4), {1: 3, 2: 4}),
        ("zyx", {}, (0, 3.4, 3.6), {1: 3, 2: 4}),
        ("zyx", {}, (0, -0.4, 19.4), {1: 0, 2: 19}),
        ("zyx", {}, (0, -0.6, 3), None),
        ("zyx", {}, (0, 3, 19.6), None),
        ("tzyx", {}, (1, 0, 3, 4), {0: 1, 2: 3, 3: 4}),
        ("tzyx", {}, (2, 0, 3, 4), None),
        ("tzyx", {"index": {0: 1}}, (0, 0, 3, 4), {0: 1, 2: 3, 3: 4}),
        ("zyx", {"rows": (2, 9)}, (0, 2, 4), {1: 2, 2: 4}),
        ("zyx", {"rows": (2, 9)}, (0, 9, 4), None),
        ("zyx", {"columns": (5, 9)}, (0, 2, 4), None),
    ],
)
def test_pixel_at_coordinates_of_the_layer(axes, options, coordinates, pixel):
    assert origin_of(axes, **options).pixel(coordinates) == pixel


@pytest.mark.parametrize("axes", ["zyx", "tzyx", "tczyx"])
@pytest.mark.parametrize("keep_axes", [False, True])
@pytest.mark.parametrize("part", [{}, {"planes": (1, 3), "rows": (2, 9), "columns": (4, 9)}])
def test_pixel_leads_to_its_value_and_its_stack(axes, keep_axes, part):
    blend = {"blend": "select", "outputs": ("all_in_focus", "source_map")}
    layers = fuse_layer(layer_of(axes), **QUICK, **blend, **part, keep_axes=keep_axes)
    origin = origin_of(axes, **blend, **part, keep_axes=keep_axes)
    data = layer_of(axes)[0]
    coordinates = [{"t": 1, "c": 2, "z": 0, "y": 6, "x": 7}[axis] for axis in axes]
    pixel = origin.pixel(coordinates)
    z = int(origin.value_at(pixel))
    stack, row, column = origin.stack_at(pixel)
    here = stack.plane(z - origin.first_plane)[row, column]
    if "c" in axes:
        here = here[2]
    coordinates[axes.index("z")] = z
    assert here == data[tuple(coordinates)]
    image = layers[0][0].squeeze()
    entries = [entry for entry, axis in zip(coordinates, axes, strict=True) if axis in "tc"]
    assert here == image[(*entries, row, column)]


def test_stack_behind_a_pixel_is_that_of_its_layer():
    pair = [layer_of("zyx"), (HYPER[1, 1], layer_of("zyx")[1])]
    *_, finished = iter_fuse_layer(pair, **QUICK, each_channel=True)
    for origin, data in zip(finished.origins, (HYPER[0, 0], HYPER[1, 1]), strict=True):
        stack, row, column = origin.stack_at(origin.pixel((0, 6, 7)))
        assert stack.plane(2)[row, column] == data[2, 6, 7]


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        (False, [("all_in_focus", "a"), ("all_in_focus", "b"), ("index_map", "a")]),
        (True, [(kind, name) for kind in ("all_in_focus", "index_map") for name in "ab"]),
    ],
)
def test_outputs_of_several_layers(each, expected):
    pair = [layer_image(layer_of("zyx", name=name)) for name in "ab"]
    plan = LayerPlan(outputs=("all_in_focus", "index_map"), each_channel=each)
    outputs = make_outputs(LayerStacks(pair, plan), FusionConfig(**QUICK), ScratchMemory(16))
    assert [(output.kind, output.image.name) for output in outputs] == expected
