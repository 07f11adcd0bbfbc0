"""The whole widget on a simulated microscope."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_umis_fusion.live import simulated_configuration
from napari_umis_fusion.plugin.acquire import AcquireWidget, _widget
from napari_umis_fusion.plugin.acquire._recent import recent_configurations


def wait_for_text(qtbot, label, text):
    qtbot.waitUntil(lambda: text in label.text(), timeout=10_000)


@pytest.mark.binding
def test_a_session(at_work, core, qtbot, threads):
    panel, viewer = at_work, at_work._viewer
    assert "camera: Camera" in panel.connect_form.found.text()
    panel.camera.snap.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)
    assert viewer.layers[0].data.shape == (96, 128)
    assert tuple(viewer.layers[0].scale) == (0.65, 0.65)
    panel.camera.live.click()
    qtbot.waitUntil(lambda: panel.camera.rate.text() != "", timeout=10_000)
    panel.stage.move_to(12.0)
    panel.autofocus.form["range_um"].value = "40.0"
    panel.autofocus.start()
    qtbot.waitUntil(lambda: panel.autofocus.result is not None, timeout=30_000)
    assert panel.autofocus.chart.value().found_um == panel.autofocus.result.height_um
    qtbot.waitUntil(lambda: panel.camera.is_live, timeout=10_000)
    panel.camera.live.click()
    qtbot.waitUntil(lambda: not panel.camera.is_live, timeout=10_000)
    assert not core.isSequenceRunning()
    assert panel.message.text() == ""


def test_the_simulated_microscope_is_one_click_away(panel, qtbot):
    panel.connect_form.buttons["simulated"].click()
    qtbot.waitUntil(lambda: panel.microscope.is_connected, timeout=10_000)
    assert panel.microscope.devices.focus == "Focus"
    assert recent_configurations() == []


def test_configurations_are_remembered(panel, qtbot, tmp_path):
    path = tmp_path / "mine.cfg"
    path.write_text(simulated_configuration().read_text("utf-8"), "utf-8")
    panel.connect_form.load(path)
    qtbot.waitUntil(lambda: recent_configurations() == [path], timeout=10_000)
    assert panel.connect_form.recent.currentText() == "mine.cfg"
    path.unlink()
    assert recent_configurations() == []


@pytest.mark.parametrize(
    ("text", "told"), [(None, "is not there"), ("Device,X,NoSuch,Thing\n", "cannot be loaded")]
)
def test_a_configuration_that_does_not_load(panel, qtbot, tmp_path, text, told):
    path = tmp_path / "bad.cfg"
    if text is not None:
        path.write_text(text, "utf-8")
    panel.connect_form.load(path)
    wait_for_text(qtbot, panel.message, told)
    assert not panel.microscope.is_connected


def test_a_core_of_others_is_taken(panel, core, qtbot, monkeypatch):
    monkeypatch.setattr("pymmcore_plus.CMMCorePlus", SimpleNamespace(instance=lambda: core))
    panel.connect_form.buttons["running"].click()
    qtbot.waitUntil(lambda: panel.microscope.core is core, timeout=10_000)


def test_no_core_of_others(panel, qtbot, monkeypatch):
    from pymmcore_plus import CMMCorePlus

    monkeypatch.setattr("pymmcore_plus.CMMCorePlus", SimpleNamespace(instance=CMMCorePlus))
    panel.connect_form.buttons["running"].click()
    wait_for_text(qtbot, panel.message, "No microscope is in use")


def test_the_stage(at_work, core, qtbot):
    stage = at_work.stage
    stage.step.setValue(2.0)
    for name in ("up", "up_much", "down"):
        stage.buttons[name].click()
    qtbot.waitUntil(lambda: abs(stage.height_um - 20) < 0.1, timeout=5000)
    stage.zero.click()
    qtbot.waitUntil(lambda: abs(stage.height_um) < 0.1, timeout=5000)
    stage.limited.setChecked(True)
    stage.move_to(150)
    assert "accepted is -100 to 100 µm" in at_work.message.text()
    stage.limited.setChecked(False)
    stage.move_to(1e4)
    wait_for_text(qtbot, at_work.message, "'Focus' did not move to 10000 µm")
    qtbot.waitUntil(lambda: not at_work.microscope.is_busy)
    assert abs(core.getPosition()) < 0.1
    core.setPosition(5.0)  # by somebody else
    qtbot.waitUntil(lambda: stage.height_um == 5.0, timeout=5000)


def test_exposure_and_properties(at_work, core, qtbot):
    camera = at_work.camera
    camera.exposure.setValue(7.5)
    qtbot.waitUntil(lambda: core.getExposure() == 7.5)
    core.events.propertyChanged.emit("Camera", "Exposure", "3.0")  # by somebody else
    qtbot.waitUntil(lambda: camera.exposure.value() == 3.0)
    camera.properties.fill()
    qtbot.waitUntil(lambda: "Gain" in camera.properties.rows)
    camera.properties.rows["Gain"].setValue(2.0)
    qtbot.waitUntil(lambda: float(core.getProperty("Camera", "Gain")) == 2.0)


def test_devices_that_vanish(at_work, core, qtbot):
    core.unloadAllDevices()
    at_work.camera.take()
    qtbot.waitUntil(lambda: at_work.microscope.devices.camera == "", timeout=5000)
    assert at_work.message.text() == "This microscope has no camera."
    assert not at_work.camera.isEnabled()


def test_an_acquisition_of_others(at_work, core, qtbot):
    at_work.microscope._on_started(None)
    qtbot.waitUntil(lambda: at_work.microscope.activity != "")
    assert not at_work.stage.isEnabled()
    at_work.autofocus.start()
    assert "acquisition of others is under way" in at_work.message.text()
    at_work.microscope._on_finished(None)
    qtbot.waitUntil(at_work.stage.isEnabled)


def test_a_long_exposure_is_not_disturbed(at_work, core, qtbot):
    core.setExposure(300.0)
    at_work.camera.take()
    at_work.camera.live.click()
    assert at_work.camera.is_live
    qtbot.wait(50)
    assert not core.isSequenceRunning()
    qtbot.waitUntil(core.isSequenceRunning, timeout=10_000)
    assert len(at_work._viewer.layers) == 1
    at_work.camera.live.click()
    qtbot.waitUntil(lambda: not at_work.camera.is_live, timeout=10_000)
    at_work.camera.live.click()
    at_work.camera.live.click()  # before it has begun
    assert not at_work.camera.is_live
    assert at_work.microscope.activity == ""


def test_a_deleted_layer_ends_the_live_picture(at_work, core, qtbot):
    at_work.camera.live.click()
    qtbot.waitUntil(lambda: len(at_work._viewer.layers) == 1, timeout=10_000)
    at_work._viewer.layers.clear()
    wait_for_text(qtbot, at_work.message, "its layer was deleted")
    qtbot.waitUntil(lambda: not core.isSequenceRunning(), timeout=5000)


@pytest.mark.binding
def test_closing_while_live_leaves_no_thread(qtbot, core, threads):
    from napari.components import ViewerModel

    before = threads()
    panel = AcquireWidget(ViewerModel())
    qtbot.addWidget(panel)
    panel.microscope.use(core)
    qtbot.waitUntil(lambda: panel.camera.isEnabled(), timeout=10_000)
    panel.camera.live.click()
    qtbot.waitUntil(lambda: core.isSequenceRunning() or panel.message.text() != "", timeout=10_000)
    assert panel.message.text() == ""
    panel.close_down()
    qtbot.waitUntil(lambda: not core.isSequenceRunning(), timeout=10_000)
    qtbot.waitUntil(lambda: threads() <= before, timeout=10_000)


def test_autofocus_on_a_flat_picture_goes_back(at_work, core, qtbot):
    core.setShutterOpen(False)
    core.setAutoShutter(False)
    at_work.stage.move_to(3.0)
    qtbot.waitUntil(lambda: at_work.stage.height_um == 3.0)
    at_work.autofocus.start()
    qtbot.waitUntil(lambda: at_work.microscope.activity == "", timeout=30_000)
    assert at_work.autofocus.result is None
    assert "back at 3 µm" in at_work.autofocus.controls.message.text()
    assert len(at_work.autofocus.chart.value().values) > 3


def test_a_rectangle_and_a_point(at_work, qtbot):
    panel = at_work
    panel.autofocus.where.setCurrentText("rectangle")
    panel.autofocus.start()
    assert "Press Snap or Live" in panel.autofocus.controls.message.text()
    panel.camera.take()
    qtbot.waitUntil(lambda: len(panel._viewer.layers) == 1)
    panel.autofocus.start()
    assert "Draw rectangle" in panel.autofocus.controls.message.text()
    panel.autofocus.draw.click()
    shapes = panel._viewer.layers[-1]
    shapes.add_rectangles(np.array([[10, 20], [30, 60]]) * 0.65)
    region = panel.autofocus._rectangle()
    assert (region.top, region.left, region.height, region.width) == (10, 20, 20, 40)


def test_without_the_extra_it_says_what_to_install(qtbot, monkeypatch):
    from qtpy.QtWidgets import QApplication, QPushButton

    monkeypatch.setattr(_widget, "live_is_installed", lambda: False)
    panel = AcquireWidget(None)
    qtbot.addWidget(panel)
    buttons = {button.text(): button for button in panel.findChildren(QPushButton)}
    assert {"Copy the command", "Watch"} <= set(buttons)
    buttons["Copy the command"].click()
    assert QApplication.clipboard().text() == 'pip install "napari-umis-fusion[live]"'
    panel.close_down()
