"""Sweeps from the widget, on a simulated microscope."""

from pathlib import Path

import numpy as np
import pytest
from useq import MDASequence

from napari_umis_fusion.files.read import read_layers
from napari_umis_fusion.plugin.acquire import _plan_choice


@pytest.fixture
def sweep(at_work, tmp_path):
    """The section, set to a short sweep that is kept."""
    section = at_work.sweep
    section.plan.set_row_values({"range_um": "8.0", "step_um": "2.0"})
    section.fusion["focus_measure"].value = "laplacian"
    section.keep.box.setChecked(True)
    section.keep.form["folder"].value = tmp_path / "kept"
    return section


def finish(qtbot, section):
    qtbot.waitUntil(lambda: section._microscope.activity == "", timeout=60_000)
    return section.controls.message.text()


@pytest.mark.binding
def test_a_sweep_is_fused_and_kept(at_work, sweep, core, qtbot, tmp_path):
    qtbot.waitUntil(lambda: "5 planes, 5 frames" in sweep.estimate.text(), timeout=5000)
    at_work.stage.move_to(6.0)
    qtbot.waitUntil(lambda: at_work.stage.height_um == 6.0)
    sweep.start()
    assert finish(qtbot, sweep).startswith("Done: 1 stack fused. Kept in")
    image, depth = at_work._viewer.layers
    assert (image.name, depth.name) == ("sweep 1 all-in-focus", "sweep 1 depth")
    kept = {path.name: path for path in (tmp_path / "kept" / "run_0001").iterdir()}
    assert {"stack.ome.zarr", "plan.yaml", "run.json"} <= set(kept)
    ((saved, *_),) = read_layers(kept["sweep_all-in-focus.ome.tif"])
    np.testing.assert_array_equal(image.data, saved)
    assert depth.data.max() <= 8.0
    assert core.getPosition() == 6.0


def test_a_collected_set_can_be_trained_on(at_work, sweep, qtbot):
    sweep.keep.form["collect"].value = True
    sweep.start()
    finish(qtbot, sweep)
    heard = []
    at_work.sweep.collected.disconnect()
    sweep.collected.connect(heard.append)
    sweep.keep.train.click()
    (stack,) = Path(heard[0]).glob("*.ome.tif")
    ((planes, *_),) = read_layers(stack)
    assert planes.shape == (5, 96, 128)


def test_top_and_bottom_are_set_at_the_stage(at_work, sweep, qtbot):
    for height, button in ((7.0, sweep.top), (2.0, sweep.bottom)):
        at_work.stage.move_to(height)
        qtbot.waitUntil(lambda height=height: at_work.stage.height_um == height)
        button.click()
    plan = sweep.plan.value()
    assert (plan.range_by, plan.bottom_um, plan.top_um) == ("top_bottom", 2.0, 7.0)


def test_pause_resume_and_stop(sweep, core, qtbot):
    sweep.plan.set_row_values({"step_um": "0.05", "settle_ms": "20.0"})
    sweep.start()
    qtbot.waitUntil(lambda: "frame" in sweep.controls.message.text(), timeout=20_000)
    sweep.controls.buttons["pause"].click()
    qtbot.waitUntil(core.mda.is_paused, timeout=5000)
    sweep.controls.buttons["pause"].click()
    qtbot.waitUntil(lambda: not core.mda.is_paused(), timeout=5000)
    sweep.controls.buttons["stop"].click()
    assert "1 stack fused" in finish(qtbot, sweep)
    assert not core.mda.is_running()


def test_up_and_down_are_two_results(at_work, sweep, qtbot):
    sweep.plan["direction"].value = "both"
    sweep.start()
    assert finish(qtbot, sweep).startswith("Done: 2 stacks fused")
    assert [layer.name for layer in at_work._viewer.layers] == [
        "sweep 1 all-in-focus",
        "sweep 1 depth",
        "sweep 1 run 2 all-in-focus",
        "sweep 1 run 2 depth",
    ]


def test_a_deleted_layer_comes_back_as_the_result(at_work, sweep, qtbot):
    sweep.plan.set_row_values({"step_um": "0.5", "settle_ms": "50.0"})
    sweep.start()
    layers = at_work._viewer.layers
    qtbot.waitUntil(lambda: len(layers) == 2, timeout=20_000)
    layers.clear()
    assert finish(qtbot, sweep).startswith("Done: 1 stack fused")
    assert all("umis_fusion" in layer.metadata for layer in layers)
    assert len(layers) == 2


