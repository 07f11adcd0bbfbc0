"""The buttons that add ways to fuse to the table, and remove them."""

import warnings
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QGridLayout, QMenu, QWidget

from napari_umis_fusion.compare import Candidate
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.plugin.commands import fusion_options
from napari_umis_fusion.plugin.fusion import DEFAULT_PRESET
from napari_umis_fusion.plugin.widgets import push_buttons
from napari_umis_fusion.presets import PRESETS, saved_presets
from napari_umis_fusion.runtime import sentence_of

FORM = "as in Fuse z-stack"
NOT_OPEN = "Open Fuse z-stack first, and set its options there."
BUTTONS = {
    "preset": ("Add preset", "Add the default options, a preset of this package, or your own."),
    "form": ("Add form", "Add all options that the widget Fuse z-stack shows now."),
    "file": ("Open…", "Add presets from files that somebody saved."),
    "remove": ("Remove", "Remove the selected ways, with their images."),
}


class WayButtons(QWidget):
    """Asks which ways are to be compared.

    Parameters
    ----------
    viewer : napari viewer
        Viewer whose fusion widget has the options.

    Signals
    -------
    added(object)
        A list of what `candidates_of` takes.
    removed()
        The selected ways are to be removed.
    notified(str)
        Why nothing was added.
    """

    added = Signal(object)
    removed = Signal()
    notified = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self.fill_menu)
        self.buttons = push_buttons(BUTTONS)
        actions: dict[str, Any] = {
            "form": self.add_form,
            "file": self._on_files,
            "remove": self.removed.emit,
        }
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for place, (name, button) in enumerate(self.buttons.items()):
            if name in actions:
                button.clicked.connect(lambda _=False, act=actions[name]: act())
            grid.addWidget(button, 0, place)
        self.buttons["preset"].setMenu(self.menu)

    def fill_menu(self) -> None:
        """List all presets anew: your own may have changed."""
        with warnings.catch_warnings():  # Fuse z-stack names what cannot be read
            warnings.simplefilter("ignore")
            saved = saved_presets()
        self.menu.clear()
        for preset in (DEFAULT_PRESET, *PRESETS.values(), *saved):
            action = self.menu.addAction(preset.name)
            action.setToolTip("\n".join(filter(None, (preset.specimen, preset.reason))))
            action.triggered.connect(lambda _=False, one=preset: self.added.emit([one]))
        self.menu.addSeparator()
        every = [DEFAULT_PRESET, *PRESETS.values()]
        self.menu.addAction("all of this package", lambda: self.added.emit(every))

    def add_form(self) -> None:
        """Add the options of the fusion widget."""
        try:
            config = fusion_options(self._viewer)
        except UmisFusionError as error:
            self.notified.emit(sentence_of(error))
            return
        if config is None:
            self.notified.emit(NOT_OPEN)
        else:
            self.added.emit([Candidate(FORM, config)])

    def add_files(self, paths: list[str]) -> None:
        """Add presets in files."""
        self.added.emit(paths)

    def _on_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Open presets", "", "Presets (*.json)")
        if paths:
            self.add_files(paths)
