"""The chart of a training: faint and bold curves, dots of validation, and a ring."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QWidget

# isort: split
import pyqtgraph as pg  # after qtpy: it uses the Qt binding that is already loaded

from napari_umis_fusion.plugin.widgets import GRID_ALPHA, Chart

SMOOTHED_PX, POINT_PX, BEST_PX, RING_PX = 2.0, 6.0, 13.0, 1.5
FAINT = 0.25
"""Opacity of the raw curve behind the smoothed one."""

PARTS_PER_PX = 2
"""Samples per pixel of a downsampled curve: with pyqtgraph's 5, faint lines add up to opaque."""

EXPLANATION = (
    "Faint: each step. Bold: smoothed. Dots: validation; the ring is around the best weights.\n"
    "Hover over the curves to read values, drag to zoom in, double-click to show all."
)

Floats = NDArray[np.float64]
Steps = NDArray[np.int64] | Floats


class TrainingChart(Chart):
    """Curves by the name of their column: created once, then updated with `setData`.

    Parameters
    ----------
    parent : QWidget
        Owner of the chart.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.view.setToolTip(EXPLANATION)
        self.view.setCursor(Qt.CursorShape.CrossCursor)
        self.x_axis.is_whole = True
        self.x_axis.setLabel("step")
        for axis in (self.x_axis, self.y_axis):
            axis.setGrid(GRID_ALPHA)
        self.lines: dict[str, tuple[pg.PlotDataItem, pg.PlotDataItem]] = {}
        self.points: dict[str, pg.PlotDataItem] = {}
        ring = pg.PlotDataItem(pen=None, symbol="o", symbolSize=BEST_PX, symbolBrush=None)
        self.best = self.add(ring, 4, is_measured=False)
        self.crosshair = self.add(pg.InfiniteLine(angle=90), 4, is_measured=False)
        self.crosshair.hide()
        self._colours: Mapping[str, QColor] = {}
        self._surroundings = QColor(), QColor(), QColor()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size at which the curves are easy to read."""
        return QSize(360, 220)

    def set_axis(self, label: str, *, is_log: bool) -> None:
        """Label the axis of the values; after a change the view shows all of them."""
        if (label, is_log) == (self.y_axis.labelText, self.is_log):
            return
        self.y_axis.setLabel(label)
        self.set_log(is_log)
        self.show_all()

    def draw_line(self, name: str, raw: tuple[Steps, Floats], bold: tuple[Floats, Floats]) -> None:
        """Draw all values faintly, and the smoothed ones."""
        if name not in self.lines:
            bold_one = pg.PlotDataItem(antialias=True)
            self.lines[name] = self.add(_thinned(), 0), self.add(bold_one, 1)
            self._colour(name)
        for item, drawn in zip(self.lines[name], (raw, bold), strict=True):
            item.setData(*drawn)

    def draw_points(self, name: str, raw: tuple[Steps, Floats]) -> None:
        """Draw each value as a dot."""
        if name not in self.points:
            dots = _thinned(symbol="o", symbolSize=POINT_PX, antialias=True)
            self.points[name] = self.add(dots, 3)
            self._colour(name)
        self.points[name].setData(*raw)

    def mark_best(self, step: float | None, values: Collection[float]) -> None:
        """Draw a ring around each of these values at a step."""
        shown = [] if step is None else list(values)
        self.best.setData([step] * len(shown), shown)

    def point_at(self, step: float | None) -> None:
        """Draw the crosshair at a step; None hides it."""
        self.crosshair.setVisible(step is not None)
        if step is not None:
            self.crosshair.setPos(step)

    def show_only(self, names: Collection[str]) -> None:
        """Show the curves of these names."""
        for kept in (self.lines, self.points):
            for name in kept:
                for item in self._items(name):
                    item.setVisible(name in names)
        self.view.updateAutoRange()  # pyqtgraph does not react to hidden items

    def clear_curves(self) -> None:
        """Remove all curves."""
        for name in (*self.lines, *self.points):
            for item in self._items(name):
                self.view.removeItem(item)
        self.lines.clear()
        self.points.clear()
        self.best.setData([], [])
        self.point_at(None)
        self.show_all()

    def colour(
        self,
        background: QColor,
        foreground: QColor,
        accent: QColor,
        colours: Mapping[str, QColor],
    ) -> None:
        """Recolour everything; curves by their names."""
        self._colours, self._surroundings = colours, (background, foreground, accent)
        self._apply_pens(1.0)

    @contextmanager
    def laid_out(
        self, size: QSize, scale: float, entries: Mapping[str, pg.PlotDataItem]
    ) -> Iterator[None]:
        """Lay the chart out for another size, with wider pens and a legend, to export it.

        Parameters
        ----------
        size : QSize
            In pixels.
        scale : float
            Factor for pen widths: pyqtgraph draws with cosmetic pens, which do not scale.
        entries : mapping of str to pyqtgraph item
            The curve of each legend entry.
        """
        before, was_visible = self.grid.geometry(), self.crosshair.isVisible()
        legend = _legend(entries, self._surroundings[1])
        self.grid.addItem(legend, 0, 1)
        self.crosshair.hide()
        self.grid.setGeometry(QRectF(0, 0, size.width(), size.height()))
        self._apply_pens(scale)
        self.scene().prepareForPaint()
        try:
            yield
        finally:
            self.grid.removeItem(legend)
            self.crosshair.setVisible(was_visible)
            self.grid.setGeometry(before)
            self._apply_pens(1.0)

    def _items(self, name: str) -> tuple[pg.PlotDataItem, ...]:
        return self.lines[name] if name in self.lines else (self.points[name],)

    def _apply_pens(self, scale: float) -> None:
        background, foreground, accent = self._surroundings
        self.paint(background, foreground, scale)
        self.best.setSymbolPen(pg.mkPen(foreground, width=RING_PX * scale))
        self.crosshair.setPen(pg.mkPen(accent, width=1))
        for name in (*self.lines, *self.points):
            self._colour(name, scale)

    def _colour(self, name: str, scale: float = 1.0) -> None:
        colour = self._colours.get(name)
        if colour is None:
            return
        faint = QColor(colour)
        faint.setAlphaF(FAINT)
        if name in self.lines:
            raw, bold = self.lines[name]
            raw.setPen(pg.mkPen(faint, width=1))  # wider pens are slow to draw
            bold.setPen(pg.mkPen(colour, width=SMOOTHED_PX * scale))
        else:
            points = self.points[name]
            points.setPen(pg.mkPen(colour, width=scale, style=Qt.PenStyle.DotLine))
            points.setSymbolPen(None)
            points.setSymbolBrush(colour)


def _thinned(**options: Any) -> pg.PlotDataItem:
    """Return a curve that draws only its visible part, as minimum and maximum per pixel."""
    item = pg.PlotDataItem(autoDownsampleFactor=PARTS_PER_PX, **options)
    item.setDownsampling(auto=True, method="peak")
    item.setClipToView(True)
    return item


def _legend(entries: Mapping[str, pg.PlotDataItem], text: QColor) -> pg.LegendItem:
    legend = pg.LegendItem(colCount=4, horSpacing=12, labelTextColor=text)
    # an item that ignores transformations would keep its size in an enlarged picture
    legend.setZValue(2)
    legend.setFlag(legend.GraphicsItemFlag.ItemIgnoresTransformations, False)
    for words, item in entries.items():
        legend.addItem(item, words)
    return legend
