"""A collapsible section with a title."""

from qtpy.QtWidgets import QWidget
from superqt import QCollapsible


def section(title: str, inside: QWidget, *, is_open: bool = False) -> QCollapsible:
    """Return a collapsible section around a widget."""
    fold = QCollapsible(title)
    fold.setDuration(0)
    fold.layout().setContentsMargins(0, 0, 0, 0)
    fold.content().layout().setContentsMargins(6, 4, 0, 4)
    fold.addWidget(inside)
    if is_open:
        fold.expand(animate=False)
    return fold
