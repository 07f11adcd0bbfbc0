"""Export the curves of a training to a file."""

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files.write import naming_write_errors
from napari_umis_fusion.plugin.widgets import LatestJob
from napari_umis_fusion.runtime import sentence_of
from napari_umis_fusion.training import LossCurve

FILTERS = {
    "Picture (*.png)": "png",
    "Vector graphic (*.svg)": "svg",
    "Table of all numbers (*.csv)": "csv",
}


class Exporter(QObject):
    """Saves pictures at once, as Qt paints on the main thread only, and tables in a thread.

    Tables come from `LossCurve`, because pyqtgraph's exporter holds only the drawn samples.

    Parameters
    ----------
    parent : QWidget
        Owner of the dialog.
    curve : callable
        Returns the curve.
    save : callable
        Saves a file of any kind.

    Signals
    -------
    notified(str)
        The result, as a sentence.
    """

    notified = Signal(str)

    def __init__(
        self,
        parent: QWidget,
        curve: Callable[[], LossCurve],
        save: Callable[[str], Path],
    ) -> None:
        super().__init__(parent)
        self._parent, self._curve, self._save = parent, curve, save
        self._job = LatestJob(delay_ms=0)
        self._job.done.connect(self._on_saved)
        self._job.failed.connect(self._on_failed)

    @property
    def is_busy(self) -> bool:
        """Whether a table is being written."""
        return self._job.is_busy

    def open_dialog(self) -> None:
        """Open a dialog, and save to the chosen file."""
        dialog = QFileDialog(self._parent, "Export the curves")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(FILTERS))
        dialog.setDefaultSuffix(next(iter(FILTERS.values())))
        dialog.filterSelected.connect(partial(_on_filter, dialog))
        dialog.selectFile("training")
        dialog.fileSelected.connect(self.export)
        dialog.open()

    def export(self, path: str) -> None:
        """Save to a file; `notified` reports the result."""
        if Path(path).suffix.lower() == ".csv":
            if self.is_busy:
                self.notified.emit("A table is being written; export again once it is done.")
                return
            self._job.submit(partial(_iter_save, self._curve().copy(), Path(path)))
            return
        try:
            self._on_saved(self._save(path))
        except UmisFusionError as error:
            self._on_failed(error)

    def _on_saved(self, path: Path) -> None:
        self.notified.emit(f"Saved {path}.")

    def _on_failed(self, error: Exception) -> None:
        self.notified.emit(sentence_of(error))


def _on_filter(dialog: QFileDialog, chosen: str) -> None:
    dialog.setDefaultSuffix(FILTERS[chosen])


def _iter_save(curve: LossCurve, path: Path) -> Generator[Any, None, Path]:
    yield
    with naming_write_errors(path):
        curve.save_csv(path)
    return path
