"""One panel of each kind, whoever opens it: Plugins menu, Layers menu, commands, console."""

import numpy as np
import pytest
from qtpy.QtWidgets import QDockWidget

from napari_umis_fusion.plugin import commands
from napari_umis_fusion.plugin.acquire import AcquireWidget
from napari_umis_fusion.plugin.fusion import FusionWidget
from napari_umis_fusion.plugin.training import TrainingWidget

pytestmark = pytest.mark.window

KINDS = {"Fuse z-stack": FusionWidget, "Train network": TrainingWidget}


def actions(menu):
    """Return the entries of a menu and its submenus, as they are when it is open."""
    menu.aboutToShow.emit()
    for action in menu.actions():
        if action.menu() is not None:
            yield from actions(action.menu())
        else:
            yield action


def choose(menu, text):
    """Choose the entry whose text begins so."""
    (found,) = (one for one in actions(menu) if one.text().startswith(text))
    found.trigger()


WAYS = {
    "Plugins menu": lambda viewer, name: choose(viewer.window.plugins_menu, name),
    "Layers menu": lambda viewer, name: choose(
        viewer.window.layers_menu, name if name == "Fuse z-stack" else "Train the network"
    ),
    "console": lambda viewer, name: viewer.window.add_plugin_dock_widget(commands.PLUGIN, name),
    "other name": lambda viewer, name: viewer.window.add_dock_widget(
        KINDS[name](viewer), name="mine"
    ),
}

PAIRS = [
    ("Plugins menu", "Layers menu"),
    ("Layers menu", "Layers menu"),
    ("console", "Plugins menu"),
    ("console", "Layers menu"),
    ("Layers menu", "console"),
    ("other name", "Plugins menu"),
    ("Plugins menu", "other name"),
]


def docks(viewer, kind):
    found = viewer.window._qt_window.findChildren(QDockWidget)
    return [dock for dock in found if type(dock.widget()) is kind]


@pytest.fixture
def _closing(viewer):
    yield
    for kind in KINDS.values():
        for dock in docks(viewer, kind):
            dock.widget().close_down()


@pytest.mark.usefixtures("_closing")
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_one_dock_whoever_asks(viewer, name, first, second, qtbot):
    WAYS[first](viewer, name)
    qtbot.wait(20)
    (dock,) = docks(viewer, KINDS[name])
    panel = dock.widget()
    WAYS[second](viewer, name)
    qtbot.waitUntil(lambda: len(docks(viewer, KINDS[name])) == 1, timeout=2000)
    assert docks(viewer, KINDS[name])[0].widget() is panel
    assert not panel.is_closed


@pytest.mark.usefixtures("_closing")
def test_the_open_panel_does_what_is_asked_elsewhere(viewer, qtbot):
    data = np.random.default_rng(0).integers(0, 255, (5, 64, 80), np.uint8)
    viewer.add_image(data, axis_labels=("z", "y", "x"), name="beetle")
    choose(viewer.window.plugins_menu, "Fuse z-stack")
    (dock,) = docks(viewer, FusionWidget)
    panel = dock.widget()
    panel.method["focus_measure"].value = "laplacian"
    dock.hide()
    choose(viewer.window.layers_menu, "Fuse the active z-stack now")
    assert panel.job is not None
    qtbot.waitUntil(lambda: panel.job is None, timeout=20_000)
    assert dock.isVisibleTo(viewer.window._qt_window)
    assert "beetle all-in-focus" in [layer.name for layer in viewer.layers]


@pytest.mark.usefixtures("_closing")
@pytest.mark.parametrize("order", [list(KINDS), list(KINDS)[::-1]])
def test_the_two_are_tabs(viewer, order, qtbot):
    for name in order:
        choose(viewer.window.plugins_menu, name)
        qtbot.wait(20)
    (one,), (other,) = (docks(viewer, KINDS[name]) for name in order)
    assert viewer.window._qt_window.tabifiedDockWidgets(one) == [other]


@pytest.mark.usefixtures("_closing")
def test_the_one_at_the_microscope_opens_from_the_file_menu(viewer, qtbot):
    commands.open_fusion(viewer)
    qtbot.wait(20)
    for way in ("file_menu", "plugins_menu"):
        choose(getattr(viewer.window, way), "Acquire")
        qtbot.wait(20)
        (dock,) = docks(viewer, AcquireWidget)
    (other,) = docks(viewer, FusionWidget)
    assert viewer.window._qt_window.tabifiedDockWidgets(other) == [dock]
    dock.widget().close_down()


@pytest.mark.usefixtures("_closing")
def test_after_the_x_a_new_one_opens(viewer, qtbot):
    for _ in range(2):
        panel = commands.open_fusion(viewer)
        assert not panel.is_closed
        (dock,) = docks(viewer, FusionWidget)
        dock.title.close_button.click()
        qtbot.wait(20)
        assert panel.is_closed
