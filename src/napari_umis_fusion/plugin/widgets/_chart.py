"""A chart of curves: two axes and a view, created once; only the data of its items changes."""

from typing import Any

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QMouseEvent
from qtpy.QtWidgets import QWidget

# isort: split
import pyqtgraph as pg  # after qtpy: it uses the Qt binding that is already loaded

from napari_umis_fusion.plugin.widgets._chart_axis import ChartAxis

MIN_DRAG_PX = 5
"""A thinner rectangle is a click of an unsteady hand, not a part to zoom into."""

PADDINGS = 0.02, 0.06
"""Margins around the curves, as shares of width and height."""


class Chart(pg.GraphicsView):
    """Curves with axes; dragging zooms in, a double click shows all again.

    It is not a `pg.PlotWidget`: that creates 44 widgets for a context menu that is not needed here,
    seven of them menus without a parent, which napari's tests report as leaked windows.

    Parameters
    ----------
    parent : QWidget
        Owner of the chart.

    Signals
    -------
    pointed(object)
        Position of the mouse along the x axis; None once it has left.
    clicked(float)
        Position of a click along the x axis.
    """

    pointed = Signal(object)
    clicked = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view = _View()
        self.x_axis, self.y_axis = ChartAxis("bottom"), ChartAxis("left")
        self.grid = pg.GraphicsLayout()
        self.grid.setContentsMargins(4, 6, 10, 4)
        self.grid.setSpacing(0)
        self.grid.addItem(self.y_axis, 1, 0)
        self.grid.addItem(self.view, 1, 1)
        self.grid.addItem(self.x_axis, 2, 1)
        self.grid.layout.setRowStretchFactor(1, 1)  # row 0 is reserved for a legend
        for axis in (self.x_axis, self.y_axis):
            axis.linkToView(self.view)
            axis.setZValue(2)  # above the cover that an exported picture has at 1
        # pyqtgraph's own height leaves little room for the curves in a narrow widget
        self.x_axis.setHeight(2 * QFontMetrics(self.x_axis.label.font()).height() + 4)
        self.setCentralItem(self.grid)
        self.scene().sigMouseMoved.connect(self._on_moved)
        self.scene().sigMouseClicked.connect(self._on_clicked)

    @property
    def is_log(self) -> bool:
        """Whether the axis of the values is logarithmic."""
        return bool(self.y_axis.logMode)

    def set_log(self, is_log: bool) -> None:
        """Set the scale of the y axis, for existing and future curves."""
        self.y_axis.setLogMode(x=False, y=is_log)
        for item in self.view.allChildren():
            if isinstance(item, pg.PlotDataItem):
                item.setLogMode(False, is_log)

    def add(self, item: Any, z: int = 0, *, is_measured: bool = True) -> Any:
        """Add an item, and return it.

        Parameters
        ----------
        item : pyqtgraph item
            A curve, dots, or a line.
        z : int
            Drawing order; higher values are on top.
        is_measured : bool
            Whether the auto range includes it.
        """
        item.setZValue(z)
        if isinstance(item, pg.PlotDataItem):
            item.setLogMode(False, self.is_log)
        self.view.addItem(item, ignoreBounds=not is_measured)
        return item

    def show_all(self) -> None:
        """Show all measured and visible curves, from now on."""
        self.view.enableAutoRange()
        for _ in range(2):  # in the first pass, curves are still clipped to the previous range
            self.view.updateAutoRange()

    def paint(self, background: QColor, foreground: QColor, scale: float = 1.0) -> None:
        """Recolour background, frame and axes, with pens of this width."""
        self.setBackground(background)
        self.view.frame(foreground)
        faint = QColor(foreground)
        faint.setAlphaF(0.5)
        for axis in (self.x_axis, self.y_axis):
            axis.setPen(pg.mkPen(faint, width=scale))
            axis.setTextPen(foreground)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Report that the mouse has left."""
        super().leaveEvent(event)
        self.pointed.emit(None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show all again."""
        super().mouseDoubleClickEvent(event)
        self.show_all()

    def _across(self, place: Any) -> float | None:
        """Return the x value at a position of the scene; None outside of the curves."""
        inside = self.view.sceneBoundingRect().contains(place)
        return self.view.mapSceneToView(place).x() if inside else None

    def _on_moved(self, place: Any) -> None:
        self.pointed.emit(self._across(place))

    def _on_clicked(self, event: Any) -> None:
        across = self._across(event.scenePos())
        if across is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(across)


class _View(pg.ViewBox):
    """Holds the curves; ignores the wheel, which scrolls the widget."""

    def __init__(self) -> None:
        super().__init__(enableMouse=False, enableMenu=False)
        self.setMouseMode(self.RectMode)

    def frame(self, colour: QColor) -> None:
        """Set the colour of the zoom rectangle."""
        within = QColor(colour)
        within.setAlphaF(0.15)
        self.rbScaleBox.setPen(pg.mkPen(colour, width=1))
        self.rbScaleBox.setBrush(pg.mkBrush(within))

    def wheelEvent(self, event: Any, axis: int | None = None) -> None:  # noqa: N802
        """Ignore the wheel; pyqtgraph 0.13 would accept the event, and nothing would scroll."""
        event.ignore()

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:  # noqa: N802
        """Zoom with the left button only, as the tooltip says."""
        if event.button() == Qt.MouseButton.LeftButton and axis is None:
            super().mouseDragEvent(event)
        else:
            event.ignore()

    def showAxRect(self, ax: Any, **kwargs: Any) -> None:  # noqa: N802
        """Zoom to the rectangle, unless it is too thin to be intended."""
        part = ax.normalized() & self.viewRect().normalized()
        px_wide, px_high = self.viewPixelSize()
        if min(part.width() / px_wide, part.height() / px_high) >= MIN_DRAG_PX:
            super().showAxRect(part, padding=0, **kwargs)

    def suggestPadding(self, axis: int) -> float:  # noqa: N802
        """Return the margin around the curves; pyqtgraph's is a tenth, also below step 0."""
        return PADDINGS[axis]

    def childrenBounds(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802
        """Return the extent of the curves; a flat curve gets a margin relative to its value."""
        bounds = super().childrenBounds(*args, **kwargs)
        for bound in bounds:
            if bound is not None and bound[0] == bound[1]:
                room = abs(bound[0]) * 0.1 or 0.5
                bound[:] = bound[0] - room, bound[1] + room
        return bounds
