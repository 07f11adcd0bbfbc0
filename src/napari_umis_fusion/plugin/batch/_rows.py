"""The rows of the table: stacks with what became of them, and what was left out."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QPixmap

from napari_umis_fusion.batch import BatchEntry, BatchStack, Grouping
from napari_umis_fusion.runtime import count_noun

COLUMNS = {
    "stack": "Name of the stack, which is that of its result.",
    "planes × size": "Planes, height and width; before the stack is opened, its files.",
    "status": "What became of the stack.",
    "time": "Seconds that the stack took.",
    "notes": "Warnings, or why the stack failed or was left out.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    entry : BatchEntry
        What is known.
    stack : BatchStack or None
        The stack; None for what was left out.
    status : str
        Shown instead of that of the entry, unless empty.
    """

    entry: BatchEntry
    stack: BatchStack | None = None
    status: str = ""

    def texts(self) -> tuple[str, ...]:
        """Return the text of each column."""
        entry = self.entry
        files = "" if self.stack is None else count_noun(len(self.stack.files), "file")
        seconds = f"{entry.seconds:.1f} s" if entry.seconds else ""
        notes = entry.reason or "; ".join(entry.notes or (self.stack.notes if self.stack else ()))
        return entry.name, entry.size or files, self.status or entry.status, seconds, notes


class BatchRows(QAbstractTableModel):
    """The rows of a batch, as Qt asks for them."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Row] = []
        self._pictures: dict[str, QPixmap] = {}

    def show(self, grouping: Grouping, entries: Sequence[BatchEntry] = ()) -> None:
        """Show these stacks instead of the previous ones."""
        known = entries or [BatchEntry(stack.name) for stack in grouping.stacks]
        self.beginResetModel()
        self._pictures.clear()
        self._rows = [Row(*pair) for pair in zip(known, grouping.stacks, strict=True)]
        self._rows += [
            Row(BatchEntry(str(one.path), reason=one.reason), status="left out")
            for one in grouping.left_out
        ]
        self.endResetModel()

    def begin(self, number: int) -> None:
        """Show that a stack is being fused."""
        self._set(number, replace(self._rows[number], status="running"))

    def end(self, number: int, entry: BatchEntry) -> None:
        """Show what became of a stack."""
        self._pictures.pop(entry.name, None)
        self._set(number, replace(self._rows[number], entry=entry, status=""))

    def halt(self) -> None:
        """Show that no stack is being fused any more."""
        for number, row in enumerate(self._rows):
            if row.status == "running":
                self._set(number, replace(row, status=""))

    def row(self, number: int) -> Row:
        """Return a row."""
        return self._rows[number]

    def rowCount(self, parent: Any = None) -> int:  # noqa: N802
        """Return the number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Any = None) -> int:  # noqa: N802
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:  # noqa: N802
        """Return the titles of the columns, and their tooltips."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return list(COLUMNS)[section]
        return list(COLUMNS.values())[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """Return text, tooltip or thumbnail of a cell."""
        row = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return row.texts()[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return self._picture(row.entry)
        return None

    def _picture(self, entry: BatchEntry) -> QPixmap | None:
        if not entry.thumbnail:
            return None
        if entry.name not in self._pictures:
            picture = QPixmap()
            picture.loadFromData(base64.b64decode(entry.thumbnail))
            self._pictures[entry.name] = picture
        return self._pictures[entry.name]

    def _set(self, number: int, row: Row) -> None:
        self._rows[number] = row
        self.dataChanged.emit(self.index(number, 0), self.index(number, len(COLUMNS) - 1))
