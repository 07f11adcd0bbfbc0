"""Sizes that are typed where a layer has none."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDoubleSpinBox


def noise(*shape):
    return np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)


def typed(widget, name, text, qtbot):
    """Type a size, as a user does."""
    box = widget.sizes[name].native
    assert isinstance(box, QDoubleSpinBox)
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


@pytest.mark.binding
@pytest.mark.parametrize("others", [False, True], ids=["alone", "beside another layer"])
def test_a_typed_z_step_gives_the_depth_map(viewer, widget, fuse, others, qtbot):
    if others:
        viewer.add_image(noise(4, 30, 30), name="another")
    layer = viewer.add_image(noise(5, 40, 50), name="folder", axis_labels=("z", "y", "x"))
    assert not widget.sizes.isHidden()
    fuse()
    assert not [one.name for one in viewer.layers if "depth" in one.name]
    viewer.layers.selection = {layer}
    typed(widget, "z_step_um", "2.5", qtbot)
    assert tuple(layer.scale) == (2.5, 1, 1)
    assert "z step 2.5 µm" in widget.stack.message.text()
    assert not widget.sizes.isHidden(), "it can be corrected"
    fuse()
    depth = viewer.layers["folder depth map (µm)"].data
    index = viewer.layers["folder index map"].data
    assert np.abs(depth / 2.5 - index).max() <= 1
    viewer.layers.selection = {layer}
    typed(widget, "pixel_um", "0.25", qtbot)
    assert tuple(layer.scale) == (2.5, 0.25, 0.25)
    assert {str(unit) for unit in layer.units} == {"micrometer"}


def test_sizes_of_the_file_are_not_asked_for(viewer, widget, stack_layer):
    assert widget.sizes.isHidden()
    plain = viewer.add_image(noise(5, 40, 50), name="plain", axis_labels=("z", "y", "x"))
    assert not widget.sizes.isHidden()
    widget.sizes["z_step_um"].value = 3
    viewer.layers.selection = {stack_layer}
    assert widget.sizes.isHidden()
    other = viewer.add_image(noise(5, 40, 50), name="other", axis_labels=("z", "y", "x"))
    assert widget.sizes["z_step_um"].value == 0, "the size of one stack is not that of another"
    assert tuple(other.scale) == (1, 1, 1)
    assert tuple(plain.scale) == (3, 1, 1)
    assert tuple(stack_layer.scale) == (1.5, 0.4, 0.4)


def test_each_channel_gets_the_size(viewer, widget):
    pair = [
        viewer.add_image(noise(5, 40, 50), name=name, axis_labels=("z", "y", "x")) for name in "ab"
    ]
    viewer.layers.selection = set(pair)
    widget.sizes["z_step_um"].value = 3
    assert [tuple(layer.scale) for layer in pair] == [(3, 1, 1)] * 2
    assert len(widget.stack.target.layers) == 2


def test_what_was_typed_can_be_taken_back(viewer, widget):
    one, other = (
        viewer.add_image(noise(5, 40, 50), name=name, axis_labels=("z", "y", "x")) for name in "ab"
    )
    for layer, size in ((one, 3), (other, 4)):
        viewer.layers.selection = {layer}
        widget.sizes["z_step_um"].value = size
    viewer.layers.selection = {one}
    assert widget.sizes["z_step_um"].value == 3, "each stack shows its own"
    widget.sizes["z_step_um"].value = 0
    assert tuple(one.scale) == (1, 1, 1)
    assert {str(unit) for unit in one.units} == {"pixel"}
    assert "z step" not in widget.stack.message.text()
    assert tuple(other.scale) == (4, 1, 1)
