"""What the widget shows where the packages for microscopes are not installed."""

from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from napari_umis_fusion.plugin.widgets import Message
from napari_umis_fusion.runtime import install_command

INSTALL = install_command("live")


class MissingExtra(QWidget):
    """Says what to install, and copies the command."""

    def __init__(self) -> None:
        super().__init__()
        self.text = Message(
            "Microscopes are reached by pymmcore-plus, which is not installed in this "
            f"environment. Install it with\n\n{INSTALL}\n\nand start napari again."
        )
        self.copy = QPushButton("Copy the command")
        self.copy.setToolTip("Copy the command that installs it.")
        self.copy.clicked.connect(self._on_copy)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(self.copy)
        layout.addStretch()

    def _on_copy(self) -> None:
        QApplication.clipboard().setText(INSTALL)
        self.copy.setText("Copied")
