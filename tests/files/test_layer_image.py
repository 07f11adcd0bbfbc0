"""What is seen of a layer, given as napari's object or as a tuple."""

import dask.array
import numpy as np
import pytest
import tifffile
import xarray
from napari.layers import Image, Labels, Points
from napari.layers._multiscale_data import MultiScaleData

from napari_umis_fusion.errors import ConfigError, StackError, StackFileError
from napari_umis_fusion.files import LayerImage, layer_image
from napari_umis_fusion.files._layer_image import full_resolution
from napari_umis_fusion.files.read import read_layers
from napari_umis_fusion.files.write import write_image_layer, write_series
from napari_umis_fusion.layers import choose_layer_axes

STACK = np.arange(4 * 32 * 40, dtype=np.uint16).reshape(4, 32, 40)
LEVELS = [STACK, STACK[:, ::2, ::2], STACK[:, ::4, ::4]]
COLOUR = np.zeros((4, 32, 40, 3), np.uint8)
ATTRIBUTES = {
    "name": "beads",
    "axis_labels": ("z", "y", "x"),
    "units": ("um", "nm", "nm"),
    "scale": (2, 0.5, 0.25),
    "translate": (1, 2, 3),
    "colormap": "magenta",
    "contrast_limits": (3, 999),
    "gamma": 0.7,
    "blending": "additive",
    "opacity": 0.4,
    "metadata": {"lens": "20x"},
}


def test_layer_and_tuple_say_the_same():
    from_layer = layer_image(Image(STACK, **ATTRIBUTES))
    for given in ((STACK, ATTRIBUTES), (STACK, ATTRIBUTES, "image"), [STACK, ATTRIBUTES]):
        image = layer_image(given)
        for name in ("name", "rgb", "axis_labels", "shape", "dtype", "path", "metadata"):
            assert getattr(image, name) == getattr(from_layer, name), name
        np.testing.assert_array_equal(image.placement.scale, from_layer.placement.scale)
        np.testing.assert_array_equal(image.placement.translate, from_layer.placement.translate)
        assert image.data is from_layer.data is STACK
    assert from_layer.name == "beads"
    assert from_layer.metadata == {"lens": "20x"}
    assert from_layer.units == ("micrometer", "nanometer", "nanometer")


def test_look_is_noted():
    look = layer_image(Image(STACK, **ATTRIBUTES)).look
    assert look["colormap"].name == "magenta"
    assert (look["gamma"], look["blending"], look["opacity"]) == (0.7, "additive", 0.4)
    assert list(look["contrast_limits"]) == [3, 999]
    assert layer_image((STACK, {"gamma": 0.7})).look == {"gamma": 0.7}


def test_what_is_not_said():
    image = layer_image((STACK, {}))
    assert (image.name, image.rgb, image.path) == ("image", False, None)
    assert image.axis_labels == ("", "", "")
    assert image.units == ("pixel",) * 3
    np.testing.assert_array_equal(image.placement.scale, (1, 1, 1))
    assert (image.look, image.metadata) == ({}, {})


def test_looked_at_once_is_enough():
    image = layer_image((STACK, {}))
    assert layer_image(image) is image
    assert isinstance(image, LayerImage)


def test_path_of_a_layer():
    layer = Image.create(STACK, {"name": "a"}, "image")
    assert layer_image(layer).path is None
    assert layer_image((STACK, {"path": "/data/a.tif"})).path == "/data/a.tif"


@pytest.mark.parametrize(
    ("data", "attributes"),
    [
        (LEVELS, {}),
        (tuple(LEVELS), {}),
        (LEVELS, {"multiscale": True}),
        (LEVELS[:1], {}),
        (MultiScaleData(LEVELS), {}),
        (MultiScaleData(LEVELS), {"multiscale": True}),
    ],
)
def test_multiscale_is_seen_at_full_resolution(data, attributes):
    assert layer_image((data, attributes)).data is STACK
    assert layer_image(Image(data, **attributes)).data is STACK


def test_list_of_equal_planes_is_one_array():
    image = layer_image((list(STACK), {}))
    np.testing.assert_array_equal(image.data, STACK)
    nested = layer_image((STACK[:1].tolist(), {}))
    assert nested.shape == (1, 32, 40)


LAZY = dask.array.from_array(STACK, chunks=(1, 32, 40))
EQUAL = [STACK, STACK + 1]
PLANES = list(STACK)
GROWING = LEVELS[::-1]

