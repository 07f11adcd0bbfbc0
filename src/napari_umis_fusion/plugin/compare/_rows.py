"""The rows of the table: ways to fuse, with what was found of each."""

from collections.abc import Iterable, Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

from napari_umis_fusion.compare import (
    COLUMNS,
    Candidate,
    ComparedRow,
    Comparison,
    candidates_of,
)

NAME_TIP = "A way to fuse: a preset, the options of Fuse z-stack, or a file. Click to sort."
SHOWN_UNITS = ("s", "MB")
WAITING, RUNNING, FAILED = "waiting", "running", "failed"


class CompareRows(QAbstractTableModel):
    """The ways that are compared, as Qt asks for them; sorting does not change their own order."""

    def __init__(self) -> None:
        super().__init__()
        self._candidates: tuple[Candidate, ...] = ()
        self._found = Comparison((), ())
        self._states: dict[str, str] = {}
        self._order: list[str] = []
        self._sorting: tuple[int, bool] | None = None

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The ways, in the order in which they were added."""
        return self._candidates

    @property
    def comparison(self) -> Comparison:
        """What was found, in the order of the table."""
        known = {row.name: row for row in self._found.rows}
        rows = tuple(known[name] for name in self._order if name in known)
        return Comparison(rows, self._found.shape, self._found.region)

    def add(self, given: Iterable[Any]) -> None:
        """Add ways, each a candidate or what `candidates_of` takes; raises `ConfigError` as it."""
        self._set(candidates_of([*self._candidates, *given]))

    def remove(self, names: Sequence[str]) -> None:
        """Remove ways, with what was found of them."""
        self._set(tuple(one for one in self._candidates if one.name not in names))

    def begin(self) -> None:
        """Forget what was found: all ways wait."""
        self._found = Comparison((), ())
        self._states = dict.fromkeys((one.name for one in self._candidates), WAITING)
        self._arrange()

    def show(self, comparison: Comparison) -> None:
        """Show what was found so far."""
        self._found = comparison
        for row in comparison.rows:
            self._states[row.name] = "" if row.is_fused else FAILED
        self._arrange()

    def run(self, number: int) -> None:
        """Show that a way is being fused."""
        name = self._candidates[number].name
        if self._states.get(name) == WAITING:
            self._states[name] = RUNNING
            self._arrange()

    def halt(self) -> None:
        """Show that nothing is being fused any more."""
        ended = {name: state for name, state in self._states.items() if state == FAILED}
        self._states = ended
        self._arrange()

    def name_at(self, row: int) -> str:
        """Return the name of the way in a row of the table."""
        return self._order[row]

    def row_of(self, name: str) -> int:
        """Return the row of a way in the table."""
        return self._order.index(name)

    def compared(self, name: str) -> ComparedRow | None:
        """Return what was found of a way; None if nothing yet."""
        return next((row for row in self._found.rows if row.name == name), None)

    def sort(self, column: int, order: Any = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; what is not known comes last. Without a column, as added."""
        falls = order == Qt.SortOrder.DescendingOrder
        self._sorting = None if column < 0 else (column, falls)
        self._arrange()

    def rowCount(self, parent: Any = None) -> int:  # noqa: N802
        """Return the number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: Any = None) -> int:  # noqa: N802
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else 1 + len(COLUMNS)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:  # noqa: N802
        """Return the titles of the columns, and what they mean as their tooltips."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = None if section == 0 else list(COLUMNS.values())[section - 1]
        if role == Qt.ItemDataRole.DisplayRole:
            return "way" if column is None else column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return NAME_TIP if column is None else column.about
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """Return the text, alignment or tooltip of a cell."""
        name = self._order[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(name, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.told_of(name)
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def told_of(self, name: str) -> str:
        """Return why a way failed, or its notes."""
        row = self.compared(name)
        return "" if row is None else row.reason or "\n".join(row.notes)

    def _text(self, name: str, column: int) -> str:
        if column == 0:
            return name
        row, key = self.compared(name), list(COLUMNS)[column - 1]
        if column == 1 and (row is None or not row.is_fused):
            return self._states.get(name, "")
        if row is None:
            return ""
        text, unit = COLUMNS[key].text(row.numbers()[key]), COLUMNS[key].unit
        return f"{text} {unit}" if text and unit in SHOWN_UNITS else text

    def _set(self, candidates: tuple[Candidate, ...]) -> None:
        self._candidates = candidates
        names = {one.name for one in candidates}
        rows = tuple(row for row in self._found.rows if row.name in names)
        self._found = Comparison(rows, self._found.shape, self._found.region)
        self._arrange()

    def _arrange(self) -> None:
        """Put the rows in order, and tell the table that all of them may have changed."""
        names = [one.name for one in self._candidates]
        if self._sorting is not None:
            column, falls = self._sorting
            key = "name" if column == 0 else list(COLUMNS)[column - 1]
            blank = {
                name: ComparedRow(one) for name, one in zip(names, self._candidates, strict=True)
            }
            every = tuple(self.compared(name) or blank[name] for name in names)
            sorted_rows = Comparison(every, ()).sorted_by(key, descending=falls).rows
            names = [row.name for row in sorted_rows]
        self.beginResetModel()
        self._order = names
        self.endResetModel()
