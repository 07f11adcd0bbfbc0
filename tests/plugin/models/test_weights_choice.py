"""The row of weights: what it offers, and that it follows the library."""

import gc
import io
import weakref

import numpy as np
import pytest
import torch

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.models.library import ModelLibrary, shipped_models
from napari_umis_fusion.network import PlaneRanker, UNetPlusPlus, save_checkpoint
from napari_umis_fusion.plugin.fusion._method_form import MethodForm
from napari_umis_fusion.plugin.models import library_changed
from napari_umis_fusion.plugin.models._weights_choice import FROM_FILE, OF_PACKAGE, WeightsChoice

pytestmark = pytest.mark.binding

HEADER = {"created": "2026-03-04T12:00:00+00:00", "scores": {"psnr": 31.25}}


@pytest.fixture(scope="module")
def rankers(tmp_path_factory):
    """Save weights of two rankers and of a UMIS network."""
    folder = tmp_path_factory.mktemp("weights")
    save_checkpoint(folder / "ranker.safetensors", PlaneRanker(), HEADER)
    save_checkpoint(folder / "other.safetensors", PlaneRanker())
    torch.save(UNetPlusPlus().state_dict(), folder / "original.pth")
    return folder


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.setenv("UMIS_FUSION_MODELS", str(tmp_path / "models"))
    return ModelLibrary()


@pytest.fixture
def scorpion(library, rankers):
    return library.add(rankers / "ranker.safetensors", "scorpion", "from Tuesday")


@pytest.fixture
def umis(library, rankers):
    return library.add(rankers / "original.pth", "published")


@pytest.fixture
def choice(scorpion, umis, qtbot):
    made = WeightsChoice()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def form(scorpion, umis, qtbot):
    made = MethodForm()
    qtbot.addWidget(made)
    return made


def texts(choice):
    return [choice.itemText(index) for index in range(choice.count())]


def pick(choice, text):
    """Do what a click on an entry does."""
    choice.setCurrentIndex(choice.findText(text))
    choice.activated.emit(choice.findText(text))


def test_offers_what_the_measure_can_use(choice):
    assert texts(choice) == [OF_PACKAGE, "scorpion", FROM_FILE]
    assert (choice.value(), choice.currentText()) == (None, OF_PACKAGE)
    choice.show_measure("umis")
    assert texts(choice) == [OF_PACKAGE, "published", FROM_FILE]


def test_what_is_known_shows_as_a_tooltip(choice, scorpion):
    from qtpy.QtCore import Qt

    told = choice.itemData(1, Qt.ItemDataRole.ToolTipRole)
    assert told.splitlines() == [
        "2026-03-04, 31.2 dB",
        "from Tuesday",
        f"SHA-256 {scorpion.sha256[:8]}",
    ]


def test_choosing_a_model(choice, scorpion, qtbot):
    with qtbot.waitSignal(choice.valueChanged):
        pick(choice, "scorpion")
    assert choice.value() == str(scorpion.path)
    with qtbot.assertNotEmitted(choice.valueChanged):
        pick(choice, "scorpion")


def test_each_measure_keeps_its_choice(choice, scorpion, umis):
    choice.setValue(str(scorpion.path))
    choice.show_measure("umis")
    assert choice.value() is None
    choice.setValue(str(umis.path))
    choice.show_measure("learned")
    assert (choice.value(), choice.currentText()) == (str(scorpion.path), "scorpion")


def test_a_file_is_asked_for_and_becomes_an_entry(form, rankers, monkeypatch, qtbot):
    other = str(rankers / "other.safetensors")
    monkeypatch.setattr(form.weights, "choose_file", lambda: other)
    pick(form.weights, FROM_FILE)
    qtbot.waitUntil(lambda: form.value() == FusionConfig(checkpoint=other), timeout=10_000)
    assert texts(form.weights) == [OF_PACKAGE, "scorpion", "other.safetensors", FROM_FILE]
    pick(form.weights, OF_PACKAGE)
    assert form.value() == FusionConfig()
    assert "other.safetensors" in texts(form.weights)


def test_no_file_leaves_all_as_it_was(form, scorpion, monkeypatch):
    pick(form.weights, "scorpion")
    monkeypatch.setattr(form.weights, "choose_file", lambda: "")
    pick(form.weights, FROM_FILE)
    assert form.weights.currentText() == "scorpion"
    assert form.value().checkpoint == str(scorpion.path)


def test_a_file_brings_its_focus_measure(form, rankers, monkeypatch, qtbot):
    path = str(rankers / "original.pth")
    monkeypatch.setattr(form.weights, "choose_file", lambda: path)
    pick(form.weights, FROM_FILE)
    qtbot.waitUntil(lambda: form.value() == FusionConfig("umis", checkpoint=path), timeout=10_000)


