"""What is understood of a folder of images, and the rows that choose what of it is opened."""

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFormLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files.names import NameAxis
from napari_umis_fusion.files.read import Selected, Survey
from napari_umis_fusion.plugin.opening._describe_part import describe_files, describe_part
from napari_umis_fusion.runtime import sentence_of

_ALL = "all"
_OPEN = 3
"""Column of the choices."""

_MOST_ROWS = 8


class FolderForm(QWidget):
    """A table of the axes that file names count, with what is left out, and why.

    Parameters
    ----------
    survey : Survey
        What is understood of the files.

    Signals
    -------
    valueChanged()
        Another part is chosen.
    """

    valueChanged = Signal()  # noqa: N815

    def __init__(self, survey: Survey) -> None:
        super().__init__()
        self._survey = survey
        axes = survey.grid.axes
        self.z_axis = _z_choices(axes, is_asked=not survey.holds_stacks)
        self.entries = {axis.letter: _entry_choices(axis) for axis in axes}
        self.summary = QLabel(wordWrap=True)
        self._can_open = False
        rows = QFormLayout()
        rows.addRow("planes along", self.z_axis)
        rows.setRowVisible(self.z_axis, not survey.holds_stacks and bool(axes))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        about = QLabel(describe_files(survey), wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        layout.addWidget(about)
        layout.addWidget(self._axes_table(axes))
        layout.addLayout(rows)
        if survey.left_out:
            layout.addWidget(QLabel(f"Left out ({len(survey.left_out)}):"))
            reasons = [(path.name, why) for path, why in survey.left_out.items()]
            layout.addWidget(_table(("file", "reason"), reasons))
        layout.addWidget(self.summary)
        for box in (self.z_axis, *self.entries.values()):
            box.currentIndexChanged.connect(self._on_changed)
        self._on_changed()

    @property
    def can_open(self) -> bool:
        """Whether the chosen part can be opened."""
        return self._can_open

    def value(self) -> Selected:
        """Return what is chosen."""
        chosen = {letter: box.currentIndex() - 1 for letter, box in self.entries.items()}
        z_axis: str | None = self.z_axis.currentData()
        index = {letter: entry for letter, entry in chosen.items() if entry >= 0}
        named = [axis.letter for axis in self._survey.grid.axes if axis.kind == "z"]
        is_given = z_axis is not None and named != [z_axis]
        return Selected(z_axis if is_given and not self._survey.holds_stacks else None, index)

    def setValue(self, value: Selected) -> None:  # noqa: N802
        """Choose a part."""
        for letter, box in self.entries.items():
            box.setCurrentIndex(value.index.get(letter, -1) + 1)
        if value.z_axis is not None:
            self.z_axis.setCurrentIndex(self.z_axis.findData(value.z_axis))

    def _on_changed(self) -> None:
        try:
            text, self._can_open = describe_part(self._survey, self.value()), True
        except UmisFusionError as error:
            text, self._can_open = sentence_of(error), False
        self.summary.setText(text)
        self.valueChanged.emit()

    def _axes_table(self, axes: Sequence[NameAxis]) -> QTableWidget:
        shown = [(axis.letter, axis.kind, _ends(axis), "") for axis in axes]
        table = _table(("axis", "counts", "along it", "open"), shown)
        for row, axis in enumerate(axes):
            table.setCellWidget(row, _OPEN, self.entries[axis.letter])
        table.setVisible(bool(axes))
        return table


def _z_choices(axes: Sequence[NameAxis], *, is_asked: bool) -> QComboBox:
    box = QComboBox()
    box.setToolTip("Which axis counts the planes of a stack.")
    for axis in axes if is_asked else ():
        box.addItem(f"{axis.letter} ({len(axis)}, {axis.kind})", axis.letter)
    box.addItem("none of these", None)
    named = [axis.letter for axis in axes if axis.kind == "z"]
    box.setCurrentIndex(box.findData(named[0] if len(named) == 1 and is_asked else None))
    return box


def _entry_choices(axis: NameAxis) -> QComboBox:
    box = QComboBox()
    box.setToolTip("All entries of this axis, or only one.")
    box.addItems([_ALL, *(f"only {entry}" for entry in axis.entries)])
    return box


def _ends(axis: NameAxis) -> str:
    first, last = axis.entries[0], axis.entries[-1]
    return f"{len(axis)}: {first} to {last}" if len(axis) > 1 else f"1: {first}"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> QTableWidget:
    table = QTableWidget(len(rows), len(titles))
    table.setHorizontalHeaderLabels(list(titles))
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.verticalHeader().hide()
    table.setTabKeyNavigation(False)  # the key leaves the table
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            table.setItem(row, column, item)
    # By the header, since the style that sets the font comes only when the table is shown.
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(len(titles) - 1, QHeaderView.ResizeMode.Stretch)
    shown = min(len(rows), _MOST_ROWS)
    table.setFixedHeight(30 * (shown + 1) + 6)
    return table
