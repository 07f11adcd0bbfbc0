"""The folders and files of a batch."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QPainter, QPalette
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QVBoxLayout,
    QWidget,
)

from napari_umis_fusion.files.read import BIOIO_SUFFIXES, SUFFIXES
from napari_umis_fusion.plugin.widgets import push_buttons

HEIGHT_PX = 70
HINT = "Drop folders and stack files here, or add them below."
BUTTONS = {
    "folder": (
        "Add folder…",
        "Add a folder, searched with its subfolders, or a plate of OME-Zarr.",
    ),
    "files": ("Add files…", "Add stack files, or plane images."),
    "remove": ("Remove", "Remove the selected entries from the list; no file is deleted."),
}


class _HintedList(QListWidget):
    """A list that says what it is for while it is empty."""

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Draw the entries, or the hint."""
        super().paintEvent(event)
        if self.count():
            return
        area = self.viewport()
        colour = self.palette().color(QPalette.ColorRole.Text)
        colour.setAlphaF(0.6)
        with QPainter(area) as painter:
            painter.setPen(colour)
            # Flags of two kinds, which the bindings do not join.
            centred, wrapped = Qt.AlignmentFlag.AlignCenter, Qt.TextFlag.TextWordWrap
            painter.drawText(area.rect(), centred.value | wrapped.value, HINT)


class InputList(QWidget):
    """Lists folders and files; each is there once.

    Signals
    -------
    valueChanged()
        There are other entries.
    """

    valueChanged = Signal()  # noqa: N815

    def __init__(self) -> None:
        super().__init__()
        self.list = _HintedList()
        self.setAcceptDrops(True)
        self.list.setMaximumHeight(HEIGHT_PX)
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.list.setAccessibleName("folders and files")
        self.list.setToolTip("Folders and files whose stacks are fused.")
        self.buttons = push_buttons(BUTTONS)
        actions = {
            "folder": self._on_folder,
            "files": self._on_files,
            "remove": self._on_remove,
        }
        row = QHBoxLayout()
        for name, button in self.buttons.items():
            button.clicked.connect(actions[name])
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        layout.addLayout(row)

    def value(self) -> list[str]:
        """Return the paths."""
        return [self.list.item(row).text() for row in range(self.list.count())]

    def setValue(self, paths: list[str]) -> None:  # noqa: N802
        """Show these paths."""
        self.list.clear()
        self.add(paths)

    def add(self, paths: list[str]) -> None:
        """Add paths that are not there yet."""
        known = self.value()
        self.list.addItems([path for path in dict.fromkeys(paths) if path not in known])
        self.valueChanged.emit()

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802
        """Accept folders and files that are dragged here."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:  # noqa: N802
        """Add what is dropped."""
        self.add([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    def _on_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of stacks")
        if chosen:
            self.add([str(Path(chosen))])

    def _on_files(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in (*SUFFIXES, *BIOIO_SUFFIXES))
        chosen, _ = QFileDialog.getOpenFileNames(self, "Stacks", "", f"Images ({patterns})")
        if chosen:
            self.add([str(Path(path)) for path in chosen])

    def _on_remove(self) -> None:
        for item in self.list.selectedItems():
            self.list.takeItem(self.list.row(item))
        self.valueChanged.emit()
