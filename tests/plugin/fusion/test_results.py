"""Results that are told apart, undone and redone."""

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_umis_fusion.layers import LayerFinished, iter_fuse_layer
from napari_umis_fusion.plugin.fusion import redo_fusion, undo_fusion
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers

SHOWN = ("all_in_focus", "index_map", "depth_map", "confidence_map")
QUICK = {"focus_measure": "laplacian", "window_sigma_px": 1.0}
EVERYTHING = {"rows": (2, 20), "columns": (3, 30)}


def add_stack(viewer, seed=0, **attributes):
    planes = np.random.default_rng(seed).integers(0, 255, (4, 24, 32), np.uint8)
    options = {"name": "cells", "axis_labels": ("z", "y", "x"), "scale": (2, 1, 1)}
    return viewer.add_image(planes, **options, units=("um",) * 3, **attributes)


def fuse(viewer, source, *, update=True, **options):
    """Fuse a layer of a viewer without a window, as the panel does."""
    *_, event = iter_fuse_layer(source, **{**QUICK, **options})
    assert isinstance(event, LayerFinished)
    fused = FusedLayers.of(viewer)
    layers = list(fused.iter_show(event, [source], shown=SHOWN, update=update))
    fused.hide_shining([source])
    return layers


def state(viewer):
    """Return what a viewer shows: the layers in order, with all that a fusion changes."""
    return [
        (layer.name, layer.visible, layer.data.copy(), tuple(layer.translate), str(layer.metadata))
        for layer in viewer.layers
    ]


def assert_equal(one, other):
    assert [layer[0] for layer in one] == [layer[0] for layer in other]
    for mine, its in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine[2], its[2])
        assert (mine[1], mine[3:]) == (its[1], its[3:])


SECOND = {
    "first": ({}, {}),
    "replaced": ({"blend": "select"}, {}),
    "kept": ({"blend": "select"}, {"update": False}),
    "region": (EVERYTHING, {}),
}


@pytest.mark.parametrize("case", SECOND)
def test_the_last_fusion_is_undone_and_redone(case):
    viewer = ViewerModel()
    stack, other = add_stack(viewer, blending="additive"), add_stack(viewer, 1)
    fused = FusedLayers.of(viewer)
    if case != "first":
        fuse(viewer, other)
        fuse(viewer, stack)[0].name = "mine"
        stack.visible = True
    before = state(viewer)
    options, showing = SECOND[case]
    fuse(viewer, stack, **options, **showing)
    after = state(viewer)
    for _ in range(2):
        assert (fused.can_undo, fused.can_redo) == (True, False)
        assert fused.undo() == "The last fusion was undone."
        assert_equal(state(viewer), before)
        assert (fused.can_undo, fused.can_redo) == (False, True)
        assert fused.redo() == "The last fusion is shown again."
        assert_equal(state(viewer), after)


def test_a_fusion_after_undo_replaces_what_undo_has_shown():
    viewer = ViewerModel()
    stack = add_stack(viewer)
    layers = fuse(viewer, stack)
    fuse(viewer, stack, blend="select")
    FusedLayers.of(viewer).undo()
    fuse(viewer, stack, verification="none")
    assert list(viewer.layers) == [stack, *layers]
    assert not FusedLayers.of(viewer).can_redo


def test_clicks_follow_what_is_shown():
    viewer = ViewerModel()
    stack = add_stack(viewer)
    _, index_map, *_ = fuse(viewer, stack)
    fuse(viewer, stack, blend="select")
    fused = FusedLayers.of(viewer)
    for act, blend in ((fused.undo, "weighted"), (fused.redo, "select")):
        act()
        shown = fused.fused_by(index_map)
        assert shown.event.config.blend == blend
        assert shown.origin(index_map).array is shown.event.origins[0].array


def test_what_the_user_changed_since_is_left_alone():
    viewer = ViewerModel()
    stack = add_stack(viewer)
    image, index_map, *_ = fuse(viewer, stack)
    fuse(viewer, stack)
    mine = np.zeros((24, 32), np.uint8)
    image.data = mine
    viewer.layers.remove(index_map)
    said = FusedLayers.of(viewer).undo()
    assert image.data is mine
    assert said.endswith("undone. 2 layers were removed or changed since, and left alone.")


@pytest.mark.parametrize("action", ["removed", "fused twice more", "stack removed"])
def test_memory_is_freed(action):
    viewer = ViewerModel()
    stack = add_stack(viewer)
    layers = fuse(viewer, stack)
    fused = FusedLayers.of(viewer)
    kept = [weakref.ref(layer.data) for layer in layers]
    if action == "removed":
        viewer.layers.selection = {stack}  # napari keeps the layer that was selected last
        del viewer.layers[1:]
        assert not fused.can_undo
    elif action == "fused twice more":
        fuse(viewer, stack)
        fuse(viewer, stack)
    else:
        kept = [weakref.ref(stack.data)]
        fuse(viewer, stack)
        viewer.layers.remove(stack)
        assert fused.undo() == "The last fusion was undone.", "results can still be had back"
    del layers, stack
    gc.collect()
    assert [reference() for reference in kept] == [None] * len(kept)


def test_a_part_never_replaces_the_whole():
    viewer = ViewerModel()
    stack = add_stack(viewer)
    whole = fuse(viewer, stack)
    region = fuse(viewer, stack, **EVERYTHING)
    planes = fuse(viewer, stack, planes=(1, 3))
    assert [layer.name for layer in (whole[0], region[0], planes[0], planes[2])] == [
        "cells all-in-focus",
        "[region] cells all-in-focus",
        "[planes 1-3] cells all-in-focus",
        "[planes 1-3] cells depth map (µm)",
    ]
    assert fuse(viewer, stack, rows=(0, 9)) == region
    assert fuse(viewer, stack) == whole
    both = fuse(viewer, stack, planes=(0, 1), rows=(0, 9))
    assert both[0].name == "[region, planes 0-1] cells all-in-focus"


def test_names_say_what_differs_from_the_result_beside():
    viewer = ViewerModel()
    stack = add_stack(viewer)
    fuse(viewer, stack)
    image, *_ = fuse(viewer, stack, update=False, blend="select", window_sigma_px=6.0)
    assert image.name == "[window 6, select] cells all-in-focus"
    fuse(viewer, stack, window_sigma_px=6.0)
    assert image.name == "[window 6] cells all-in-focus", "a name of ours stays true"
    image.name = "mine"
    fuse(viewer, stack, blend="select")
    assert image.name == "mine"
    again, *_ = fuse(viewer, stack, update=False, threads=1)
    assert again.name == "cells all-in-focus [1]", "nothing differs that shows"


@pytest.mark.binding
def test_the_panel_undoes_redoes_and_describes(viewer, widget, stack_layer, qtbot):
    def press():
        widget.controls.buttons["start"].click()
        qtbot.waitUntil(lambda: widget.job is None, timeout=60_000)

    result, said = widget.result, widget.controls.message
    assert undo_fusion(viewer) == "There is no fusion to undo."
    assert not result.undo.isEnabled()
    assert result.about.text().startswith("Select a fused layer")
    widget.method["blend"].value = "select"
    press()
    assert result.about.text() == "Laplacian (fast), Seams, Recorded values; 6 planes"
    result.undo.click()
    assert said.text() == "The last fusion was undone."
    assert list(viewer.layers) == [stack_layer]
    assert not result.undo.isEnabled()
    assert redo_fusion(viewer) == "The last fusion is shown again."
    assert not result.redo.isEnabled()
    assert len(viewer.layers) == 5