DECISIONS = [
    # data, multiscale, what they are
    (LEVELS, None, STACK),
    (LEVELS, True, STACK),
    (tuple(LEVELS), None, STACK),
    (LEVELS[:1], None, STACK),
    (LEVELS[:1], False, STACK[None]),
    (PLANES, None, STACK),
    (PLANES, False, STACK),
    (tuple(PLANES), None, STACK),
    (PLANES, True, STACK[0]),
    (EQUAL, None, np.stack(EQUAL)),
    (STACK, None, STACK),
    (STACK, False, STACK),
    (MultiScaleData(LEVELS), None, STACK),
    (MultiScaleData(LEVELS), True, STACK),
    (MultiScaleData(LEVELS), False, STACK),
    (MultiScaleData(LEVELS[:1]), None, STACK),
    ([LAZY, LAZY[:, ::2, ::2]], None, STACK),
    ([LAZY[0], LAZY[1]], None, STACK[:2]),
    (LAZY, None, STACK),
    (STACK.tolist(), None, STACK),
]


@pytest.mark.parametrize(("data", "multiscale", "wanted"), DECISIONS)
def test_fusing_and_writing_see_the_same_array(tmp_path, data, multiscale, wanted):
    attributes = {} if multiscale is None else {"multiscale": multiscale}
    seen = full_resolution(data, multiscale)
    np.testing.assert_array_equal(layer_image((data, attributes)).data, seen)
    np.testing.assert_array_equal(seen, wanted)
    for kind in ("image", "labels"):
        written = tmp_path / f"{kind}.ome.tif"
        write_series(written, [(data, attributes, kind)])
        array = read_layers(written)[0][0]
        np.testing.assert_array_equal(array, wanted)


def test_resolutions_stay_unread():
    assert full_resolution([LAZY, LAZY[:, ::2, ::2]]) is LAZY
    assert full_resolution(MultiScaleData([LAZY, LAZY[:, ::2, ::2]])) is LAZY


