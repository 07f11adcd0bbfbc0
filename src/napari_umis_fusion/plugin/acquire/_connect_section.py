"""Which microscope: a configuration, the one that runs already, or a simulated one."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QVBoxLayout,
    QWidget,
)

from napari_umis_fusion.live import simulated_configuration
from napari_umis_fusion.plugin.acquire._microscope import Microscope
from napari_umis_fusion.plugin.acquire._recent import recent_configurations, remember_configuration
from napari_umis_fusion.plugin.widgets import Message, let_shrink, push_buttons

NO_RECENT = "choose a configuration …"

BUTTONS = {
    "browse": ("Browse…", "Choose the configuration file of a microscope (.cfg)."),
    "load": ("Load", "Load the configuration: its devices are initialised."),
    "running": (
        "Use the running microscope",
        "Use the microscope that napari-micromanager or a script has loaded in this program.",
    ),
    "simulated": (
        "Try without a microscope",
        "Load a simulated microscope with camera, focus stage and shutter.",
    ),
}


class ConnectSection(QWidget):
    """Connects the microscope, and says what was found.

    Parameters
    ----------
    microscope : Microscope
        The microscope.
    """

    def __init__(self, microscope: Microscope) -> None:
        super().__init__()
        self._microscope = microscope
        self.recent, self.focus = QComboBox(), QComboBox()
        self.recent.setToolTip("Configurations that were loaded before, the latest first.")
        self.recent.setAccessibleName("configuration")
        let_shrink(self.recent)
        self.focus.setToolTip("Stage that focuses, if there are several.")
        self.found = Message("No microscope is connected.")
        self.buttons = push_buttons(BUTTONS)
        self._lay_out()
        self._connect()
        self._list()

    def load(self, path: str | Path) -> None:
        """Load a configuration, and remember it."""
        chosen = Path(path)

        def remember() -> None:
            if chosen != simulated_configuration():
                remember_configuration(chosen)
                self._list()

        self._microscope.load(chosen, remember)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.addWidget(self.recent, 0, 0, 1, 2)
        grid.addWidget(self.buttons["browse"], 1, 0)
        grid.addWidget(self.buttons["load"], 1, 1)
        grid.addWidget(self.buttons["running"], 2, 0, 1, 2)
        grid.addWidget(self.buttons["simulated"], 3, 0, 1, 2)
        rows = QFormLayout()
        rows.addRow("focus stage", self.focus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addWidget(self.found)
        layout.addLayout(rows)

    def _connect(self) -> None:
        self._microscope.changed.connect(self._on_changed)
        # A configuration that is loaded takes the devices away from whatever uses them.
        self._microscope.activityChanged.connect(lambda activity: self.setEnabled(not activity))
        self.focus.textActivated.connect(self._on_focus)
        self.buttons["browse"].clicked.connect(self._on_browse)
        self.buttons["load"].clicked.connect(self._on_load)
        self.buttons["running"].clicked.connect(self._microscope.take)
        self.buttons["simulated"].clicked.connect(self._on_simulated)

    def _list(self) -> None:
        self.recent.clear()
        for path in recent_configurations():
            self.recent.addItem(path.name, str(path))
            self.recent.setItemData(self.recent.count() - 1, str(path), Qt.ItemDataRole.ToolTipRole)
        if self.recent.count() == 0:
            self.recent.addItem(NO_RECENT)
        self.buttons["load"].setEnabled(self.recent.currentData() is not None)

    def _on_changed(self) -> None:
        devices = self._microscope.devices
        self.found.setText(devices.described())
        self.focus.clear()
        self.focus.addItems(devices.stages)
        self.focus.setCurrentText(devices.focus)
        self.focus.setEnabled(len(devices.stages) > 1)

    def _on_focus(self, label: str) -> None:
        core: Any = self._microscope.core
        self._microscope.ask(lambda: core.setFocusDevice(label), lambda _: self._microscope.look())

    def _on_browse(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Configuration of a microscope", "", "Configurations (*.cfg);;All files (*)"
        )
        if chosen:
            self.load(chosen)

    def _on_load(self) -> None:
        path = self.recent.currentData()
        if path is not None:
            self.load(path)

    def _on_simulated(self) -> None:
        self.load(simulated_configuration())
