"""A fold-out with a title."""

from qtpy.QtWidgets import QWidget
from superqt import QCollapsible


def section(title: str, inside: QWidget, *, is_open: bool = False) -> QCollapsible:
    """Return a fold-out around a widget."""
    made = QCollapsible(title)
    made.setDuration(0)
    made.layout().setContentsMargins(0, 0, 0, 0)
    made.content().layout().setContentsMargins(6, 4, 0, 4)
    made.addWidget(inside)
    if is_open:
        made.expand(animate=False)
    return made
