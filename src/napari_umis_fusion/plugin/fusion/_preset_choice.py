"""A combo box of presets by specimen, with buttons to save and open your own."""

import warnings
from collections.abc import Sequence
from typing import Any, Protocol

from qtpy.QtCore import Qt, Signal, SignalInstance
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QPushButton,
    QWidget,
)

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, UmisFusionError
from napari_umis_fusion.plugin.widgets import let_shrink
from napari_umis_fusion.presets import (
    PRESETS,
    Preset,
    load_preset,
    preset_of,
    save_preset,
    saved_presets,
)
from napari_umis_fusion.runtime import sentence_of

DEFAULT_PRESET = Preset(
    "default", "Most stacks.", "What this package recommends where nothing is known."
)
OWN = "custom"

_FILTER = "Presets (*.json)"


class ConfigWidget(Protocol):
    """A widget that shows a config."""

    valueChanged: SignalInstance  # noqa: N815

    def value(self) -> FusionConfig:
        """Return the config; raises `ConfigError` if there is none."""

    def setValue(self, config: FusionConfig) -> None:  # noqa: N802
        """Show a config."""


class PresetChoice(QWidget):
    """Shows which preset the options of a widget are, and sets them to another.

    Parameters
    ----------
    owner : ConfigWidget
        The widget with the options.

    Signals
    -------
    notified(str)
        What was saved, or why a preset cannot be used.
    """

    notified = Signal(str)

    def __init__(self, owner: ConfigWidget) -> None:
        super().__init__()
        self._owner, self._opened = owner, dict[str, Preset]()
        self.box, self.save, self.open = QComboBox(), QPushButton("Save…"), QPushButton("Open…")
        let_shrink(self.box)
        self.box.setAccessibleName("preset")
        self.save.setToolTip("Save the options below as a preset of your own.")
        self.open.setToolTip("Open a preset file that somebody saved.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("preset"))
        row.addWidget(self.box, 1)
        row.addWidget(self.save)
        row.addWidget(self.open)
        self.box.activated.connect(self._on_activated)
        self.save.clicked.connect(self._on_save)
        self.open.clicked.connect(self._on_open)
        owner.valueChanged.connect(self.refresh)
        self.refresh()

    def presets(self) -> list[Preset]:
        """Return all presets: of this package, saved, opened."""
        with warnings.catch_warnings():  # the message line names what cannot be read
            warnings.simplefilter("ignore")
            saved = saved_presets()
        known = {one.name: one for one in (DEFAULT_PRESET, *PRESETS.values(), *saved)}
        return list({**self._opened, **known}.values())

    def refresh(self) -> None:
        """Select the preset that has the owner's options; "custom" if none has."""
        presets = self.presets()
        try:
            chosen = preset_of(self._owner.value(), presets)
        except ConfigError:  # a row holds no valid number yet
            chosen = None
        self._fill(presets, OWN if chosen is None else chosen.name)

    def choose(self, preset: Preset) -> None:
        """Set the owner's options, except those of stack and machine."""
        try:
            self._owner.setValue(preset.apply_to(self._owner.value()))
        except ConfigError as error:
            self.notified.emit(sentence_of(error))
        self.refresh()

    def _fill(self, presets: Sequence[Preset], chosen: str) -> None:
        names = [one.name for one in presets]
        texts = [_tooltip(one) for one in presets]
        if chosen == OWN:
            names, texts = [*names, OWN], [*texts, "The options below, changed by you."]
        if names != [self.box.itemText(k) for k in range(self.box.count())]:
            self.box.clear()
            self.box.addItems(names)
        for k, text in enumerate(texts):
            self.box.setItemData(k, text, Qt.ItemDataRole.ToolTipRole)
        self.box.setCurrentIndex(names.index(chosen))
        self.box.setToolTip(texts[names.index(chosen)])

    def _on_activated(self, index: int) -> None:
        name = self.box.itemText(index)
        for preset in self.presets():
            if preset.name == name:
                self.choose(preset)

    def _on_save(self) -> None:
        name, is_given = QInputDialog.getText(self, "Save preset", "Name of the preset:")
        if is_given:
            self._try(lambda: self._save(name))

    def _save(self, name: str) -> None:
        path = save_preset(Preset.of(self._owner.value(), name.strip()))
        self.notified.emit(f"Saved as {path}. Copy this file to share the preset.")
        self.refresh()

    def _on_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open preset", "", _FILTER)
        if path:
            self._try(lambda: self._open(path))

    def _open(self, path: str) -> None:
        preset = load_preset(path)
        self._opened[preset.name] = preset
        self.choose(preset)

    def _try(self, action: Any) -> None:
        try:
            action()
        except (UmisFusionError, OSError) as error:
            self.notified.emit(sentence_of(error))


def _tooltip(preset: Preset) -> str:
    """Return specimen and reason."""
    return "\n".join(filter(None, (preset.specimen, preset.reason)))
