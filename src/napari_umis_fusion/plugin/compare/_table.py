"""The table of a comparison."""

from qtpy.QtCore import QItemSelectionModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_umis_fusion.plugin.compare._rows import CompareRows

ROW_PX, LEAST_HEIGHT_PX = 22, 190


class CompareTable(QTableView):
    """Shows the rows of a comparison, which sort by a click on a title.

    Signals
    -------
    chosen(str)
        The user has selected the row of this way.
    """

    chosen = Signal(str)

    def __init__(self, rows: CompareRows) -> None:
        super().__init__()
        self._rows, self._selected = rows, ""
        self.setModel(rows)
        self.setMinimumHeight(LEAST_HEIGHT_PX)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.setShowGrid(False)
        self.setAccessibleName("ways to fuse")
        self.setTabKeyNavigation(False)  # the key leaves the table
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        rows.modelReset.connect(self._on_reset)
        self.selectionModel().currentRowChanged.connect(self._on_current)

    def selected(self) -> list[str]:
        """Return the names of the selected ways."""
        return [self._rows.name_at(one.row()) for one in self.selectionModel().selectedRows()]

    def select(self, name: str) -> None:
        """Select the row of a way, as the user would."""
        self.selectRow(self._rows.row_of(name))

    def _on_current(self, current: object) -> None:
        row = current.row()  # type: ignore[attr-defined]
        if row >= 0:
            self._selected = self._rows.name_at(row)
            self.chosen.emit(self._selected)

    def _on_reset(self) -> None:
        """Keep the selected way, wherever its row is now."""
        names = [one.name for one in self._rows.candidates]
        if self._selected not in names:
            return
        index = self._rows.index(self._rows.row_of(self._selected), 0)
        flags = QItemSelectionModel.SelectionFlag
        model = self.selectionModel()
        model.blockSignals(True)  # the user has chosen nothing
        model.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        model.blockSignals(False)
        self.viewport().update()
