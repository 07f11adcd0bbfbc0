"""A table of the planes that the last fusion found to be unsound."""

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QTableWidgetItem, QVBoxLayout, QWidget

from napari_umis_fusion.layers import CheckedStack
from napari_umis_fusion.plugin.fusion._row_table import RowTable
from napari_umis_fusion.plugin.widgets import Message, in_words_of_rows
from napari_umis_fusion.preprocess.health import found_and_done

HINT = "Planes that are blank, torn, exposed otherwise or speckled are listed here after a fusion."

COLUMNS = {
    "stack": "Which of several stacks.",
    "z": "Index of the plane, counted from 0 as on the slider. Select a row to show the plane.",
    "found": "What is unusual about the plane.",
    "done": "What the fusion made of it.",
}
STACK, Z, FOUND, DONE = range(len(COLUMNS))


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
        self.message, self.table = Message(HINT), RowTable("planes", COLUMNS)
        self.table.itemSelectionChanged.connect(self._on_selection)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.message)
        layout.addWidget(self.table)
        self.table.hide()

    def fill(self, stacks: Sequence[CheckedStack]) -> None:
        """Show what was found of the planes of some stacks."""
        rows = [
            (
                stack.name,
                str(one.z),
                *map(in_words_of_rows, found_and_done(one, copies=stack.copies)),
            )
            for stack in stacks
            for one in stack.planes
            if one.has_news
        ]
        self.table.show_rows([[_item(text) for text in cells] for cells in rows])
        self.table.setColumnHidden(STACK, len(stacks) < 2)
        self.table.setVisible(bool(rows))
        self.message.show_text("" if rows else "All planes of the last fusion are sound.")
        self.table.fit_height()

    def clear(self) -> None:
        """Show no planes, as those of another stack are none of this one."""
        self.table.show_rows([])
        self.table.hide()
        self.message.setText(HINT)
        self.message.show()

    def _on_selection(self) -> None:
        row = self.table.selected_row()
        if row is not None:
            self.plane_chosen.emit(int(self.table.item(row, Z).text()))


def _item(text: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setToolTip(text)
    return item
