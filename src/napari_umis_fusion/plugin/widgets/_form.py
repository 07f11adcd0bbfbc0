"""A form: rows of a label and a field."""

from collections.abc import Iterator, Sequence
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QWidget


class QtRow:
    """A Qt widget with `value`, `setValue` and `valueChanged` as a row beside magicgui's.

    Parameters
    ----------
    name : str
        Name of the row in the form.
    label, tooltip : str
        Label beside the field, and tooltip of both.
    native : QWidget
        The field.
    """

    def __init__(self, name: str, label: str, tooltip: str, native: Any) -> None:
        self.name, self.label, self.tooltip, self.native = name, label, tooltip, native
        self.changed = native.valueChanged
        native.setToolTip(tooltip)

    @property
    def value(self) -> Any:
        """Value of the field."""
        return self.native.value()

    @value.setter
    def value(self, value: Any) -> None:
        self.native.setValue(value)

    @property
    def enabled(self) -> bool:
        """Whether the field can be edited."""
        return bool(self.native.isEnabled())

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self.native.setEnabled(enabled)


class Form(QWidget):
    """Rows, found by their names; each is a magicgui widget or a `QtRow`.

    Parameters
    ----------
    rows : sequence
        From top to bottom.

    Signals
    -------
    valueChanged()
        The value of a row has changed.
    """

    valueChanged = Signal()  # noqa: N815

    def __init__(self, rows: Sequence[Any]) -> None:
        super().__init__()
        self._rows = {row.name: row for row in rows}
        self._is_setting = False
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for row in rows:
            self._add(row)
            row.changed.connect(self._on_row)

    def __getitem__(self, name: str) -> Any:
        """Return the row with a name."""
        return self._rows[name]

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows from top to bottom."""
        return iter(self._rows.values())

    def row_values(self) -> dict[str, Any]:
        """Return the value of each row, by its name."""
        return {name: row.value for name, row in self._rows.items()}

    def set_row_values(self, values: dict[str, Any]) -> None:
        """Set the values of rows; `valueChanged` is emitted once, at the end."""
        self._is_setting = True
        try:
            for name, value in values.items():
                self._rows[name].value = value
        finally:
            self._is_setting = False
        self._on_row()

    def add_below(self, *widgets: QWidget) -> None:
        """Add widgets below all rows, in full width."""
        for widget in widgets:
            self._layout.addRow(widget)

    def enable_row(self, name: str, enabled: bool) -> None:
        """Enable a row with its label, or grey both out."""
        row = self._rows[name]
        row.enabled = enabled
        label = self._layout.labelForField(row.native)
        if label is not None:
            label.setEnabled(enabled)

    def show_row(self, name: str, shown: bool) -> None:
        """Show or hide a row with its label."""
        self._layout.setRowVisible(self._rows[name].native, shown)

    def is_row_shown(self, name: str) -> bool:
        """Return whether a row is shown whenever the form is."""
        return bool(self._layout.isRowVisible(self._rows[name].native))

    def _add(self, row: Any) -> None:
        if isinstance(row, CheckBox):  # it contains its own label
            self._layout.addRow(row.native)
            return
        # not QFormLayout's own label: it would have no tooltip
        label = QLabel(row.label)
        label.setToolTip(row.tooltip or "")
        row.native.setAccessibleName(row.label)
        self._layout.addRow(label, row.native)

    def _on_row(self, value: Any = None) -> None:
        if not self._is_setting:
            self._update_rows()
            self.valueChanged.emit()

    def _update_rows(self) -> None:
        """Adapt rows to each other, before `valueChanged` is emitted; for subclasses."""
