"""Rows of a form: label left, field right, all fields aligned."""

from typing import Any

from magicgui.widgets import CheckBox, Container
from qtpy.QtWidgets import QFormLayout, QLabel, QWidget


class Rows(Container):
    """Magicgui widgets in a form; `form` is what goes into a window."""

    def __init__(self, widgets: list[Any]) -> None:
        super().__init__(widgets=widgets, labels=False)
        self.form = QWidget()
        self.native.setParent(self.form)  # empty from here on, and to go with the form
        self.native.hide()
        self._layout = QFormLayout(self.form)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for widget in widgets:
            if isinstance(widget, CheckBox):
                self._layout.addRow(widget.native)
            else:
                label = QLabel(widget.label)
                label.setToolTip(widget.tooltip or "")
                self._layout.addRow(label, widget.native)

    def show_row(self, widget: Any, shown: bool) -> None:
        """Show or hide a row with its label."""
        self._layout.setRowVisible(widget.native, shown)
