"""A button that copies a Python script of the fusion that is set up."""

from collections.abc import Callable

from qtpy.QtWidgets import QApplication, QPushButton

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.runtime import sentence_of


class CopyButton(QPushButton):
    """Copies a script to the clipboard, and says so.

    Parameters
    ----------
    script : callable
        Returns the script; may raise an error of the package.
    tell : callable
        Shows a sentence.
    """

    def __init__(self, script: Callable[[], str], tell: Callable[[str], None]) -> None:
        super().__init__("Copy as Python")
        self._script, self._tell = script, tell
        self.setToolTip("Copy a Python script that repeats this fusion outside napari.")
        self.clicked.connect(self._on_clicked)

    def _on_clicked(self) -> None:
        try:
            script = self._script()
        except UmisFusionError as error:
            self._tell(sentence_of(error))
            return
        QApplication.clipboard().setText(script)
        self._tell("Copied. Paste it into a file and run it with Python.")