def wrong_files():
    import torch
    from safetensors.numpy import save

    net = {"layer.weight": torch.zeros(3, 3)}
    saved = io.BytesIO()
    torch.save(net, saved)
    return {
        "bad.safetensors": b"hello",
        "text.pth": b"these are no weights",
        "others.pth": saved.getvalue(),
        "others.safetensors": save({"layer.weight": np.zeros((3, 3), np.float32)}),
    }


@pytest.mark.parametrize("name", wrong_files())
def test_a_wrong_file_is_refused_when_it_is_chosen(form, tmp_path, monkeypatch, qtbot, name):
    bad = tmp_path / name
    bad.write_bytes(wrong_files()[name])
    monkeypatch.setattr(form.weights, "choose_file", lambda: str(bad))
    told = []
    form.weights.notified.connect(told.append)
    pick(form.weights, FROM_FILE)
    qtbot.waitUntil(lambda: len(told) == 2, timeout=10_000)
    assert told[0] == f"Reading {name} …"
    assert f"{name}: " in told[1]
    assert told[1].endswith(". The weights stay as they were.")
    assert form.value() == FusionConfig()


@pytest.mark.parametrize(
    "config",
    [
        FusionConfig(checkpoint="relative/mine.safetensors"),
        FusionConfig("umis", checkpoint="/weights/mine.pth"),
        FusionConfig("umis"),
    ],
)
def test_any_path_is_kept_as_it_was_given(form, config):
    form.setValue(FusionConfig(checkpoint="/weights/before.safetensors"))
    form.setValue(config)
    assert form.value() == config


def test_weights_of_the_package_need_no_path(form):
    ranker, umis = shipped_models()
    assert form.use_weights(umis.path) == "umis"
    assert form.value() == FusionConfig("umis")
    assert form.use_weights(ranker.path) == "learned"
    assert form.value() == FusionConfig()


def test_a_new_model_is_offered_at_once(choice, library, rankers, scorpion):
    choice.setValue(str(scorpion.path))
    library.add(rankers / "other.safetensors", "beetle")
    library_changed.emit()
    assert texts(choice) == [OF_PACKAGE, "beetle", "scorpion", FROM_FILE]
    assert choice.currentText() == "scorpion"
    library.rename(scorpion, "spider")
    library_changed.emit()
    assert (choice.currentText(), choice.value()) == ("spider", str(scorpion.path))


def test_deleted_weights_are_never_swapped_for_others(choice, library, scorpion, qtbot):
    choice.setValue(str(scorpion.path))
    library.delete(scorpion)
    with qtbot.assertNotEmitted(choice.valueChanged):
        library_changed.emit()
    assert (choice.currentText(), choice.value()) == ("scorpion (missing)", str(scorpion.path))
    choice.setValue(None)
    assert texts(choice) == [OF_PACKAGE, FROM_FILE]


def test_a_model_may_be_called_like_an_entry(choice, library, rankers):
    other = library.add(rankers / "other.safetensors", OF_PACKAGE)
    library_changed.emit()
    assert texts(choice) == [OF_PACKAGE, OF_PACKAGE, "scorpion", FROM_FILE]
    choice.setCurrentIndex(1)
    choice.activated.emit(1)
    assert (choice.value(), choice.currentIndex()) == (str(other.path), 1)


def test_a_shut_widget_listens_no_more(form, library, rankers):
    before = texts(form.weights)
    form.release()
    library.add(rankers / "other.safetensors", "beetle")
    library_changed.emit()
    assert texts(form.weights) == before


def test_the_library_keeps_no_widget_alive(library, qtbot):
    made = WeightsChoice()
    made.deleteLater()
    gone = weakref.ref(made)
    del made
    qtbot.wait(1)
    gc.collect()
    assert gone() is None
    library_changed.emit()


def test_use_a_model_in_the_fusion_widget(scorpion, umis, viewer, widget):
    library_changed.emit()
    assert widget.value().focus_measure == "laplacian"
    widget.use_model(scorpion.path)
    assert widget.value() == FusionConfig(checkpoint=str(scorpion.path))
    assert "'scorpion'" in widget.controls.message.text()
    assert "'learned'" in widget.controls.message.text()
    widget.use_model(umis.path)
    assert widget.value() == FusionConfig("umis", checkpoint=str(umis.path))


def test_what_cannot_be_used_is_told(viewer, widget, tmp_path):
    before = widget.value()
    widget.use_model(tmp_path / "absent.safetensors")
    assert widget.value() == before
    assert "absent.safetensors: cannot be read" in widget.controls.message.text()


def test_fusing_with_a_model_of_the_library(scorpion, viewer, widget, stack_layer, fuse):
    widget.use_model(scorpion.path)
    fuse()
    about = viewer.layers["beads all-in-focus"].metadata["umis_fusion"]
    assert about["config"]["checkpoint"] == str(scorpion.path)
    assert scorpion.sha256 in str(about)
