"""The area of the training chart that holds the curves."""

from typing import Any

from qtpy.QtCore import QRectF, Qt, Signal
from qtpy.QtGui import QColor

# isort: split
import pyqtgraph as pg  # takes the Qt binding that is loaded by now: that of qtpy

LEAST_DRAG_PX = 5


class ZoomView(pg.ViewBox):
    """Is enlarged by dragging over a part; leaves the wheel to what scrolls the window.

    Signals
    -------
    enlarged(object)
        The part, a QRectF in the coordinates of the curves.
    """

    enlarged = Signal(object)

    def __init__(self) -> None:
        super().__init__(enableMouse=False, enableMenu=False)

    def frame(self, colour: QColor) -> None:
        """Choose the colour of the rectangle that is dragged."""
        within = QColor(colour)
        within.setAlphaF(0.15)
        self.rbScaleBox.setPen(pg.mkPen(colour, width=1))
        self.rbScaleBox.setBrush(pg.mkBrush(within))

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:  # noqa: N802
        """Enlarge the rectangle between press and release."""
        if event.button() != Qt.MouseButton.LeftButton or axis is not None:
            event.ignore()
            return
        event.accept()
        if not event.isFinish():
            self.updateScaleBox(event.buttonDownPos(), event.pos())
            return
        self.rbScaleBox.hide()
        dragged = QRectF(event.buttonDownPos(), event.pos()).normalized() & self.rect()
        if min(dragged.width(), dragged.height()) >= LEAST_DRAG_PX:
            self.enlarged.emit(self.childGroup.mapRectFromParent(dragged))
