"""The table of a batch."""

from typing import Any

from qtpy.QtCore import QModelIndex, QSize, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QTableView

from napari_umis_fusion.plugin.batch._rows import COLUMNS, BatchRows

ICON_PX, ROW_PX, LEAST_HEIGHT_PX = 48, 52, 180
WIDTHS_PX = {"stack": 190, "planes × size": 110, "status": 70, "time": 60}


class BatchTable(QTableView):
    """Shows the rows of a batch; they keep their order.

    Signals
    -------
    opened(int)
        A row was double-clicked, or Enter was pressed on it.
    """

    opened = Signal(int)

    def __init__(self, rows: BatchRows) -> None:
        super().__init__()
        self.setModel(rows)
        self.setAccessibleName("stacks")
        self.setIconSize(QSize(ICON_PX, ICON_PX))
        self.setMinimumHeight(LEAST_HEIGHT_PX)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.horizontalHeader().setStretchLastSection(True)
        for column, name in enumerate(COLUMNS):
            if name in WIDTHS_PX:
                self.setColumnWidth(column, WIDTHS_PX[name])
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # the key leaves the table
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.doubleClicked.connect(self._on_double_click)

    def follow(self, number: int) -> None:
        """Scroll to a row, unless the user has selected one."""
        if not self.selectionModel().hasSelection():
            self.scrollTo(self.model().index(number, 0))

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Open the chosen row with the Enter key, too."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex().row())
        else:
            super().keyPressEvent(event)

    def _on_double_click(self, index: QModelIndex) -> None:
        self.opened.emit(index.row())
