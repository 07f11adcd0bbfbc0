"""The fusion widget in a real viewer: from a layer to layers."""

import gc
import re
import weakref

import numpy as np
import pytest

from napari_umis_fusion import fuse as fuse_stack

MAPS = ["beads index map", "beads depth map (µm)", "beads confidence map"]


def names(viewer):
    return [layer.name for layer in viewer.layers]


def state(layer):
    data, attributes, _ = layer.as_layer_data_tuple()
    return np.array(data), {name: str(value) for name, value in attributes.items()}


@pytest.mark.binding
def test_one_button_makes_the_image_and_its_maps(viewer, widget, stack_layer, fuse, rendered):
    fuse()
    assert names(viewer) == ["beads", "beads all-in-focus", *MAPS]
    expected = fuse_stack(rendered.stack, focus_measure="laplacian")
    np.testing.assert_array_equal(viewer.layers[1].data, expected.all_in_focus)
    np.testing.assert_array_equal(viewer.layers[2].data, expected.index_map)
    np.testing.assert_allclose(viewer.layers[3].data, expected.sub_plane_map * 1.5, rtol=1e-6)
    np.testing.assert_array_equal(viewer.layers[4].data, expected.confidence_map)
    said = widget.controls.message.text()
    assert re.match(r"Done in (\d+ min )?\d+ s: 6 planes", said), said


def test_made_layers_lie_where_the_stack_lies(viewer, widget, stack_layer, fuse):
    fuse()
    for layer in viewer.layers[1:]:
        assert tuple(layer.scale) == (0.4, 0.4)
        assert tuple(layer.translate) == (20, 30)
        assert layer.axis_labels == ("y", "x")
        assert [str(unit) for unit in layer.units] == ["micrometer"] * 2
    image = viewer.layers["beads all-in-focus"]
    assert image.colormap.name == "magma"
    assert tuple(image.contrast_limits) == (10, 200)
    assert image.metadata["umis_fusion"]["config"]["focus_measure"] == "laplacian"


def test_nothing_of_the_users_is_touched(viewer, widget, stack_layer, fuse):
    other = viewer.add_labels(np.ones((96, 128), int), name="mine")
    viewer.layers.selection.active = stack_layer
    before = state(stack_layer), state(other)
    fuse()
    for was, layer in zip(before, (stack_layer, other), strict=True):
        now = state(layer)
        np.testing.assert_array_equal(was[0], now[0])
        assert was[1] == now[1]
    assert names(viewer)[:2] == ["beads", "mine"]


def test_second_run_renews_what_the_widget_made(viewer, widget, stack_layer, fuse):
    fuse()
    image = viewer.layers["beads all-in-focus"]
    image.colormap, image.name = "viridis", "my favourite"
    first = image.data.copy()
    widget.method["blend"].value = "select"
    fuse()
    assert len(viewer.layers) == 5
    assert viewer.layers["my favourite"] is image
    assert image.colormap.name == "viridis"
    assert not np.array_equal(first, image.data)
    assert image.metadata["umis_fusion"]["config"]["blend"] == "select"


def test_what_was_renewed_twice_leaves_the_memory(viewer, widget, stack_layer, fuse):
    fuse()
    first = [weakref.ref(layer.data) for layer in viewer.layers[1:]]
    fuse()
    fuse()
    gc.collect()
    assert [reference() for reference in first] == [None] * 4


def test_second_run_adds_if_so_chosen(viewer, widget, stack_layer, fuse):
    fuse()
    widget.output["again"].value = "keep"
    fuse()
    assert len(viewer.layers) == 9


def test_data_that_the_user_put_into_a_made_layer_is_never_renewed(
    viewer, widget, stack_layer, fuse
):
    fuse()
    image, mine = viewer.layers["beads all-in-focus"], np.zeros((96, 128), np.uint8)
    image.data = mine
    fuse()
    assert image.data is mine
    assert "beads all-in-focus [1]" in names(viewer)


def test_made_layer_that_was_deleted_comes_back(viewer, widget, stack_layer, fuse):
    fuse()
    viewer.layers.remove("beads index map")
    fuse()
    assert sorted(names(viewer)) == sorted(["beads", "beads all-in-focus", *MAPS])


