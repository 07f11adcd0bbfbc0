"""A table to read, with a row for each plane."""

from collections.abc import Mapping, Sequence

from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

_ROW_HEIGHT_PX, _MAX_ROWS_SHOWN = 22, 8


class RowTable(QTableWidget):
    """Shows rows of which one can be selected; read-only.

    Parameters
    ----------
    title : str
        What screen readers call it.
    columns : mapping of str to str
        Titles of the columns, with their tooltips.
    """

    def __init__(self, title: str, columns: Mapping[str, str]) -> None:
        super().__init__(0, len(columns))
        self.setHorizontalHeaderLabels(list(columns))
        for column, tip in enumerate(columns.values()):
            self.horizontalHeaderItem(column).setToolTip(tip)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT_PX)
        self.setShowGrid(False)
        self.setAccessibleName(title)
        self.setTabKeyNavigation(False)  # the key leaves the table
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)

    def show_rows(self, rows: Sequence[Sequence[QTableWidgetItem]]) -> None:
        """Show these rows instead of the previous ones; none of them is selected."""
        self.blockSignals(True)  # clearing the selection is no choice of the user
        self.clearSelection()
        self.setRowCount(len(rows))
        for number, items in enumerate(rows):
            for column, item in enumerate(items):
                self.setItem(number, column, item)
        self.blockSignals(False)

    def fit_height(self) -> None:
        """Set the height for all rows, up to a limit above which the table scrolls."""
        rows = min(self.rowCount(), _MAX_ROWS_SHOWN) * _ROW_HEIGHT_PX
        header = self.horizontalHeader().sizeHint().height()
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(rows + header + bar + 2 * self.frameWidth())

    def selected_row(self) -> int | None:
        """Return the number of the selected row, or None."""
        rows = self.selectionModel().selectedRows()
        return int(rows[0].row()) if rows else None
