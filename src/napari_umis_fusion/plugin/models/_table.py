"""A table of models, the newest first; names are edited in place."""

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_umis_fusion.models.library import Model

COLUMNS = ("name", "date", "PSNR", "note")
NAME, DATE, PSNR, NOTE = range(len(COLUMNS))

_TIPS = (
    "Name of the model. Double-click to rename it.",
    "Date of training or import.",
    "With a sign: gain over the initial weights. Without: PSNR of the validation.",
    "Note. Double-click to edit it.",
)
_SHIPPED_NOTE = "weights of this package"
_MIN_HEIGHT_PX, _ROW_HEIGHT_PX = 130, 24


class ModelTable(QTableWidget):
    """Shows models, one of which can be selected.

    Signals
    -------
    choice_changed()
        The selected model has changed.
    renamed(object, str)
        The user has typed a new name for a model.
    note_wanted(object)
        The user has double-clicked the note of a model.
    """

    choice_changed = Signal()
    renamed = Signal(object, str)
    note_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self._models: list[Model] = []
        self._is_filling = False
        self.setHorizontalHeaderLabels(list(COLUMNS))
        for column, tip in enumerate(_TIPS):
            self.horizontalHeaderItem(column).setToolTip(tip)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT_PX)
        self.setShowGrid(False)
        self.setAccessibleName("models")
        self.setTabKeyNavigation(False)  # the key leaves the table
        self.setWordWrap(False)
        self.setMinimumHeight(_MIN_HEIGHT_PX)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # no edit by a single click, which selects
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        modes = QHeaderView.ResizeMode
        for column in range(len(COLUMNS)):
            is_text = column in (NAME, NOTE)
            mode = modes.Stretch if is_text else modes.ResizeToContents
            self.horizontalHeader().setSectionResizeMode(column, mode)
        self.itemSelectionChanged.connect(self._on_selection)
        self.itemChanged.connect(self._on_item_changed)
        self.cellDoubleClicked.connect(self._on_double_click)

    def fill(self, models: Sequence[Model]) -> None:
        """Show these models; the selected one stays selected if it is among them."""
        chosen = self.chosen()
        self._is_filling = True
        self._models = list(models)
        self.clearSelection()
        self.setRowCount(len(models))
        for row, model in enumerate(models):
            for column, text in enumerate(_cells(model)):
                self.setItem(row, column, _item(text, model, column))
        self._is_filling = False
        self.choose(chosen.path if chosen is not None else None)

    def chosen(self) -> Model | None:
        """Return the selected model."""
        rows = self.selectionModel().selectedRows()
        return self._models[rows[0].row()] if rows else None

    def choose(self, path: Path | None) -> None:
        """Select the model of this file; clear the selection if there is none."""
        rows = [row for row, model in enumerate(self._models) if model.path == path]
        self._is_filling = True
        if rows:
            self.selectRow(rows[0])
        else:
            self.clearSelection()
        self._is_filling = False
        self.choice_changed.emit()

    def edit_name(self) -> None:
        """Open the editor for the name of the selected model."""
        row = self.selectionModel().selectedRows()[0].row()
        self.setCurrentCell(row, NAME)
        self.editItem(self.item(row, NAME))

    def _on_selection(self) -> None:
        if not self._is_filling:
            self.choice_changed.emit()

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        if not self._is_filling:
            self.renamed.emit(self._models[item.row()], item.text())

    def _on_double_click(self, row: int, column: int) -> None:
        if column == NOTE and not self._models[row].is_shipped:
            self.note_wanted.emit(self._models[row])


def _cells(model: Model) -> tuple[str, ...]:
    if model.is_shipped:  # the date of its file is that of the installation
        return model.name, "", model.achieved, _SHIPPED_NOTE
    date = f"{model.created.astimezone():%Y-%m-%d}"
    return model.name, date, model.achieved, " ".join(model.note.split())


def _item(text: str, model: Model, column: int) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
    if column == NAME and not model.is_shipped:
        flags |= Qt.ItemFlag.ItemIsEditable
    item.setFlags(flags)
    if column == PSNR:
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    if model.is_shipped:
        font = item.font()
        font.setItalic(True)
        item.setFont(font)
    if column in (NAME, NOTE):
        item.setToolTip(model.note if column == NOTE and model.note else text)
    return item
