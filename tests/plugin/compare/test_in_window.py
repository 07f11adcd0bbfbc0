"""The widget in a real window, used as by a person: commands, mouse, close button."""

import gc

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.plugin import commands
from napari_umis_fusion.plugin.compare import CompareWidget
from napari_umis_fusion.plugin.compare import _part_form as part_form
from napari_umis_fusion.plugin.viewer import camera_of, grid_of

WAYS = [FusionConfig("laplacian"), FusionConfig("tenengrad", blend="select")]


def callbacks(viewer):
    """Count them, but for those that napari's grid leaves behind at `ndisplay`.

    napari 0.6 drops those of layers that are gone with the next event only.
    """
    groups = viewer.layers.events, viewer.layers.selection.events
    emitters = [one for group in groups for one in group.emitters.values() if one]
    emitters += [viewer.dims.events.current_step, viewer.dims.events.order]
    found = [callback for one in emitters for callback in one.callbacks]
    living = [one for one in found if not isinstance(one, tuple) or one[0]() is not None]
    return len(living) + len(viewer.mouse_drag_callbacks)


def on_canvas(viewer, row, column):
    """Return the canvas, and the point of it that shows a place of the world."""
    canvas = viewer.window._qt_viewer.canvas
    place = canvas.view.scene.transform.map([column, row, 0, 1])
    return canvas.native, QPoint(int(place[0] / place[3]), int(place[1] / place[3]))


def drag(viewer, qtbot, start, stop):
    native, point = on_canvas(viewer, 40, start)
    qtbot.mouseMove(native, point)
    qtbot.mousePress(native, Qt.MouseButton.LeftButton, pos=point)
    for place in np.linspace(start, stop, 6):
        native, point = on_canvas(viewer, 40, place)
        qtbot.mouseMove(native, point)
        qtbot.wait(40)
    qtbot.mouseRelease(native, Qt.MouseButton.LeftButton, pos=point)


@pytest.mark.binding
def test_ways_are_compared_wiped_and_adopted(viewer, rendered, qtbot):
    stack = viewer.add_image(rendered.stack, name="beads", axis_labels=("z", "y", "x"))
    form = commands.open_fusion(viewer)
    qtbot.wait(50)
    before = callbacks(viewer), list(viewer.layers)
    panel = commands.open_compare(viewer)
    assert commands.open_compare(viewer) is panel
    panel.table.selectAll()
    panel.remove_selected()
    panel.add(WAYS)
    panel.part["part"].value = part_form.VISIBLE
    panel.controls.buttons["start"].click()
    qtbot.waitUntil(lambda: panel.job is None, timeout=60_000)
    first, second = (panel.results.of(name)[0] for name in ("laplacian", "tenengrad, select"))
    assert grid_of(viewer).enabled
    assert viewer.layers.selection.active is stack
    viewer.layers.selection = {first, second}
    commands.wipe(viewer)
    wipe = panel.wipe.wipe
    assert wipe.is_on
    assert panel.wipe.button.isChecked()
    assert not grid_of(viewer).enabled
    viewer.layers.selection = {first}
    qtbot.wait(100)
    centre = tuple(camera_of(viewer).center)
    border = wipe.border
    drag(viewer, qtbot, border, border - 30)
    assert wipe.border == pytest.approx(border - 30, abs=2)
    assert tuple(camera_of(viewer).center) == centre
    commands.wipe(viewer)
    assert not wipe.is_on
    assert grid_of(viewer).enabled
    panel.table.select("tenengrad, select")
    panel.adopt()
    assert (form.value().focus_measure, form.value().blend) == ("tenengrad", "select")
    for name in panel.results.names:
        viewer.layers.remove(panel.results.of(name)[0])
    docks = viewer.window._qt_window.findChildren(QDockWidget)
    (dock,) = (one for one in docks if isinstance(one.widget(), CompareWidget))
    dock.title.close_button.click()
    QApplication.processEvents()
    qtbot.wait(50)
    assert panel.is_closed
    assert not grid_of(viewer).enabled
    gc.collect()
    assert (callbacks(viewer), list(viewer.layers)) == before
    form.close_down()
