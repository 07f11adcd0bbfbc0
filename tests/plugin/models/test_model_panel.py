"""The panel of models: every button, every failure, and that nothing is lost."""

import gc
import json
import weakref

import pytest
import torch
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QMessageBox

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.models.library import ModelLibrary
from napari_umis_fusion.network import PlaneRanker, UNetPlusPlus, save_checkpoint
from napari_umis_fusion.plugin.models import ModelPanel, library_changed
from napari_umis_fusion.plugin.models._table import DATE, NAME, NOTE, PSNR

pytestmark = pytest.mark.binding

HEADER = {
    "created": "2026-03-04T12:00:00+00:00",
    "parent": "plane-ranker",
    "parent_sha256": "205811f121acf475",
    "steps": 400,
    "config": {"objective": "select", "steps": 400},
    "training_data": {"training_images": 7, "sources": {"scorpion <3": 5, "moss": 2}},
    "comparison": {"baseline": "plane-ranker", "before": {"psnr": 33.5}, "after": {"psnr": 34.0}},
}
SHIPPED = ["plane-ranker", "umis-unetplusplus"]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    save_checkpoint(folder / "trained.safetensors", PlaneRanker(), HEADER)
    save_checkpoint(folder / "other.safetensors", PlaneRanker())
    torch.save(UNetPlusPlus().state_dict(), folder / "original.pth")
    (folder / "bad.pth").write_bytes(b"hello")
    return folder


@pytest.fixture
def library(tmp_path):
    return ModelLibrary(tmp_path / "models")


@pytest.fixture
def scorpion(library, sources):
    return library.add(sources / "trained.safetensors", "scorpion", "from Tuesday\nin rain")


@pytest.fixture
def panel(library, scorpion, qtbot):
    made = ModelPanel(library)
    qtbot.addWidget(made, before_close_func=lambda panel: panel.release())
    made.show()
    yield made
    qtbot.waitUntil(lambda: not made.is_busy)


@pytest.fixture
def chosen(panel, scorpion):
    panel.table.choose(scorpion.path)
    return panel


def column(panel, number):
    return [panel.table.item(row, number).text() for row in range(panel.table.rowCount())]


def enabled(panel):
    return {name for name, button in panel.buttons.items() if button.isEnabled()}


def wait(panel, qtbot):
    qtbot.waitUntil(lambda: not panel.is_busy, timeout=20_000)


def test_lists_own_models_and_those_of_the_package(panel):
    assert column(panel, NAME) == ["scorpion", *SHIPPED]
    assert column(panel, DATE) == ["2026-03-04", "", ""]
    assert column(panel, PSNR)[:2] == ["+0.50 dB", "27.9 dB"]
    assert column(panel, NOTE) == ["from Tuesday in rain", *["weights of this package"] * 2]


def test_details_of_the_chosen_one(panel, scorpion):
    assert "Select a model" in panel.details.toPlainText()
    panel.table.choose(scorpion.path)
    told = panel.details.toPlainText()
    for known in (
        "scorpion",
        "gain: +0.50 dB over plane-ranker",
        "initial weights: plane-ranker (205811f1)",
        "steps: 400",
        "trained on: 7 images: scorpion <3, moss",
        "options: steps=400",
        f"SHA-256: {scorpion.sha256}",
        str(scorpion.path),
    ):
        assert known in told


def test_a_hash_that_is_not_known_is_taken_in_the_background(library, sources, qtbot, panel):
    by_hand = library.folder / "by hand.safetensors"
    by_hand.write_bytes((sources / "other.safetensors").read_bytes())
    panel.refresh()
    panel.table.choose(by_hand)
    assert "SHA-256: …" in panel.details.toPlainText()
    wait(panel, qtbot)
    assert f"SHA-256: {library.find('by hand').sha256}" in panel.details.toPlainText()


def test_only_what_is_possible_is_offered(panel, scorpion):
    assert enabled(panel) == {"import"}
    panel.table.choose(scorpion.path)
    assert enabled(panel) == set(panel.buttons)
    panel.table.selectRow(1)
    assert panel.table.chosen().is_shipped
    assert enabled(panel) == {"use", "export", "import"}
    assert not panel.table.item(1, NAME).flags() & Qt.ItemFlag.ItemIsEditable