def test_only_wanted_layers_are_added(viewer, widget, stack_layer, fuse):
    for name in ("index_map", "confidence_map"):
        widget.output[name].value = False
    fuse()
    assert names(viewer) == ["beads", "beads all-in-focus", "beads depth map (µm)"]


def test_index_map_as_labels(viewer, widget, stack_layer, fuse):
    widget.output["labels"].value = True
    fuse()
    layer = viewer.layers["beads index map"]
    assert layer._type_string == "labels"
    assert layer.colormap.map(0)[3] == 1  # plane 0 is a plane like others


@pytest.mark.binding
def test_region_drawn_as_a_shape(viewer, widget, stack_layer, fuse, rendered):
    corners = [[20 + 10 * 0.4, 30 + 16 * 0.4], [20 + 49 * 0.4, 30 + 79 * 0.4]]
    viewer.add_shapes([np.array(corners)], shape_type="rectangle", name="region")
    widget.part["region"].value = "region"
    fuse()
    image = viewer.layers["[region] beads all-in-focus"]
    assert image.data.shape == (40, 64)
    np.testing.assert_allclose(image.translate, (20 + 10 * 0.4, 30 + 16 * 0.4))
    expected = fuse_stack(rendered.stack[:, 10:50, 16:80], focus_measure="laplacian")
    np.testing.assert_array_equal(image.data, expected.all_in_focus)


def test_bad_region_is_told(viewer, widget, stack_layer):
    far = np.array([[500, 500], [600, 600]])
    for shapes, text in (([], "'region' holds no shape"), ([far], "lies outside 'beads'")):
        layer = viewer.add_shapes(shapes or None, shape_type="rectangle", name="region")
        widget.part["region"].value = "region"
        widget.controls.buttons["start"].click()
        assert widget.job is None
        assert text in widget.controls.message.text()
        assert len(viewer.layers) == 2
        viewer.layers.remove(layer)


def test_range_of_planes(viewer, widget, stack_layer, fuse):
    widget.part["first_plane"].value, widget.part["last_plane"].value = 2, 4
    fuse()
    index = viewer.layers["[planes 2-4] beads index map"].data
    assert set(np.unique(index)) <= {2, 3, 4}
    widget.part["last_plane"].value = 1
    widget.controls.buttons["start"].click()
    assert "the last lies before the first" in widget.controls.message.text()


def test_selecting_what_was_made_means_the_stack_it_was_made_of(viewer, widget, stack_layer, fuse):
    fuse()
    assert viewer.layers.selection.active is viewer.layers["beads all-in-focus"]
    assert widget.stack.target.layers == [stack_layer]
    assert "6 planes of 96 x 128, z step 1.5 µm" in widget.stack.message.text()


@pytest.mark.binding
def test_fuse_from_the_menu(viewer, stack_layer, qtbot):
    from napari_umis_fusion.plugin.commands import fuse_now, open_fusion

    widget = open_fusion(viewer)
    assert open_fusion(viewer) is widget
    widget.method["focus_measure"].value = "laplacian"
    assert fuse_now(viewer) is widget
    qtbot.waitUntil(lambda: widget.job is None, timeout=60_000)
    assert "beads all-in-focus" in names(viewer)


def test_default_measure_in_the_viewer(viewer, widget, stack_layer, fuse, rendered):
    widget.method["focus_measure"].value = "learned"
    fuse()
    expected = fuse_stack(rendered.stack)
    np.testing.assert_array_equal(viewer.layers["beads all-in-focus"].data, expected.all_in_focus)


@pytest.mark.window
def test_plane_images_are_opened_as_one_stack(viewer, rendered, tmp_path, monkeypatch):
    from qtpy.QtWidgets import QFileDialog

    from napari_umis_fusion import write_image
    from napari_umis_fusion.plugin.opening import open_planes

    paths = [tmp_path / f"z{z}.png" for z in (11, 10, 9)]
    for plane, path in zip(rendered.stack[2::-1], paths, strict=True):
        write_image(path, plane)
    chosen = [str(path) for path in paths], ""
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: chosen)
    (layer,) = open_planes(viewer)
    np.testing.assert_array_equal(layer.data, rendered.stack[:3])  # 9, 10, 11
    assert layer.axis_labels == ("z", "y", "x")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([], ""))
    assert open_planes(viewer) == []
    assert list(viewer.layers) == [layer]