@pytest.mark.parametrize(("data", "multiscale"), [(GROWING, None), (LEVELS, False)])
def test_arrays_that_are_neither_planes_nor_resolutions(tmp_path, data, multiscale):
    attributes = {"name": "a", "multiscale": multiscale}
    text = "list of 3 arrays whose shapes differ; accepted are .*multiscale=True"
    with pytest.raises(StackError, match=text):
        layer_image((data, attributes))
    with pytest.raises(StackFileError, match=f"'a' cannot be written: got a {text}"):
        write_image_layer(tmp_path / "a.ome.tif", data, attributes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("multiscale", [None, True, False])
def test_an_empty_list_is_no_layer(tmp_path, multiscale):
    with pytest.raises(StackFileError, match="accepted are layers with planes"):
        write_image_layer(tmp_path / "a.ome.tif", [], {"multiscale": multiscale})


@pytest.mark.parametrize(
    ("label", "name"), [("axis 0", ""), (" 0 ", ""), ("dim_0", ""), ("axis-3", ""), ("Q", "Q")]
)
def test_fusing_and_writing_tell_unnamed_axes_alike(tmp_path, label, name):
    attributes = {"axis_labels": (label, "y", "x")}
    assert layer_image((STACK, attributes)).axis_labels[0] == name
    write_image_layer(tmp_path / "a.ome.tif", STACK, attributes)
    # an axis without a name is z to the file, and one with a name comes back with it
    assert read_layers(tmp_path / "a.ome.tif")[0][1]["axis_labels"] == (name or "z", "y", "x")
    assert choose_layer_axes(layer_image((STACK, attributes))).z == 0


def test_dimensions_of_xarray_are_written_as_they_are_fused(tmp_path):
    data = xarray.DataArray(STACK, dims=("y", "x", "slice"))
    write_image_layer(tmp_path / "a.ome.tif", data, {})
    # to other programs the slices are planes; here the layer is again as it was
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        assert tif.series[0].axes == "ZYX"
        np.testing.assert_array_equal(tif.asarray(), STACK.transpose(2, 0, 1))
    array, attributes, _ = read_layers(tmp_path / "a.ome.tif")[0]
    np.testing.assert_array_equal(array, STACK)
    assert attributes["axis_labels"] == ("y", "x", "slice")


@pytest.mark.parametrize(
    "attributes", [{"axis_labels": ("y", "x")}, {"units": ("um", "um")}, {"scale": (1, 1)}]
)
def test_attributes_that_do_not_fit_are_not_written(tmp_path, attributes):
    with pytest.raises(StackFileError, match=r"'image' cannot be written: .*(2|\(2,\))"):
        write_image_layer(tmp_path / "a.ome.tif", STACK, attributes)


@pytest.mark.parametrize("given", [Image(COLOUR, rgb=True), (COLOUR, {"rgb": True})])
def test_colour_is_no_axis(given):
    image = layer_image(given)
    assert image.rgb
    assert image.shape == (4, 32, 40)
    assert image.axis_labels == ("", "", "")
    assert image.placement.scale.shape == (3,)


@pytest.mark.parametrize("rgb", [False, True])
def test_dimensions_of_xarray_name_the_axes(rgb):
    data = xarray.DataArray(COLOUR, dims=("t", "v", "u", "w"))
    named = ("t", "v", "u") if rgb else ("t", "v", "u", "w")
    assert layer_image((data, {"rgb": rgb})).axis_labels == named
    assert layer_image((data, {"rgb": rgb, "axis_labels": "abcd"[: 4 - rgb]})).axis_labels == (
        tuple("abcd"[: 4 - rgb])
    )


@pytest.mark.parametrize(
    ("labels", "seen"),
    [
        (("-3", "-2", "-1"), ("", "", "")),
        (("0", "1", "2"), ("", "", "")),
        (("axis 0", "axis 1", "axis 2"), ("", "", "")),
        (("axis -3", "axis -2", "axis -1"), ("", "", "")),
        (("-3", "y", "x"), ("", "y", "x")),
        (("Z", "axis y", "x2"), ("Z", "axis y", "x2")),
    ],
)
def test_default_labels_are_no_names(labels, seen):
    assert layer_image((STACK, {"axis_labels": labels})).axis_labels == seen
    assert layer_image(Image(STACK, axis_labels=labels)).axis_labels == seen


def test_napari_s_own_labels_are_no_names():
    assert layer_image(Image(STACK)).axis_labels == ("", "", "")


@pytest.mark.parametrize("units", ["um", ("um", "um", "um")])
def test_one_unit_stands_for_all(units):
    assert layer_image((STACK, {"units": units})).units == ("um",) * 3


def test_byte_order_is_native():
    image = layer_image((STACK.astype(">u2"), {}))
    assert image.dtype == np.dtype(np.uint16)
    assert image.dtype.isnative


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (Labels(STACK), "labels"),
        (Points(np.zeros((3, 2))), "points"),
        ((STACK, {}, "labels"), "labels"),
        (STACK, "ndarray"),
    ],
)
def test_other_kinds_are_refused(layer, kind):
    with pytest.raises(StackError, match=f"kind '{kind}'; accepted are image layers"):
        layer_image(layer)


@pytest.mark.parametrize(
    ("attributes", "error", "text"),
    [
        ({"axis_labels": ("y", "x")}, StackError, "2 axis labels for 3 axes"),
        ({"units": ("um", "um")}, StackError, "2 units for 3 axes"),
        ({"scale": (1, 1)}, ConfigError, r"scale has shape \(2,\); accepted is \(3,\)"),
        ({"rotate": np.eye(2)}, ConfigError, r"rotate has shape \(2, 2\)"),
    ],
)
def test_wrong_sizes_are_refused(attributes, error, text):
    with pytest.raises(error, match=text):
        layer_image((STACK, attributes))


def test_nothing_of_the_layer_changes():
    given = {**ATTRIBUTES, "metadata": {"lens": "20x"}}
    layer = Image(STACK, **given)
    before = layer.as_layer_data_tuple()
    image = layer_image(layer)
    image.metadata["more"] = 1
    image.look["gamma"] = 3
    image.placement.scale[:] = 9
    after = layer.as_layer_data_tuple()
    assert after[0] is before[0]
    np.testing.assert_array_equal(layer.scale, (2, 0.5, 0.25))
    assert (layer.gamma, layer.metadata) == (0.7, {"lens": "20x"})
    image = layer_image((STACK, given))
    image.metadata["more"] = 1
    image.placement.scale[:] = 9
    assert given == {**ATTRIBUTES, "metadata": {"lens": "20x"}}