def test_a_camera_that_fails_keeps_what_was_taken(at_work, sweep, core, qtbot, monkeypatch):
    taken = iter(range(3))
    camera = core._py_camera()
    snap = camera.snap

    def fail(buffer):
        if next(taken, None) is None:
            raise RuntimeError("the cable is loose")
        return snap(buffer)

    monkeypatch.setattr(camera, "snap", fail)
    sweep.start()
    message = finish(qtbot, sweep)
    assert "camera gave no picture" in message
    assert [layer.name for layer in at_work._viewer.layers][:1] == ["sweep 1 all-in-focus"]
    assert sweep.controls.buttons["start"].isEnabled()


def test_more_stacks_than_layers_have_to_be_kept(sweep, qtbot):
    sweep.keep.box.setChecked(False)
    sweep.repeat.setValue(MDASequence(time_plan={"interval": 0, "loops": 13}))
    assert sweep.repeat.text.text() == "A sweep at each of 13 time points."
    sweep.start()
    assert "13 stacks, but layers are made for 12" in sweep.controls.message.text()


def test_plans_from_files(sweep, tmp_path):
    good, bad = tmp_path / "plan.yaml", tmp_path / "bad.yaml"
    good.write_text(
        MDASequence(stage_positions=[(0, 0), (1, 1)], z_plan={"range": 4, "step": 1}).yaml()
    )
    bad.write_text("[")
    sweep.repeat.load(str(good))
    assert sweep.repeat.value().z_plan is None
    assert "2 positions" in sweep.repeat.text.text()
    sweep.repeat.load(str(bad))
    assert "is no plan" in sweep.controls.message.text()
    sweep.repeat.clear.click()
    assert sweep.repeat.value() is None


def test_the_plan_editor_has_its_values(at_work, core):
    with _plan_choice.icons_without_network():
        dialog = _plan_choice.PlanDialog(at_work, core, MDASequence(stage_positions=[(0, 0)]))
    assert dialog.value().sizes["p"] == 1
    dialog.close()


@pytest.mark.binding
def test_the_runs_of_others_are_fused(at_work, core, qtbot):
    at_work.sweep.fusion["focus_measure"].value = "laplacian"
    at_work.others.box.setChecked(True)
    qtbot.waitUntil(lambda: at_work.others.job is not None)
    qtbot.wait(100)
    core.run_mda(MDASequence(z_plan={"range": 6, "step": 2}))
    layers = at_work._viewer.layers
    qtbot.waitUntil(
        lambda: [one for one in layers if "umis_fusion" in one.metadata] != [], timeout=30_000
    )
    assert layers[0].name == "acquisition all-in-focus"
    at_work.others.box.setChecked(False)
    qtbot.waitUntil(lambda: at_work.others.job is None, timeout=5000)


@pytest.mark.binding
def test_closing_while_shooting(at_work, sweep, core, qtbot, threads, tmp_path):
    sweep.plan.set_row_values({"step_um": "0.05", "settle_ms": "20.0"})
    sweep.start()
    qtbot.waitUntil(lambda: "frame" in sweep.controls.message.text(), timeout=20_000)
    job = sweep.job
    at_work.close_down()
    assert job.wait(15)
    assert not core.mda.is_running()
    assert (tmp_path / "kept" / "run_0001" / "stack.ome.zarr").is_dir()
    assert "stopped" in (tmp_path / "kept" / "run_0001" / "run.json").read_text("utf-8")


def test_a_sweep_with_channels_on_the_demo_adapters(panel, qtbot):
    from pymmcore_plus import find_micromanager

    panel.connect_form.load(Path(find_micromanager()) / "MMConfig_demo.cfg")
    qtbot.waitUntil(lambda: panel.stage.height_um is not None, timeout=20_000)
    assert "DAPI" in panel.connect_form.found.text()
    panel.camera.take()
    qtbot.waitUntil(lambda: len(panel._viewer.layers) == 1, timeout=10_000)
    panel.sweep.plan.set_row_values({"range_um": "4.0", "step_um": "2.0"})
    panel.sweep.fusion["focus_measure"].value = "laplacian"
    panel.sweep.repeat.setValue(MDASequence(channels=["DAPI", "FITC"]))
    assert panel.sweep.repeat.text.text() == "A sweep at each of 2 channels."
    panel.sweep.start()
    assert finish(qtbot, panel.sweep).startswith("Done: 2 stacks fused")
    names = [layer.name for layer in panel._viewer.layers]
    assert [name for name in names if name.endswith("all-in-focus")] == [
        "sweep 1 DAPI all-in-focus",
        "sweep 1 FITC all-in-focus",
    ]
