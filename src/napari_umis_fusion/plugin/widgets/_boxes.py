"""Boxes and sliders of a panel: the wheel changes none, and numbers have either decimal mark."""

from typing import Any

from qtpy.QtGui import QValidator, QWheelEvent
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QDoubleSpinBox, QSlider, QWidget


def prepare_boxes(inside: QWidget) -> None:
    """Keep all boxes and sliders inside a widget from taking values that nobody meant.

    The wheel is left to what scrolls them: Qt's would turn whatever comes under the pointer. And a
    decimal mark that is not that of the locale would be dropped, so that 0,5 became 5.
    """
    for kind in (QAbstractSpinBox, QComboBox, QSlider):
        for box in (inside, *inside.findChildren(kind)):
            if isinstance(box, kind):
                box.wheelEvent = QWheelEvent.ignore
            if isinstance(box, QDoubleSpinBox):
                box.lineEdit().setValidator(_EitherMark(box))


class _EitherMark(QValidator):
    """Takes point and comma for the decimal mark of the locale of a box."""

    def __init__(self, box: QDoubleSpinBox) -> None:
        super().__init__(box)
        self._box = box

    def validate(self, text: str, position: int) -> Any:
        """Judge what is typed or pasted, with the mark of the locale in it."""
        mark = self._box.locale().decimalPoint()
        return self._box.validate(text.replace(",", mark).replace(".", mark), position)
