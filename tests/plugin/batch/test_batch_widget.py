"""The batch widget: stacks of folders, fused one after the other."""

import shlex
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from qtpy.QtCore import QMimeData, Qt, QUrl
from qtpy.QtWidgets import QApplication

from napari_umis_fusion.batch import StackWorking
from napari_umis_fusion.cli import main
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.plugin.batch import BatchWidget
from napari_umis_fusion.plugin.batch import _plates as plates
from napari_umis_fusion.plugin.batch import _widget as module
from napari_umis_fusion.synthetic import make_stack

PLANES = make_stack("bumps", (40, 48), planes=3, channels=None).stack.astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for name in ("s1", "s2", "s10"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for z, plane in enumerate(PLANES):
            tifffile.imwrite(tmp_path / "in" / name / f"z{z}.tif", plane)
    (tmp_path / "in" / "notes.txt").write_text("x")
    return tmp_path


@pytest.fixture
def widget(qtbot, folder):
    made = BatchWidget(ViewerModel())
    qtbot.addWidget(made)
    made.inputs.setValue([str(folder / "in")])
    made.output.setValue(folder / "out")
    made.fusion.setValue(FusionConfig(focus_measure="laplacian", threads=1))
    yield made
    made.close_down()


@pytest.fixture
def finish(widget, qtbot):
    def wait():
        qtbot.waitUntil(lambda: widget.job is None, timeout=60_000)

    return wait


def column(widget, number):
    rows = widget.rows
    return [rows.data(rows.index(k, number), Qt.DisplayRole) for k in range(rows.rowCount())]


def test_stacks_are_shown_fused_and_opened(widget, finish, qtbot, folder):
    widget.buttons["find"].click()
    finish()
    assert column(widget, 0)[:3] == ["s1", "s2", "s10"]
    assert column(widget, 1)[0] == "3 files"
    assert column(widget, 2) == ["waiting"] * 3 + ["left out"]
    assert not (folder / "out").exists()
    widget.controls.buttons["start"].click()
    finish()
    assert column(widget, 1)[0] == "3 × 40 × 48"
    assert column(widget, 2) == ["done"] * 3 + ["left out"]
    picture = widget.rows.data(widget.rows.index(2, 0), Qt.DecorationRole)
    assert picture.width() == 48
    widget.table.doubleClicked.emit(widget.rows.index(1, 0))
    qtbot.waitUntil(lambda: len(widget._viewer.layers) == 2, timeout=20_000)
    assert [layer.data.shape for layer in widget._viewer.layers] == [(3, 40, 48), (40, 48)]
    assert [layer.name for layer in widget._viewer.layers] == ["s2", "s2 fused"]
    widget.table.setCurrentIndex(widget.rows.index(0, 0))
    qtbot.keyClick(widget.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(widget._viewer.layers) == 4, timeout=20_000)


def test_it_stops_after_a_stack_resumes_and_retries(widget, finish, folder):
    (folder / "out").mkdir()
    (folder / "out" / "s1.ome.tif").write_bytes(b"mine")
    widget.fuse()
    widget.controls.buttons["stop"].click()
    finish()
    assert set(column(widget, 2)[:3]) - {"waiting", "done", "failed"} == set()
    widget.controls.buttons["resume"].click()
    finish()
    assert "failed" in widget.controls.message.text()
    assert "is not overwritten" in column(widget, 4)[0]
    (folder / "out" / "s1.ome.tif").unlink()
    widget.controls.buttons["retry"].click()
    finish()
    assert column(widget, 2)[:3] == ["done", "skipped", "skipped"]
    widget.controls.buttons["start"].click()
    finish()
    assert "holds a batch already" in widget.controls.message.text()


def test_it_pauses_and_is_cancelled_while_it_works(widget, finish, qtbot, monkeypatch):
    def endless(*_, **__):
        while True:
            yield StackWorking(0, "measuring", 1, 2)

    monkeypatch.setattr(plates, "iter_batch", endless)
    widget.fuse()
    widget.controls.buttons["pause"].click()
    qtbot.waitUntil(lambda: widget.job.is_resting, timeout=10_000)
    widget.controls.buttons["pause"].click()
    widget.controls.buttons["cancel"].click()
    finish()
    assert "Cancelled" in widget.controls.message.text()


def test_what_is_missing_is_said(widget):
    widget.output.setValue("")
    widget.fuse()
    assert widget.controls.message.text() == "Choose a folder for results."
    widget.inputs.setValue([])
    empty = widget.inputs.list.grab().toImage()
    inside = product(range(5, empty.width() - 5), range(5, empty.height() - 5))
    assert len({empty.pixel(*place) for place in inside}) > 1  # a hint
    widget.buttons["copy"].click()
    assert "add a folder" in widget.controls.message.text()


def test_dropped_folders_are_added_once(widget, folder):
    dropped = QMimeData()
    dropped.setUrls([QUrl.fromLocalFile(str(folder / name)) for name in ("in", "more")])
    event = SimpleNamespace(mimeData=lambda: dropped, acceptProposedAction=lambda: None)
    widget.inputs.dragEnterEvent(event)
    widget.inputs.dropEvent(event)
    assert widget.inputs.value() == [str(folder / "in"), str(folder / "more")]
    widget.inputs.list.item(0).setSelected(True)
    widget.inputs.buttons["remove"].click()
    assert widget.inputs.value() == [str(folder / "more")]


def test_the_copied_command_does_the_same(widget, folder):
    widget.options.set_row_values({"index_map": True, "group_by": "count", "planes": 3})
    widget.buttons["copy"].click()
    command = QApplication.clipboard().text()
    assert main(shlex.split(command)[1:]) == 0
    assert (folder / "out" / "s10_index.ome.tif").exists()


def test_options_of_the_fusion_widget_are_used(widget, monkeypatch):
    wanted = FusionConfig(focus_measure="tenengrad", window_sigma_px=7.0)
    monkeypatch.setattr(module, "fusion_options", lambda viewer: wanted)
    widget.buttons["same"].click()
    assert widget.fusion.value() == wanted
    monkeypatch.setattr(module, "fusion_options", lambda viewer: None)
    widget.buttons["same"].click()
    assert "Open Fuse z-stack first" in widget.controls.message.text()
