"""A table of the planes that the last fusion found to be unsound."""

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_umis_fusion.layers import CheckedStack
from napari_umis_fusion.preprocess.health import found_and_done

HINT = "Planes that are blank, torn, exposed otherwise or speckled are listed here after a fusion."

COLUMNS = {
    "stack": "Which of several stacks.",
    "z": "Index of the plane, counted from 0 as on the slider. Select a row to show the plane.",
    "found": "What is unusual about the plane.",
    "done": "What the fusion made of it.",
}
STACK, Z, FOUND, DONE = range(len(COLUMNS))

_ROW_HEIGHT_PX, _MAX_ROWS_SHOWN = 22, 8


class PlaneTable(QWidget):
    """Shows one row for each plane with findings; read-only.

    Signals
    -------
    plane_chosen(int)
        The user has selected the row of this plane of the layer.
    """

    plane_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.message, self.table = QLabel(HINT), QTableWidget(0, len(COLUMNS))
        self.message.setWordWrap(True)
        table = self.table
        table.setHorizontalHeaderLabels(list(COLUMNS))
        for column, tip in enumerate(COLUMNS.values()):
            table.horizontalHeaderItem(column).setToolTip(tip)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT_PX)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        table.itemSelectionChanged.connect(self._on_selection)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.message)
        layout.addWidget(table)
        table.hide()

    def fill(self, stacks: Sequence[CheckedStack]) -> None:
        """Show what was found of the planes of some stacks."""
        rows = [
            (stack.name, str(one.z), *found_and_done(one, copies=stack.copies))
            for stack in stacks
            for one in stack.planes
            if one.has_news
        ]
        self.table.blockSignals(True)  # clearing the selection is no choice of the user
        self.table.clearSelection()
        self.table.setRowCount(len(rows))
        for number, cells in enumerate(rows):
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(number, column, item)
        self.table.blockSignals(False)
        self.table.setColumnHidden(STACK, len(stacks) < 2)
        self.table.setVisible(bool(rows))
        self.message.setText("" if rows else "All planes of the last fusion are sound.")
        self.message.setVisible(not rows)
        self._fit_height()

    def _fit_height(self) -> None:
        """Set the height for all rows, up to a limit above which the table scrolls."""
        rows = min(self.table.rowCount(), _MAX_ROWS_SHOWN) * _ROW_HEIGHT_PX
        header = self.table.horizontalHeader().sizeHint().height()
        bar = self.table.horizontalScrollBar().sizeHint().height()
        self.table.setFixedHeight(rows + header + bar + 2 * self.table.frameWidth())

    def _on_selection(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows:
            self.plane_chosen.emit(int(self.table.item(rows[0].row(), Z).text()))
