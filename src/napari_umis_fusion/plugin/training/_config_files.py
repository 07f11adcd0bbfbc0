"""Save and load the config of a training, and copy it as a script."""

from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.plugin.widgets import file_to_write
from napari_umis_fusion.runtime import failure_reason, sentence_of
from napari_umis_fusion.training import TrainingConfig
from napari_umis_fusion.training.session import load_config, save_config

_FILTER = "Training config (*.json)"


class ConfigFiles(QWidget):
    """Buttons to copy a script, and to save and load the config.

    Parameters
    ----------
    describe : callable
        Returns the config.
    script : callable
        Returns the script.

    Signals
    -------
    loaded(object)
        The `TrainingConfig` of a file.
    notified(str)
        What was done, or why it failed.
    """

    loaded = Signal(object)
    notified = Signal(str)

    def __init__(self, describe: Callable[[], TrainingConfig], script: Callable[[], str]) -> None:
        super().__init__()
        self._describe, self._script = describe, script
        self.copy = QPushButton("Copy as Python")
        self.save, self.load = QPushButton("Save config…"), QPushButton("Load config…")
        self.copy.setToolTip("Copy a Python script that repeats this training outside napari.")
        self.save.setToolTip(
            "Save the options as JSON, for later, for scripts or for umis-fusion train --config."
        )
        self.load.setToolTip("Load options that were saved as JSON.")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button, slot in (
            (self.copy, self._on_copy),
            (self.save, self._on_save),
            (self.load, self._on_load),
        ):
            layout.addWidget(button)
            button.clicked.connect(slot)

    def choose_save_file(self) -> Path | None:
        """Open a dialog for the file to save."""
        path, _ = QFileDialog.getSaveFileName(self, "Save config", "training.json", _FILTER)
        return Path(path) if path else None

    def choose_load_file(self) -> Path | None:
        """Open a dialog for the file to load."""
        path, _ = QFileDialog.getOpenFileName(self, "Load config", "", _FILTER)
        return Path(path) if path else None

    def _on_copy(self) -> None:
        try:
            QApplication.clipboard().setText(self._script())
        except UmisFusionError as error:
            self.notified.emit(sentence_of(error))
            return
        self.notified.emit("Copied. Paste it into a file and run it with Python.")

    def _on_save(self) -> None:
        path = self.choose_save_file()
        if path is None:
            return
        try:
            self.notified.emit(
                f"Saved as {save_config(file_to_write(path, '.json'), self._describe())}."
            )
        except (UmisFusionError, OSError) as error:
            self.notified.emit(f"Not saved: {failure_reason(error)}")

    def _on_load(self) -> None:
        path = self.choose_load_file()
        if path is None:
            return
        try:
            self.loaded.emit(load_config(path))
        except UmisFusionError as error:
            self.notified.emit(sentence_of(error))
        else:
            self.notified.emit(f"Loaded from {path.name}.")


def default_result_name(names: Sequence[str], day: str) -> str:
    """Return the default name of a result, from its data: "scorpion and 2 more, 2026-05-01"."""
    if not names:
        return f"training, {day}"
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}, {day}"
