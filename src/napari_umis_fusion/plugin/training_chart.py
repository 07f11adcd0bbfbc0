"""The chart of a training: axes and curves, made once and then given new numbers."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QMouseEvent
from qtpy.QtWidgets import QWidget

# isort: split
import pyqtgraph as pg  # takes the Qt binding that is loaded by now: that of qtpy

from napari_umis_fusion.plugin.focus_chart import limits
from napari_umis_fusion.plugin.training_axes import StepAxis, ValueAxis
from napari_umis_fusion.plugin.training_view import ZoomView
from napari_umis_fusion.training.trace import Trace

SMOOTHED_PX, POINT_PX, BEST_PX, RING_PX = 2.0, 6.0, 13.0, 1.5
FAINT = 0.25
"""Opacity of the raw curve behind the smoothed one."""

EXPLANATION = (
    "Faint: each step. Bold: smoothed. Dots: validation; the ring is around the best weights.\n"
    "Point at the curves to read them, drag over a part to enlarge it, double-click to see all."
)

Floats = NDArray[np.float64]


class TrainingChart(pg.GraphicsView):
    """Axes and curves by the name of their column: made once, then given new numbers.

    Signals
    -------
    pointed(object)
        Step under the mouse; None once it has left.
    """

    pointed = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view = ZoomView()
        self.view.setToolTip(EXPLANATION)
        self.view.setCursor(Qt.CursorShape.CrossCursor)
        self.step_axis, self.value_axis = StepAxis("bottom"), ValueAxis("left")
        self.lines: dict[str, tuple[Any, Any]] = {}
        self.points: dict[str, Any] = {}
        self.best = pg.ScatterPlotItem(size=BEST_PX, brush=None)
        self.crosshair = pg.InfiniteLine(angle=90)
        self.crosshair.hide()
        self._extents: dict[str, tuple[float, float, float, float]] = {}
        self._colours: Mapping[str, QColor] = {}
        self._foreground = self._accent = QColor()
        self._scale = 1.0
        self._shown: Collection[str] = ()
        self._is_zoomed = False
        self._arrange()
        self.view.enlarged.connect(self._on_enlarged)
        self.scene().sigMouseMoved.connect(self._on_moved)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size that shows the curves well."""
        return QSize(360, 220)

    def set_axis(self, label: str, *, is_log: bool) -> None:
        """Name the axis of the values, before they are drawn; another one shows all of them."""
        if (label, is_log) == (self.value_axis.labelText, self.value_axis.is_log):
            return
        self.value_axis.setLabel(label)
        self.value_axis.set_log(is_log)
        self._is_zoomed = False

    def draw_line(self, name: str, trace: Trace, amount: float) -> bool:
        """Draw all values faintly, and smoothed by an amount; tells whether any can be drawn."""
        raw, smoothed = self.lines.get(name) or self._new_line(name)
        steps, values = trace.envelope()
        drawn = self._heights(values)
        raw.setData(steps, drawn)
        smoothed.setData(trace.steps, self._heights(trace.smoothed(amount)))
        return self._measure(name, steps, drawn)

    def draw_points(self, name: str, trace: Trace) -> bool:
        """Draw each value as a dot; tells whether any can be drawn."""
        points = self.points.get(name) or self._new_points(name)
        drawn = self._heights(trace.raw)
        some = np.isfinite(drawn)
        points.setData(trace.steps[some], drawn[some])
        return self._measure(name, trace.steps, drawn)

    def mark_best(self, step: float | None, values: Collection[float]) -> None:
        """Put a ring around each of these values at a step."""
        heights = self._heights(np.array([] if step is None else list(values), np.float64))
        heights = heights[np.isfinite(heights)]
        self.best.setData(np.full(len(heights), step, np.float64), heights)

    def point_at(self, step: float | None) -> None:
        """Put a line at a step, or nowhere."""
        self.crosshair.setVisible(step is not None)
        if step is not None:
            self.crosshair.setPos(step)

    def show_only(self, names: Collection[str]) -> None:
        """Show the curves of these names, and all of them unless a part is enlarged."""
        for name, items in self.lines.items():
            for item in items:
                item.setVisible(name in names)
        for name, item in self.points.items():
            item.setVisible(name in names)
        self._shown = names
        if not self._is_zoomed:
            self._fit()

    def clear_curves(self) -> None:
        """Take all curves away."""
        for item in (*(i for pair in self.lines.values() for i in pair), *self.points.values()):
            self.view.removeItem(item)
        for kept in (self.lines, self.points, self._extents):
            kept.clear()
        self.best.setData([], [])
        self.point_at(None)
        self._is_zoomed = False

    def paint(
        self,
        background: QColor,
        foreground: QColor,
        accent: QColor,
        colours: Mapping[str, QColor],
    ) -> None:
        """Recolour everything; curves by their names."""
        self._colours, self._foreground, self._accent = colours, foreground, accent
        self.setBackground(background)
        self.view.frame(foreground)
        self._take_pens(1.0)

    @contextmanager
    def laid_out(self, area: QRectF, scale: float) -> Iterator[None]:
        """Lay the chart out for another area of its scene and wider pens, to paint it there."""
        before = self.centralWidget.geometry()
        was_visible = self.crosshair.isVisible()
        self._become_picture(True)
        self.crosshair.hide()
        self.centralWidget.setGeometry(area)
        self._take_pens(scale)
        try:
            yield
        finally:
            self._become_picture(False)
            self.crosshair.setVisible(was_visible)
            self.centralWidget.setGeometry(before)
            self._take_pens(1.0)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that nothing is pointed at."""
        super().leaveEvent(event)
        self.pointed.emit(None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show all again."""
        super().mouseDoubleClickEvent(event)
        self._is_zoomed = False
        self._fit()

    def _arrange(self) -> None:
        layout = pg.GraphicsLayout()
        layout.setContentsMargins(4, 6, 10, 4)
        layout.setSpacing(0)
        layout.addItem(self.value_axis, 0, 0)
        layout.addItem(self.view, 0, 1)
        layout.addItem(self.step_axis, 1, 1)
        for axis in (self.value_axis, self.step_axis):
            axis.linkToView(self.view)
        self.step_axis.setLabel("step")
        self.step_axis.setHeight(2 * QFontMetrics(self.step_axis.label.font()).height() + 4)
        for item in (self.crosshair, self.best):
            item.setZValue(4)
            self.view.addItem(item, ignoreBounds=True)
        self.setCentralItem(layout)

    def _new_line(self, name: str) -> tuple[Any, Any]:
        pair = tuple(pg.PlotCurveItem(connect="finite", antialias=k == 1) for k in range(2))
        for z, item in enumerate(pair):
            item.setZValue(z)
            self.view.addItem(item, ignoreBounds=True)
        self.lines[name] = pair
        self._colour(name)
        return pair

    def _new_points(self, name: str) -> Any:
        item = pg.PlotDataItem(symbol="o", symbolSize=POINT_PX, antialias=True)
        item.setZValue(3)
        self.view.addItem(item, ignoreBounds=True)
        self.points[name] = item
        self._colour(name)
        return item

    def _become_picture(self, on: bool) -> None:
        """Paint dots as lines instead of copies of an image."""
        for dots in (self.best, *(item.scatter for item in self.points.values())):
            dots.setExportMode(on, {"resolutionScale": 1.0})

    def _take_pens(self, scale: float) -> None:
        self._scale = scale
        faint = QColor(self._foreground)
        faint.setAlphaF(0.5)
        for axis in (self.value_axis, self.step_axis):
            axis.setPen(pg.mkPen(faint, width=scale))
            axis.setTextPen(self._foreground)
        self.best.setPen(pg.mkPen(self._foreground, width=RING_PX * scale))
        self.crosshair.setPen(pg.mkPen(self._accent, width=1))
        for name in (*self.lines, *self.points):
            self._colour(name)

    def _colour(self, name: str) -> None:
        colour, scale = self._colours.get(name), self._scale
        if colour is None:
            return
        faint = QColor(colour)
        faint.setAlphaF(FAINT)
        if name in self.lines:
            raw, smoothed = self.lines[name]
            raw.setPen(pg.mkPen(faint, width=1))  # wider ones take long
            smoothed.setPen(pg.mkPen(colour, width=SMOOTHED_PX * scale))
        if name in self.points:
            points = self.points[name]
            points.setPen(pg.mkPen(colour, width=scale, style=Qt.PenStyle.DotLine))
            points.setSymbolPen(None)
            points.setSymbolBrush(colour)

    def _heights(self, values: Floats) -> Floats:
        """Return where values stand on the axis; NaN where they have no place."""
        with np.errstate(divide="ignore", invalid="ignore"):
            heights = np.log10(values) if self.value_axis.is_log else values
        return np.where(np.isfinite(heights), heights, np.nan)

    def _measure(self, name: str, steps: Floats, heights: Floats) -> bool:
        shown = np.isfinite(heights)
        self._extents.pop(name, None)
        if shown.any():
            self._extents[name] = (*limits(steps[shown]), *limits(heights[shown]))
        return bool(shown.any())

    def _fit(self) -> None:
        extents = [self._extents[name] for name in self._shown if name in self._extents]
        table = np.array(extents or [(0.0, 1.0, 0.0, 1.0)])
        left, bottom = table[:, 0].min(), table[:, 2].min()
        right, top = table[:, 1].max(), table[:, 3].max()
        right += 0.0 if right > left else 1.0
        room = 0.0 if top > bottom else max(abs(top) * 0.1, 1e-12)
        self.view.setXRange(left, right, padding=0.02)
        self.view.setYRange(bottom - room, top + room, padding=0.06)

    def _on_enlarged(self, part: QRectF) -> None:
        self._is_zoomed = True
        self.view.setRange(part, padding=0)

    def _on_moved(self, place: Any) -> None:
        inside = self.view.sceneBoundingRect().contains(place)
        self.pointed.emit(self.view.mapSceneToView(place).x() if inside else None)
