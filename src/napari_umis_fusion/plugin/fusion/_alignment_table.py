"""A table of the transform of each plane, and the reason for it."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QTableWidgetItem

from napari_umis_fusion.alignment import Alignment, PlaneMotion
from napari_umis_fusion.plugin.fusion._row_table import RowTable

COLUMNS = {
    "z": "Index of the plane, counted from 0 as on the slider. Select a row to show the plane.",
    "moved": "Whether the plane was moved before fusion.",
    "rows\n(px)": "Shift down relative to the reference plane.",
    "columns\n(px)": "Shift to the right relative to the reference plane.",
    "magni-\nfication": "Magnification relative to the reference plane.",
    "rotation\n(°)": "Rotation relative to the reference plane, counter-clockwise.",
    "correlation\nbefore → after": "Correlation with the neighbouring plane before and after "
    "alignment, from -1 to 1.",
    "why": "What was done with the plane, and why.",
}
Z, MOVED, ROWS, SHIFT_COLUMNS, MAGNIFICATION, ROTATION, CORRELATION, WHY = range(len(COLUMNS))


class AlignmentTable(RowTable):
    """Shows one row per plane; read-only.

    Signals
    -------
    plane_chosen(int)
        The user has selected the row of this plane of the layer.
    """

    plane_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(COLUMNS)
        self._first_plane = 0
        self._filled: Alignment | None = None
        self.itemSelectionChanged.connect(self._on_selection)

    def fill(self, alignment: Alignment, first_plane: int = 0) -> None:
        """Show an alignment; its plane 0 is plane `first_plane` of the layer."""
        if alignment is self._filled and first_plane == self._first_plane:
            return
        self._filled, self._first_plane = alignment, first_plane
        self.show_rows(
            [
                [
                    _item(text, column, motion.why)
                    for column, text in enumerate(_cells(motion, first_plane))
                ]
                for motion in alignment.planes
            ]
        )
        only_shifts = alignment.model in ("none", "translation")
        for column in (MAGNIFICATION, ROTATION):
            self.setColumnHidden(column, only_shifts)
        self.fit_height()

    def _on_selection(self) -> None:
        row = self.selected_row()
        if row is not None:
            self.plane_chosen.emit(self._first_plane + row)


def _cells(motion: PlaneMotion, first_plane: int) -> tuple[str, ...]:
    return (
        str(first_plane + motion.z),
        "yes" if motion.is_moved else "",
        _rounded(motion.shift_rows_px),
        _rounded(motion.shift_columns_px),
        f"{motion.scale:.4f}",
        _rounded(motion.rotation_deg),
        _correlation(motion),
        motion.why,
    )


def _rounded(number: float) -> str:
    return f"{round(number, 2) + 0.0:.2f}"  # adding 0.0 turns -0.0 into 0.0


def _correlation(motion: PlaneMotion) -> str:
    before, after = motion.agreement_before, motion.agreement_after
    return "" if before is None or after is None else f"{before:.2f} → {after:.2f}"


def _item(text: str, column: int, tip: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    if column != WHY:
        side = Qt.AlignmentFlag.AlignHCenter if column == MOVED else Qt.AlignmentFlag.AlignRight
        item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    item.setToolTip(tip)  # the reason: its own column is mostly scrolled out
    return item
