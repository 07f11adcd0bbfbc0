import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel

from napari_umis_fusion.plugin.acquire._watch_section import WatchOptions, WatchSection


@pytest.fixture
def section(qtbot):
    made = WatchSection(ViewerModel())
    qtbot.addWidget(made)
    yield made
    made.release()


def test_a_stack_that_appears_is_fused_and_shown(section, qtbot, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    section.form.set_row_values(
        {"folder": source, "output": target, "complete_by": "planes", "planes": 3}
    )
    section.start()
    qtbot.waitUntil(lambda: "watching" in section.controls.message.text(), timeout=10_000)
    noise = np.random.default_rng(0).integers(0, 255, (3, 32, 48), np.uint8)
    for z, plane in enumerate(noise):
        tifffile.imwrite(source / f"p{z}.tif", plane)
    qtbot.waitUntil(lambda: len(section._viewer.layers) == 1, timeout=60_000)
    assert section._viewer.layers[0].data.shape == (32, 48)
    section.controls.buttons["stop"].click()
    qtbot.waitUntil(lambda: section.job is None, timeout=5000)
    assert section.controls.message.text() == "Stopped; 1 fused."


def test_folders_are_needed_and_differ(section, qtbot, tmp_path):
    section.start()
    assert "another one for results" in section.controls.message.text()
    section.form.set_row_values({"folder": tmp_path, "output": tmp_path})
    section.start()
    qtbot.waitUntil(lambda: section.job is None, timeout=10_000)
    assert "choose another folder" in section.controls.message.text()


@pytest.mark.parametrize(
    ("by", "rule"),
    [("pause", {"pause_s": 10.0}), ("planes", {"planes": 10}), ("marker", {"marker": "*.done"})],
)
def test_one_rule_says_when_a_stack_is_complete(by, rule):
    assert WatchOptions(complete_by=by).rule() == rule
