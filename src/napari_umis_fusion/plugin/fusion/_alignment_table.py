"""A table of what alignment did to each plane, and why."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_umis_fusion.alignment import Alignment, PlaneMotion

COLUMNS = {
    "z": "The plane, counted from 0 as the sliders do. Select a row to see it.",
    "moved": "Whether it was put elsewhere before it was fused.",
    "rows\n(px)": "How far it lies below the reference plane.",
    "columns\n(px)": "How far it lies to the right of the reference plane.",
    "magni-\nfication": "Relative to the reference plane.",
    "turn\n(°)": "Relative to the reference plane, counter-clockwise.",
    "agreement\nbefore → after": "How like its neighbour it looks, from -1 to 1, as it was "
    "recorded and as it was put.",
    "why": "What was done with it, and why.",
}
Z, MOVED, ROWS, SHIFT_COLUMNS, MAGNIFICATION, TURN, AGREEMENT, WHY = range(len(COLUMNS))

_ROW_HEIGHT_PX, _MAX_ROWS_SHOWN = 22, 8


class AlignmentTable(QTableWidget):
    """Shows a row for each plane; it cannot be edited.

    Signals
    -------
    plane_chosen(int)
        The user has selected the row of this plane of the layer.
    """

    plane_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self._first_plane = 0
        self._filled: Alignment | None = None
        self.setHorizontalHeaderLabels(list(COLUMNS))
        for column, tip in enumerate(COLUMNS.values()):
            self.horizontalHeaderItem(column).setToolTip(tip)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT_PX)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.itemSelectionChanged.connect(self._on_selection)

    def fill(self, alignment: Alignment, first_plane: int = 0) -> None:
        """Show an alignment whose plane 0 is plane `first_plane` of the layer."""
        if alignment is self._filled and first_plane == self._first_plane:
            return
        self._filled, self._first_plane = alignment, first_plane
        self.blockSignals(True)
        self.clearSelection()
        self.setRowCount(len(alignment.planes))
        for row, motion in enumerate(alignment.planes):
            for column, text in enumerate(_cells(motion, first_plane)):
                self.setItem(row, column, _item(text, column, motion.why))
        self.blockSignals(False)
        only_shifts = alignment.model in ("none", "translation")
        for column in (MAGNIFICATION, TURN):
            self.setColumnHidden(column, only_shifts)
        self._fit_height()

    def _fit_height(self) -> None:
        """Be as high as the planes need, up to a limit; what does not fit is scrolled to."""
        rows = min(self.rowCount(), _MAX_ROWS_SHOWN) * _ROW_HEIGHT_PX
        header = self.horizontalHeader().sizeHint().height()
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(rows + header + bar + 2 * self.frameWidth())

    def _on_selection(self) -> None:
        rows = self.selectionModel().selectedRows()
        if rows:
            self.plane_chosen.emit(self._first_plane + rows[0].row())


def _cells(motion: PlaneMotion, first_plane: int) -> tuple[str, ...]:
    return (
        str(first_plane + motion.z),
        "yes" if motion.is_moved else "",
        _rounded(motion.shift_rows_px),
        _rounded(motion.shift_columns_px),
        f"{motion.scale:.4f}",
        _rounded(motion.rotation_deg),
        _agreement(motion),
        motion.why,
    )


def _rounded(number: float) -> str:
    return f"{round(number, 2) + 0.0:.2f}"  # adding 0 takes the sign from -0


def _agreement(motion: PlaneMotion) -> str:
    before, after = motion.agreement_before, motion.agreement_after
    return "" if before is None or after is None else f"{before:.2f} → {after:.2f}"


def _item(text: str, column: int, tip: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    if column != WHY:
        side = Qt.AlignmentFlag.AlignHCenter if column == MOVED else Qt.AlignmentFlag.AlignRight
        item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    item.setToolTip(tip)  # the last column is mostly out of sight
    return item