def test_use_tells_and_does_nothing_itself(chosen, scorpion, qtbot):
    with qtbot.waitSignal(chosen.use_requested) as asked:
        chosen.buttons["use"].click()
    assert asked.args == [scorpion]


def type_name(panel, qtbot, text):
    panel.buttons["rename"].click()
    editor = panel.table.findChild(QLineEdit)
    editor.setText(text)
    qtbot.keyClick(editor, Qt.Key.Key_Return)


def test_rename_in_place(chosen, library, scorpion, qtbot):
    with qtbot.waitSignal(library_changed):
        type_name(chosen, qtbot, "beetle")
    assert library.find("beetle").path == scorpion.path
    assert column(chosen, NAME) == ["beetle", *SHIPPED]
    assert chosen.table.chosen().name == "beetle"


@pytest.mark.parametrize(
    ("name", "text"), [("", "is empty"), ("plane-ranker", "the name of another model")]
)
def test_names_that_are_refused(chosen, library, scorpion, qtbot, name, text):
    type_name(chosen, qtbot, name)
    qtbot.waitUntil(lambda: text in chosen.message.text())
    assert column(chosen, NAME) == ["scorpion", *SHIPPED]
    assert library.models() == [scorpion]


def test_note(chosen, library, monkeypatch, qtbot):
    monkeypatch.setattr(QInputDialog, "getMultiLineText", lambda *a: (f"{a[-1]}, again", True))
    with qtbot.waitSignal(library_changed):
        chosen.buttons["note"].click()
    assert library.models()[0].note == "from Tuesday\nin rain, again"
    assert column(chosen, NOTE)[0] == "from Tuesday in rain, again"
    monkeypatch.setattr(QInputDialog, "getMultiLineText", lambda *a: ("dropped", False))
    chosen.table.cellDoubleClicked.emit(0, NOTE)
    assert library.models()[0].note == "from Tuesday\nin rain, again"


def test_import(panel, library, sources, monkeypatch, qtbot):
    path = sources / "original.pth"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (str(path), ""))
    with qtbot.waitSignal(library_changed, timeout=20_000):
        panel.buttons["import"].click()
        assert enabled(panel) == set()
        assert panel.message.text() == "importing original.pth …"
    assert panel.message.text() == "Imported as 'original'."
    assert panel.table.chosen() == library.find("original")
    assert enabled(panel) == set(panel.buttons)
    wait(panel, qtbot)
    panel.buttons["import"].click()
    wait(panel, qtbot)
    assert panel.message.text() == "These weights are in the library already, as 'original'."
    assert len(library.models()) == 2


@pytest.mark.parametrize("name", ["bad.pth", "absent.safetensors"])
def test_what_is_no_checkpoint_is_told(panel, library, sources, monkeypatch, qtbot, name):
    monkeypatch.setattr(panel, "choose_import_file", lambda: sources / name)
    panel.buttons["import"].click()
    wait(panel, qtbot)
    assert name in panel.message.text()
    assert len(library.models()) == 1
    assert enabled(panel) == {"import"}


def test_export(chosen, scorpion, tmp_path, monkeypatch, qtbot):
    target = tmp_path / "out.safetensors"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(target), ""))
    chosen.buttons["export"].click()
    assert enabled(chosen) == set()
    wait(chosen, qtbot)
    assert chosen.message.text() == f"Exported to {target}."
    assert target.read_bytes() == scorpion.path.read_bytes()


def test_an_ending_that_is_not_typed_is_that_of_the_filter(chosen, tmp_path, monkeypatch, qtbot):
    (tmp_path / "out.onnx").write_text("mine")
    asked = str(tmp_path / "out"), "ONNX (*.onnx)"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: asked)
    chosen.buttons["export"].click()
    wait(chosen, qtbot)
    assert "out.onnx: exists already" in chosen.message.text()  # the dialog asked of another name
    assert (tmp_path / "out.onnx").read_text() == "mine"


