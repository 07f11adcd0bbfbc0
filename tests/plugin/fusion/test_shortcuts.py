"""Keys of the fusion widget, and the comparison of a stack with its result."""

import numpy as np
import pytest
from app_model.types import KeyBinding
from napari.components import ViewerModel

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.layers import LayerFinished, LayerPlan, iter_fuse_layer
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.fusion._shortcuts import (
    COMPARE,
    FUSE,
    NEXT_PLANE,
    PREVIOUS_PLANE,
    FusionKeys,
)
from napari_umis_fusion.plugin.fusion._stack_choice import StackChoice

KEYS = FUSE, COMPARE, NEXT_PLANE, PREVIOUS_PLANE


@pytest.fixture
def model():
    made = ViewerModel()
    data = np.random.default_rng(0).integers(0, 255, (4, 24, 32), np.uint8)
    made.add_image(data, name="beads", scale=(2, 1, 1), axis_labels=("z", "y", "x"))
    return made


@pytest.fixture
def told():
    return []


@pytest.fixture
def keys(model, told, qtbot):
    stack = StackChoice(model, FusedLayers.of(model))
    qtbot.addWidget(stack)
    fused = FusedLayers.of(model)
    made = FusionKeys(model, stack, fused, lambda: told.append("fuse"), told.append)
    yield made
    made.release()
    stack.release()


def press(model, key):
    model.keymap[KeyBinding.validate(key)](model)


def add_results(model):
    layer = model.layers["beads"]
    events = iter_fuse_layer(layer, FusionConfig("laplacian"), LayerPlan())
    (finished,) = [event for event in events if isinstance(event, LayerFinished)]
    shown = ["all_in_focus", "index_map"]
    return list(FusedLayers.of(model).iter_show(finished, [layer], shown=shown, update=True))


def test_next_and_previous_plane_end_at_the_ends(model, keys):
    model.dims.set_point(0, 0)
    seen = []
    for key in (NEXT_PLANE,) * 4 + (PREVIOUS_PLANE,) * 4:
        press(model, key)
        seen.append(model.dims.current_step[0])
    assert seen == [1, 2, 3, 3, 2, 1, 0, 0]


def test_the_key_to_fuse(model, keys, told):
    press(model, FUSE)
    assert told == ["fuse"]


def test_stack_and_result_in_turn(model, keys, told):
    press(model, COMPARE)
    assert "no result to compare with" in told[-1]
    stack = model.layers["beads"]
    image, index = add_results(model)
    assert (image.visible, index.visible) == (True, False)
    press(model, COMPARE)
    assert [layer.visible for layer in (stack, image, index)] == [True, False, False]
    assert model.layers.selection.active is stack
    press(model, COMPARE)
    assert [layer.visible for layer in (stack, image, index)] == [True, True, False]
    assert model.layers.selection.active is image
    index.visible, stack.visible = True, False
    for expected in ([True, False, False], [False, True, True]):
        press(model, COMPARE)
        assert [layer.visible for layer in (stack, image, index)] == expected
    image.visible = index.visible = False
    press(model, COMPARE)
    assert image.visible, "a result is shown, whatever was hidden before"


def test_keys_of_others_stay_theirs(model, told, qtbot):
    def of_another(viewer):
        told.append("another")

    model.bind_key(COMPARE, of_another)
    stack = StackChoice(model, FusedLayers.of(model))
    qtbot.addWidget(stack)
    made = FusionKeys(model, stack, FusedLayers.of(model), lambda: None, told.append)
    press(model, COMPARE)
    assert told == ["another"]
    made.release()
    assert set(model.keymap.values()) == {of_another}
    stack.release()


def test_a_closed_panel_leaves_no_keys(model, keys):
    assert len(model.keymap) == len(KEYS)
    keys.release()
    assert not model.keymap


def test_no_key_is_one_of_napari():
    from napari.utils.shortcuts import default_shortcuts

    taken = {
        KeyBinding.validate(key)
        for name, keys in default_shortcuts.items()
        for key in keys
        if name != "napari:activate_add_path_mode"  # of shapes layers only
    }
    assert not {KeyBinding.validate(key) for key in KEYS} & taken
