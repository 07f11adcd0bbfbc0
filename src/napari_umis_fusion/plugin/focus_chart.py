"""The chart of a focus curve: axes, curve and lines, made once and then moved."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics
from qtpy.QtWidgets import QWidget

# isort: split
import pyqtgraph as pg  # takes the Qt binding that is loaded by now: that of qtpy

from napari_umis_fusion.plugin.whole_axis import WholeAxis

CURVE_PX = 1.5
LINE_PX = 2


@dataclass(frozen=True, slots=True)
class Mark:
    """How a plane is marked: by a line, and in the legend by a sign that looks like it."""

    style: Qt.PenStyle
    sign: str
    words: str


MARKS = {
    "chosen": Mark(Qt.PenStyle.SolidLine, "┃", "index"),
    "source": Mark(Qt.PenStyle.DotLine, "┋", "value from"),
    "current": Mark(Qt.PenStyle.DashLine, "╎", "shown"),
}

EXPLANATION = (
    "Focus of the pixel in each plane, as the fusion measures it.\n"
    "Solid line: the plane of the index map.\n"
    "Dotted line: the plane that the value comes from, where that is another one.\n"
    "Dashed line: the plane shown now.\n"
    "Click to show the nearest plane."
)


class FocusChart(pg.GraphicsView):
    """Axes, curve and lines: made once, then moved."""

    clicked = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view = pg.ViewBox(enableMouse=False, enableMenu=False)
        self.view.setToolTip(EXPLANATION)
        self.view.setCursor(Qt.CursorShape.PointingHandCursor)
        self.depth_axis, self.focus_axis = WholeAxis("bottom"), pg.AxisItem("left")
        self.curve = pg.PlotDataItem(connect="finite", symbol="o", symbolSize=4, antialias=True)
        self.lines = {name: pg.InfiniteLine(angle=90) for name in MARKS}
        self._arrange()
        for item in (*self.lines.values(), self.curve):
            self.view.addItem(item, ignoreBounds=True)
        self.scene().sigMouseClicked.connect(self._on_mouse_clicked)

    def _arrange(self) -> None:
        layout = pg.GraphicsLayout()
        layout.setContentsMargins(4, 6, 10, 4)
        layout.setSpacing(0)
        layout.addItem(self.focus_axis, 0, 0)
        layout.addItem(self.view, 0, 1)
        layout.addItem(self.depth_axis, 1, 1)
        for axis in (self.focus_axis, self.depth_axis):
            axis.enableAutoSIPrefix(False)
            axis.setStyle(maxTickLevel=0)
            axis.linkToView(self.view)
        # Numbers and label close together: what it takes by itself leaves little for the curve.
        self.depth_axis.setHeight(2 * QFontMetrics(self.depth_axis.label.font()).height() + 4)
        self.setCentralItem(layout)

    def draw(self, z_values: NDArray[np.float64], focus: NDArray[np.float64]) -> None:
        """Show the curve, and all of it."""
        drawn = np.where(np.isfinite(focus), focus, np.nan)
        some = slice(None) if np.isfinite(drawn).any() else slice(0)
        self.curve.setData(z_values[some], drawn[some])  # it warns where it finds only NaN
        least, most = limits(focus)
        self.view.setYRange(min(least, 0.0), most if most > 0 else 1.0, padding=0.06)
        first, last = limits(z_values)
        widening = 0.0 if last > first else 0.5
        self.view.setXRange(first - widening, last + widening, padding=0.03)

    def label(self, unit: str, focus: str) -> None:
        """Name the axes."""
        self.depth_axis.is_whole = not unit
        self.depth_axis.setLabel(f"depth ({unit})" if unit else "plane")
        self.focus_axis.setLabel(focus)

    def move(self, name: str, place: float | None) -> None:
        """Put a line somewhere, or nowhere."""
        line = self.lines[name]
        line.setVisible(place is not None)
        if place is not None:
            line.setPos(place)

    def paint(self, background: QColor, foreground: QColor, accent: QColor) -> None:
        """Recolour everything."""
        self.setBackground(background)
        faint = QColor(foreground)
        faint.setAlphaF(0.5)
        for axis in (self.focus_axis, self.depth_axis):
            axis.setPen(faint)
            axis.setTextPen(foreground)
        self.curve.setPen(foreground, width=CURVE_PX)
        self.curve.setSymbolPen(None)
        self.curve.setSymbolBrush(foreground)
        for name, line in self.lines.items():
            colour = foreground if name == "current" else accent
            width = 1 if name == "current" else LINE_PX
            line.setPen(pg.mkPen(colour, width=width, style=MARKS[name].style))

    def _on_mouse_clicked(self, event: Any) -> None:
        place = event.scenePos()
        inside = self.view.sceneBoundingRect().contains(place)
        if inside and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.view.mapSceneToView(place).x())


def limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the least and the greatest finite value; 0 and 0 where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
