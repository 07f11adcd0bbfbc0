"""The retouch widget: paint planes over a result, look at it before and after."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.layers import LayerFinished, iter_fuse_layer
from napari_umis_fusion.plugin.fusion import FusedLayers
from napari_umis_fusion.plugin.retouch import RetouchWidget

SHOWN = ("all_in_focus", "index_map", "depth_map", "confidence_map")
QUICK = {"focus_measure": "laplacian", "islands": "keep"}


def add_stack(viewer, axes="zyx", times=2):
    shape = {"t": times, "z": 4, "y": 60, "x": 80}
    planes = np.random.default_rng(0).integers(0, 255, [shape[one] for one in axes], np.uint8)
    about = {"name": "cells", "axis_labels": tuple(axes), "scale": [1 + (a == "z") for a in axes]}
    return viewer.add_image(planes, **about, units=["um" if a in "zyx" else "pixel" for a in axes])


def fuse(viewer, source, **options):
    *_, event = iter_fuse_layer(source, **{**QUICK, "keep_axes": True, **options})
    assert isinstance(event, LayerFinished)
    layers = FusedLayers.of(viewer).iter_show(event, [source], shown=SHOWN, update=True)
    return list(layers)


def open_panel(viewer, qtbot):
    panel = RetouchWidget(viewer)
    qtbot.addWidget(panel, before_close_func=lambda made: made.close_down())
    return panel


@pytest.fixture
def model(qapp):
    return ViewerModel()


@pytest.fixture
def source(model):
    return add_stack(model)


@pytest.fixture
def panel(model, source, qtbot):
    made = open_panel(model, qtbot)
    fuse(model, source)
    model.layers.selection.active = source
    made.begin()
    return made


def image_of(viewer):
    return viewer.layers["cells all-in-focus"].data[0]


def settled(qtbot, panel):
    qtbot.waitUntil(lambda: not panel.session.is_busy, timeout=5000)


def test_the_result_follows_strokes_fills_erasures_and_undo(model, source, panel, qtbot):
    layer, decided = panel.session.layer, image_of(model).copy()
    maps = [model.layers[f"cells {name}"] for name in ("index map", "confidence map")]
    layer.brush_size = 9
    model.dims.set_point(0, 2 * 3)
    assert layer.selected_label == 3 + 1
    for act in (
        lambda: layer.paint((0, 30, 40), layer.selected_label),
        lambda: layer.paint_polygon([(0, 5, 5), (0, 5, 20), (0, 20, 20)], 2),
        lambda: layer.fill((0, 30, 40), 1),
        lambda: layer.paint((0, 30, 41), 0),
        layer.undo,
        layer.redo,
        panel.clear,
        layer.undo,
    ):
        act()
        settled(qtbot, panel)
        chosen = layer.data[0]
        planes = np.where(chosen > 0, chosen.astype(int) - 1, 0)
        copied = np.take_along_axis(source.data, planes[None], axis=0)[0]
        here = chosen > 0
        np.testing.assert_array_equal(image_of(model)[here], copied[here])
        np.testing.assert_array_equal(maps[0].data[0][here], planes[here])
        assert (maps[1].data[0][here] == 1).all()
        told = model.layers["cells all-in-focus"].metadata[RUN_KEY]["overrides"]
        assert told["pixels"] == here.sum()
        assert f"{here.sum()} pixels are chosen by hand" in panel.status.text()
    assert here.any()
    layer.data = np.zeros_like(layer.data)
    settled(qtbot, panel)
    np.testing.assert_array_equal(image_of(model), decided)


def test_overrides_are_applied_to_the_next_result_and_undone_with_it(model, source, panel, qtbot):
    layer, decided = panel.session.layer, image_of(model).copy()
    layer.data[0, 20:40, 30:50] = 2 + 1
    layer.data = layer.data
    settled(qtbot, panel)
    first = image_of(model).copy()
    fuse(model, source, blend="select")
    settled(qtbot, panel)
    part = slice(20, 40), slice(30, 50)
    np.testing.assert_array_equal(image_of(model)[part], source.data[2][part])
    assert not np.array_equal(image_of(model), first)
    FusedLayers.of(model).undo()
    settled(qtbot, panel)
    np.testing.assert_array_equal(image_of(model), first)
    panel.clear()
    settled(qtbot, panel)
    np.testing.assert_array_equal(image_of(model), decided)
    fuse(model, source, rows=(0, 30), columns=(0, 30))
    assert "shows another part" in panel.status.text()


def test_times_not_shown_follow_too(model, qtbot):
    source, panel = add_stack(model, "tzyx"), open_panel(model, qtbot)
    result = fuse(model, source)[0]
    model.layers.selection.active = result
    panel.begin()
    layer = panel.session.layer
    layer.data[0, 0, 10:20, 10:20] = 1
    layer.data[1, 0, 10:20, 10:20] = 3
    layer.data = layer.data
    settled(qtbot, panel)
    part = slice(10, 20), slice(10, 20)
    for time, plane in ((0, 0), (1, 2)):
        np.testing.assert_array_equal(result.data[time, 0][part], source.data[time, plane][part])


@pytest.mark.parametrize("shown", [0, 2])
def test_key_frames_are_carried_over_in_time(model, qtbot, shown):
    source, panel = add_stack(model, "tzyx", 4), open_panel(model, qtbot)
    result = fuse(model, source)[0]
    model.layers.selection.active = result
    panel.begin()
    model.dims.set_point(0, shown)
    panel.carry_over()
    assert "Paint the same place at two time points" in panel.status.text()
    layer, part = panel.session.layer, (slice(10, 20), slice(10, 20))
    for time, plane in ((0, 0), (3, 3)):
        layer.data[time, 0][part] = plane + 1
    layer.data[1, 0, 12, 12] = 3 + 1
    layer.data, decided = layer.data, result.data.copy()
    panel.carry_over()
    assert "199 pixels were carried over, to 2 time points" in panel.status.text()
    np.testing.assert_array_equal(layer.data[:, 0, 15, 15], [1, 2, 3, 4])
    assert layer.data[1, 0, 12, 12] == 3 + 1, "what was painted stays"
    for time in range(4):
        here = layer.data[time, 0][part] - 1
        copied = np.take_along_axis(source.data[time][:, *part], here[None], axis=0)[0]
        np.testing.assert_array_equal(result.data[time, 0][part], copied)
    layer.undo()
    settled(qtbot, panel)
    assert not layer.data[2].any()
    np.testing.assert_array_equal(result.data[2], decided[2])


def test_an_undo_of_a_time_that_is_not_shown(model, qtbot):
    source, panel = add_stack(model, "tzyx"), open_panel(model, qtbot)
    result = fuse(model, source)[0]
    decided = result.data.copy()
    model.layers.selection.active = result
    panel.begin()
    panel.session.layer.paint((0, 0, 30, 40), 2)
    settled(qtbot, panel)
    assert not np.array_equal(result.data, decided)
    model.dims.set_point(0, 1)
    panel.session.layer.undo()
    settled(qtbot, panel)
    np.testing.assert_array_equal(result.data, decided)
    assert "0 pixels are chosen" in panel.status.text()


def test_overrides_that_were_saved_are_taken_up(model, source, qtbot):
    panel, (result, *_) = open_panel(model, qtbot), fuse(model, source)
    saved = np.zeros(result.data.shape, np.uint16)
    saved[0, 20:40, 30:50] = 1 + 1
    model.add_labels(saved, name="fused cells overrides", scale=result.scale)
    model.layers.selection.active = result
    panel.begin()
    assert panel.session.layer.name == "fused cells overrides"
    part = slice(20, 40), slice(30, 50)
    np.testing.assert_array_equal(image_of(model)[part], source.data[1][part])


def test_before_and_after_blink(model, source, panel, qtbot):
    layer, decided = panel.session.layer, image_of(model).copy()
    layer.brush_size = 15
    layer.paint((0, 30, 40), 4)
    settled(qtbot, panel)
    retouched, result = image_of(model).copy(), model.layers["cells all-in-focus"]
    seen = {one.name: one.visible for one in model.layers}
    assert panel.blink.step() == "As decided, without overrides."
    np.testing.assert_array_equal(model.layers["as decided: cells all-in-focus"].data[0], decided)
    assert not result.visible
    assert not layer.visible
    assert panel.blink.step() == "The plane at the slider."
    assert source.visible
    assert not model.layers["as decided: cells all-in-focus"].visible
    assert panel.blink.step() == "Retouched."
    assert seen == {one.name: one.visible for one in model.layers if one.name in seen}
    np.testing.assert_array_equal(image_of(model), retouched)
    assert model.layers.selection.active is layer


def test_a_click_picks_the_plane_in_focus(model, source, panel, qtbot):
    before = list(model.mouse_drag_callbacks)
    panel.buttons["pick"].setChecked(True)
    assert str(panel.session.layer.mode) == "pan_zoom"
    panel.pick.pick((0, 30, 40))
    qtbot.waitUntil(lambda: not panel.pick.job.is_busy, timeout=20_000)
    plane = model.dims.current_step[0]
    assert f"Plane {plane} is most in focus" in panel.status.text()
    assert panel.session.layer.selected_label == plane + 1
    assert str(panel.session.layer.mode) == "paint"
    assert model.mouse_drag_callbacks == before


def test_what_cannot_be_retouched_is_told(model, source, qtbot):
    panel = open_panel(model, qtbot)
    model.layers.selection.active = source
    panel.begin()
    assert panel.status.text().startswith("There is no result to retouch: fuse a stack")
    fuse(model, source)
    panel.begin()
    model.layers.remove(panel.session.layer)
    assert "The layer of overrides was removed" in panel.status.text()
    assert not panel.buttons["clear"].isEnabled()
    model.layers.selection.active = source
    panel.begin()
    model.layers.remove(source)
    assert "The stack was removed" in panel.status.text()


@pytest.mark.window
def test_painting_with_the_mouse(viewer, qtbot):
    """The real gesture: the mouse drags the brush over the canvas."""
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest

    source, panel = add_stack(viewer), RetouchWidget(viewer)
    viewer.window.add_dock_widget(panel)
    fuse(viewer, source)
    viewer.layers.selection.active = source
    panel.begin()
    panel.session.layer.brush_size = 11
    viewer.dims.set_point(0, 2 * 2)
    viewer.window._qt_window.show()
    qtbot.wait(100)
    native = viewer.window._qt_viewer.canvas.native
    middle = QPoint(native.width() // 2, native.height() // 2)
    QTest.mouseMove(native, middle)
    qtbot.wait(100)
    QTest.mousePress(native, Qt.MouseButton.LeftButton, pos=middle)
    for step in (10, 20, 30):
        QTest.mouseMove(native, middle + QPoint(step, 0))
        qtbot.wait(20)
    QTest.mouseRelease(native, Qt.MouseButton.LeftButton, pos=middle + QPoint(30, 0))
    settled(qtbot, panel)
    here = panel.session.layer.data[0] == 2 + 1
    assert here.sum() > 90
    np.testing.assert_array_equal(image_of(viewer)[here], source.data[2][here])
    panel.close_down()


def test_a_panel_that_is_closed_while_it_compares_leaves_the_result_as_it_was(model, panel, qtbot):
    before = [(layer.name, layer.visible) for layer in model.layers]
    panel.session.layer.paint((0, 30, 40), 2)
    settled(qtbot, panel)
    panel.step()
    assert [(layer.name, layer.visible) for layer in model.layers] != before
    panel.close_down()
    assert [(layer.name, layer.visible) for layer in model.layers] == before


def test_the_brush_comes_back_when_picking_is_given_up(panel):
    panel.buttons["pick"].click()
    assert panel.session.layer.mode == "pan_zoom"
    panel.buttons["pick"].click()
    assert panel.session.layer.mode == "paint"