@pytest.mark.slow
def test_export_that_fails(chosen, tmp_path, monkeypatch, qtbot):
    def fail(*_, **__):
        raise CheckpointError("the package onnx is missing")

    monkeypatch.setattr("napari_umis_fusion.models.export.export_model", fail)
    monkeypatch.setattr(chosen, "choose_export_file", lambda model: (tmp_path / "out.onnx", True))
    chosen.buttons["export"].click()
    wait(chosen, qtbot)
    assert chosen.message.text() == "The package onnx is missing"
    assert enabled(chosen) == set(chosen.buttons)


def test_delete_asks(chosen, library, scorpion, monkeypatch, qtbot):
    def answer(box):
        asked.append(box.text())
        box.button(QMessageBox.StandardButton.Cancel).click()

    asked = []
    monkeypatch.setattr(QMessageBox, "exec", answer)
    chosen.buttons["delete"].click()
    assert asked == ["Delete the model 'scorpion' permanently?"]
    assert library.models() == [scorpion]
    monkeypatch.setattr(chosen, "confirm_deletion", lambda model: model == scorpion)
    with qtbot.waitSignal(library_changed):
        chosen.buttons["delete"].click()
    assert library.models() == []
    assert column(chosen, NAME) == SHIPPED
    assert chosen.message.text() == "Deleted: scorpion."
    assert enabled(chosen) == {"import"}


def test_what_was_deleted_elsewhere_is_told(chosen, library, scorpion, monkeypatch):
    monkeypatch.setattr(chosen, "confirm_deletion", lambda model: True)
    library.delete(scorpion)
    chosen.buttons["delete"].click()
    assert "does not exist any more" in chosen.message.text()
    assert column(chosen, NAME) == SHIPPED


def test_broken_files_are_told_and_hide_nothing(panel, library):
    assert panel.unreadable.isHidden()
    (library.folder / "bad.safetensors").write_bytes(b"hello")
    panel.refresh()
    assert panel.unreadable.text().startswith(
        "Files of the library that cannot be read: bad.safetensors (dam"
    )
    assert column(panel, NAME) == ["scorpion", *SHIPPED]


def test_others_changes_show(panel, library, sources, scorpion):
    panel.table.choose(scorpion.path)
    library.add(sources / "other.safetensors", "beetle")
    library_changed.emit()
    assert column(panel, NAME) == ["beetle", "scorpion", *SHIPPED]
    assert panel.table.chosen() == scorpion
    panel.hide()
    library.rename(scorpion, "spider")  # by another program: nobody tells
    panel.show()
    assert column(panel, NAME)[1] == "spider"


def test_a_damaged_json_is_not_written_over(chosen, scorpion, qtbot):
    beside = scorpion.path.with_suffix(".json")
    beside.write_text(json.dumps({"name": "scorpion"})[:-3])
    type_name(chosen, qtbot, "beetle")
    qtbot.waitUntil(lambda: "damaged, and not overwritten" in chosen.message.text())
    assert column(chosen, NAME)[0] == scorpion.path.stem


def test_a_shut_panel_listens_no_more(library, scorpion, qtbot, sources):
    panel = ModelPanel(library)
    qtbot.addWidget(panel)
    panel.release()
    library.add(sources / "other.safetensors", "beetle")
    library_changed.emit()
    assert column(panel, NAME) == ["scorpion", *SHIPPED]


def test_nothing_keeps_a_panel_alive(library, qtbot):
    panel = ModelPanel(library)
    gone = weakref.ref(panel)
    panel.deleteLater()
    del panel
    qtbot.wait(1)
    gc.collect()
    assert gone() is None
    library_changed.emit()


@pytest.mark.window
def test_fits_a_narrow_dock(viewer, library, scorpion):
    docked = ModelPanel(library)
    viewer.window.add_dock_widget(docked, name="models")
    docked.table.choose(scorpion.path)
    assert docked.minimumSizeHint().width() <= 380
    docked.release()
