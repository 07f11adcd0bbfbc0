"""The combo box of presets follows the options, and sets them."""

import pytest
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QInputDialog

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.plugin.fusion._preset_choice import OWN, PresetChoice
from napari_umis_fusion.presets import PRESETS, Preset, find_preset, save_preset


class Owner(QObject):
    """What the widget is to the combo box."""

    valueChanged = Signal()  # noqa: N815

    def __init__(self):
        super().__init__()
        self.config = FusionConfig()

    def value(self):
        if self.config is None:
            raise ConfigError("window is 'x'; accepted is a number.")
        return self.config

    def setValue(self, config):  # noqa: N802
        self.config = config
        self.valueChanged.emit()


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def choice(owner, qtbot):
    made = PresetChoice(owner)
    qtbot.addWidget(made)
    return made


def select(choice, name):
    index = choice.box.findText(name)
    assert index >= 0
    choice.box.setCurrentIndex(index)
    choice.box.activated.emit(index)


@pytest.mark.binding
def test_each_preset_sets_its_options_and_tells_its_reason(choice, owner):
    owner.setValue(FusionConfig(channel=1, threads=2))
    assert choice.box.currentText() == "default"
    for name, preset in PRESETS.items():
        select(choice, name)
        assert preset.is_of(owner.config)
        assert (owner.config.channel, owner.config.threads) == (1, 2)
        assert choice.box.currentText() == name
        assert preset.reason in choice.box.toolTip()
    select(choice, "default")
    assert owner.config == FusionConfig(channel=1, threads=2)


def test_changed_options_are_custom(choice, owner):
    owner.setValue(FusionConfig(seam_smoothness=3.0))
    assert choice.box.currentText() == OWN
    owner.setValue(PRESETS["macro"].config())
    assert choice.box.currentText() == "macro"
    assert choice.box.findText(OWN) < 0
    owner.config = None
    owner.valueChanged.emit()
    assert choice.box.currentText() == OWN


@pytest.mark.binding
def test_saved_and_opened(choice, owner, tmp_path, monkeypatch):
    said = []
    choice.notified.connect(said.append)
    owner.setValue(FusionConfig(blend="select"))
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: (" mine ", True))
    choice.save.click()
    assert find_preset("mine").options == {"blend": "select"}
    assert "Saved as" in said[-1]
    assert choice.box.currentText() == "mine"
    choice.save.click()
    assert "exists" in said[-1]
    path = save_preset(Preset("theirs", options={"align": "auto"}), tmp_path / "theirs.json")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    choice.open.click()
    assert owner.config == FusionConfig(align="auto")
    assert choice.box.currentText() == "theirs"
    path.write_text("{", "utf-8")
    choice.open.click()
    assert "theirs.json" in said[-1]


def test_cancelled_dialogs_change_nothing(choice, owner, monkeypatch):
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("", False))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    choice.save.click()
    choice.open.click()
    assert owner.config == FusionConfig()


def test_in_the_widget(widget):
    widget.preset.choose(PRESETS["macro"])
    value = widget.value()
    assert (value.align, value.light, value.islands) == ("similarity", "output", "keep")
    assert widget.preset.box.currentText() == "macro"
    widget.alignment.rows["light"].value = "none"
    assert widget.preset.box.currentText() == OWN
