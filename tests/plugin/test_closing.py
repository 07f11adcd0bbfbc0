"""A panel whose dock is closed with the x ends its work, and leaves nothing behind."""

import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_umis_fusion.plugin.acquire._widget import AcquireWidget
from napari_umis_fusion.plugin.fusion._widget import FusionWidget
from napari_umis_fusion.plugin.training._widget import TrainingWidget
from napari_umis_fusion.plugin.widgets import _docked_widget as docked_widget

PANELS = {"fusion": FusionWidget, "training": TrainingWidget, "acquire": AcquireWidget}


@pytest.fixture
def stack(viewer):
    data = np.random.default_rng(0).integers(0, 255, (5, 64, 80), np.uint8)
    return viewer.add_image(data, axis_labels=("z", "y", "x"), name="beetle")


def opened(viewer, kind):
    panel = PANELS[kind](viewer)
    dock = viewer.window.add_dock_widget(panel, name=kind)
    if kind == "fusion":
        panel.method["focus_measure"].value = "laplacian"
    return panel, dock


def click_x(dock, qtbot):
    """Click the x of a dock, as a user does."""
    qtbot.mouseClick(dock.title.close_button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    qtbot.wait(50)


def callbacks(viewer):
    """Return how many callbacks the viewer and its parts hold."""
    groups = viewer.layers.events, viewer.layers.selection.events, viewer.dims.events, viewer.events
    counted = 0
    for group in groups:
        for one in getattr(group, "emitters", {}).values():
            counted += len(one.callbacks) if one is not None else 0
    return counted + len(viewer.mouse_drag_callbacks)


@pytest.mark.binding
@pytest.mark.parametrize("kind", PANELS)
def test_nothing_grows_with_each_round(viewer, stack, kind, qtbot):
    seen, panels = [], []
    for _ in range(3):
        panel, dock = opened(viewer, kind)
        click_x(dock, qtbot)
        assert panel._is_closed
        panels.append(weakref.ref(panel))
        del panel, dock
        gc.collect()
        seen.append(callbacks(viewer))
    assert len(set(seen[1:])) == 1, seen
    qtbot.waitUntil(lambda: gc.collect() is not None and not any(p() for p in panels), timeout=5000)


@pytest.mark.binding
def test_panels_are_closed_before_qt_ends(viewer, stack):
    panel, _ = opened(viewer, "fusion")
    before = callbacks(viewer)
    docked_widget._close_all()  # registered for the exit of the program
    assert panel.is_closed
    assert callbacks(viewer) < before


@pytest.mark.binding
def test_a_closed_panel_does_not_react_to_clicks(viewer, stack, qtbot):
    before = list(viewer.mouse_drag_callbacks)
    _, dock = opened(viewer, "fusion")
    assert viewer.mouse_drag_callbacks != before
    click_x(dock, qtbot)
    assert viewer.mouse_drag_callbacks == before
    viewer.dims.set_current_step(0, 3)
    viewer.layers.selection.clear()
    viewer.theme = "light"
    viewer.layers.remove(stack)


@pytest.mark.binding
def test_a_fusion_ends_with_its_panel(viewer, stack, qtbot):
    panel, dock = opened(viewer, "fusion")
    panel.fuse()
    job = panel.job
    click_x(dock, qtbot)
    assert job.was_cancelled
    qtbot.waitUntil(lambda: job._is_over, timeout=10_000)
    qtbot.wait(300)
    assert list(viewer.layers) == [stack], "no layer appears later"


@pytest.mark.binding
def test_a_new_panel_knows_the_results_of_the_closed_one(viewer, stack, qtbot):
    for _ in range(3):
        panel, dock = opened(viewer, "fusion")
        viewer.layers.selection = {stack}
        panel.fuse()
        qtbot.waitUntil(lambda panel=panel: panel.job is None, timeout=20_000)
        names = [layer.name for layer in viewer.layers]
        click_x(dock, qtbot)
    assert not [name for name in names if name.endswith("]")], names
    assert panel.fused.sources_of(viewer.layers[-1]) == [stack]


@pytest.mark.binding
@pytest.mark.parametrize("kind", PANELS)
def test_a_floating_or_moved_dock_is_not_closed(viewer, stack, kind, qtbot):
    panel, dock = opened(viewer, kind)
    dock.setFloating(True)
    qtbot.wait(50)
    dock.setFloating(False)
    viewer.window._qt_window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
    qtbot.wait(50)
    dock.hide()
    dock.show()
    assert not panel._is_closed
    click_x(dock, qtbot)
    assert panel._is_closed


HOUR = """
import sys
import numpy as np
import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from napari_umis_fusion.plugin.fusion._widget import FusionWidget
from napari_umis_fusion.plugin.training._widget import TrainingWidget

viewer = napari.Viewer()
data = np.random.default_rng(0).integers(0, 255, (5, 64, 80), np.uint8)
viewer.add_image(data, axis_labels=("z", "y", "x"))

def wait(ready, seconds=60):
    import time
    end = time.monotonic() + seconds
    while not ready() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    assert ready()

for round in range(2):
    for kind in (FusionWidget, TrainingWidget):
        panel = kind(viewer)
        dock = viewer.window.add_dock_widget(panel, name="panel")
        if kind is FusionWidget:
            viewer.layers.selection = {viewer.layers[0]}
            panel.method["focus_measure"].value = "laplacian"
            panel.fuse()
            if round != 1:  # once it is closed at work
                wait(lambda: panel.job is None)
        dock.title.close_button.click()
        QApplication.processEvents()
last = FusionWidget(viewer)
viewer.window.add_dock_widget(last, name="panel")
QTimer.singleShot(300, viewer.close)
napari.run()
print("ended")
"""


@pytest.mark.slow
@pytest.mark.binding
def test_napari_ends_as_it_should(tmp_path):
    environment = {**os.environ, "NAPARI_CONFIG": str(tmp_path / "settings.yaml")}
    done = subprocess.run(
        [sys.executable, "-c", HOUR],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "has been deleted" not in done.stderr
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
