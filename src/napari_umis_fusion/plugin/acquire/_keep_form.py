"""What is kept of a sweep, and where."""

from dataclasses import fields
from pathlib import Path

from qtpy.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from napari_umis_fusion.live import KeepConfig
from napari_umis_fusion.plugin.acquire._choice_names import CHOICE_NAMES
from napari_umis_fusion.plugin.widgets import ConfigForm, FolderField, QtRow, described_row


class KeepForm(QWidget):
    """Rows of a `KeepConfig`, and whether anything is kept at all."""

    def __init__(self) -> None:
        super().__init__()
        specs = {spec.name: spec for spec in fields(KeepConfig)}
        default = KeepConfig(folder=str(Path.home() / KeepConfig().folder))
        folder = QtRow(**described_row(specs["folder"]), native=FolderField())
        self.form = ConfigForm(default, rows={"folder": folder}, choice_names=CHOICE_NAMES)
        self.box = QCheckBox("keep what is taken")
        self.box.setToolTip(
            "Write all planes, the plan and the results into a folder of their own."
        )
        self.train = QPushButton("Open in training")
        self.train.setToolTip("Open the collected stacks in the widget that trains the network.")
        self.train.setEnabled(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.box, self.form, self.train):
            layout.addWidget(widget)
        self.box.toggled.connect(self.form.setEnabled)
        self.form.setEnabled(False)

    def value(self) -> KeepConfig | None:
        """Return what is kept; None for nothing.

        Raises
        ------
        ConfigError
            If the name is not accepted.
        """
        if not self.box.isChecked():
            return None
        kept: KeepConfig = self.form.value()
        return kept

    def setValue(self, keep: KeepConfig | None) -> None:  # noqa: N802
        """Show what is kept."""
        self.box.setChecked(keep is not None)
        if keep is not None:
            self.form.setValue(keep)
