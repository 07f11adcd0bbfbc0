"""The curve of an autofocus: measured points, the height that was found, and its uncertainty."""

from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QSize
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QVBoxLayout, QWidget

# isort: split
import pyqtgraph as pg  # after qtpy: it uses the Qt binding that is already loaded

from napari_umis_fusion.plugin.widgets import Chart, ColouredPlot, ensure_contrast

DOT_PX, LINE_PX = 6, 2
MIN_HEIGHT_PX = 150

EXPLANATION = (
    "Focus measured at each height of the stage. Line: the height that was found; band: its "
    "uncertainty. Drag to zoom in, double-click to show all."
)


@dataclass(frozen=True, slots=True)
class FocusCurve:
    """What an autofocus has measured.

    Attributes
    ----------
    heights_um, values : tuple of float
        Heights of the stage and the focus there, in the order of the search.
    found_um, uncertainty_um : float or None
        The height that was found, and its standard error.
    """

    heights_um: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    found_um: float | None = None
    uncertainty_um: float | None = None


class FocusChart(ColouredPlot):
    """Shows a `FocusCurve`.

    Parameters
    ----------
    parent : QWidget, optional
        Owner of the chart.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = FocusCurve()
        self._chart = Chart(self)
        self._chart.view.setToolTip(EXPLANATION)
        self._band = pg.LinearRegionItem(movable=False)
        self._line = pg.InfiniteLine(angle=90)
        self._points = pg.PlotDataItem(symbol="o", symbolSize=DOT_PX, antialias=True)
        for item, is_measured in ((self._band, False), (self._line, False), (self._points, True)):
            self._chart.add(item, is_measured=is_measured)
        self._chart.x_axis.setLabel("height (µm)")
        self._chart.y_axis.setLabel("focus")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._chart, 1)
        self.setMinimumHeight(MIN_HEIGHT_PX)
        self._take_palette()
        self.setValue(FocusCurve())

    def value(self) -> FocusCurve:
        """Return the curve."""
        return self._value

    def setValue(self, curve: FocusCurve) -> None:  # noqa: N802
        """Show a curve."""
        self._value = curve
        order = np.argsort(curve.heights_um, kind="stable")
        heights, values = np.asarray(curve.heights_um, float), np.asarray(curve.values, float)
        self._points.setData(heights[order], values[order])
        self._line.setVisible(curve.found_um is not None)
        self._band.setVisible(curve.found_um is not None and curve.uncertainty_um is not None)
        if curve.found_um is not None:
            self._line.setPos(curve.found_um)
            error_um = curve.uncertainty_um or 0.0
            self._band.setRegion((curve.found_um - error_um, curve.found_um + error_um))
        self._chart.show_all()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size at which the curve is easy to read."""
        return QSize(300, 170)

    def _paint(self, background: QColor, foreground: QColor, accent: QColor) -> None:
        accent = ensure_contrast(accent, background)
        self._chart.paint(background, foreground)
        faint, band = QColor(foreground), QColor(accent)
        faint.setAlphaF(0.4)
        band.setAlphaF(0.25)
        self._points.setPen(faint, width=1)
        self._points.setSymbolPen(None)
        self._points.setSymbolBrush(foreground)
        self._line.setPen(pg.mkPen(accent, width=LINE_PX))
        self._band.setBrush(pg.mkBrush(band))
        for edge in self._band.lines:
            edge.setPen(pg.mkPen(None))
