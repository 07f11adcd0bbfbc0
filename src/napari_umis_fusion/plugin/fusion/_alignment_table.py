"""A table of the transform of each plane, and the reason for it."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QTableWidgetItem

from napari_umis_fusion.alignment import Alignment, PlaneMotion
from napari_umis_fusion.plugin.fusion._row_table import RowTable

COLUMNS = {
    "plane": "Index of the plane, counted from 0 as on the slider. Select a row to show the plane.",
    "moved\nby (px)": "Shift down, and to the right, relative to the reference plane; empty if the "
    "plane was not moved.",
    "rotation\n(°)": "Rotation relative to the reference plane, counter-clockwise.",
    "scale": "Magnification relative to the reference plane.",
    "match": "Correlation with the neighbouring plane before and after alignment, from -1 to 1.",
    "note": "What was done with the plane, and why.",
}
Z, MOVED, ROTATION, SCALE, MATCH, NOTE = range(len(COLUMNS))

PLAIN_REASONS = ("moved", "already aligned with the reference plane")
"""Reasons that the other columns tell already."""


class AlignmentTable(RowTable):
    """Shows one row per plane; read-only.

    Signals
    -------
    plane_chosen(int)
        The user has selected the row of this plane of the layer.
    """

    plane_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__("transforms", COLUMNS)
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
        for column, nothing in ((ROTATION, "0.00"), (SCALE, "1.0000")):
            texts = {self.item(row, column).text() for row in range(self.rowCount())}
            self.setColumnHidden(column, texts <= {"", nothing})
        self.fit_height()

    def _on_selection(self) -> None:
        row = self.selected_row()
        if row is not None:
            self.plane_chosen.emit(self._first_plane + row)


def _cells(motion: PlaneMotion, first_plane: int) -> tuple[str, ...]:
    shift = (motion.shift_rows_px, motion.shift_columns_px)
    return (
        str(first_plane + motion.z),
        ", ".join(_rounded(part, 1) for part in shift) if motion.is_moved else "",
        _rounded(motion.rotation_deg, 2) if motion.is_moved else "",
        f"{motion.scale:.4f}" if motion.is_moved else "",
        _match(motion),
        "" if motion.why in PLAIN_REASONS else motion.why,
    )


def _rounded(number: float, digits: int) -> str:
    return f"{round(number, digits) + 0.0:.{digits}f}"  # adding 0.0 turns -0.0 into 0.0


def _match(motion: PlaneMotion) -> str:
    before, after = motion.agreement_before, motion.agreement_after
    return "" if before is None or after is None else f"{before:.2f} → {after:.2f}"


def _item(text: str, column: int, tip: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    if column != NOTE:
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    item.setToolTip(tip)  # the reason: a long one does not fit into its column
    return item
