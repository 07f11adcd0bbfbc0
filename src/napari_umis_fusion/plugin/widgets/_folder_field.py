"""A folder as text, with a button that chooses one."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget


class FolderField(QWidget):
    """A field for the path of a folder; empty while none is chosen.

    Signals
    -------
    valueChanged()
        There is another path.
    """

    valueChanged = Signal()  # noqa: N815

    def __init__(self) -> None:
        super().__init__()
        self.line, self.browse = QLineEdit(), QPushButton("Choose…")
        self.browse.setToolTip("Choose a folder.")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.browse)
        self.line.textChanged.connect(lambda _: self.valueChanged.emit())
        self.browse.clicked.connect(self._on_browse)

    def value(self) -> str:
        """Return the path."""
        return str(self.line.text().strip())

    def setValue(self, path: object) -> None:  # noqa: N802
        """Show a path."""
        self.line.setText(str(path))

    def setAccessibleName(self, name: str) -> None:  # noqa: N802
        """Name the field for screen readers."""
        self.line.setAccessibleName(name)

    def _on_browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder", self.value())
        if chosen:
            self.setValue(chosen)
