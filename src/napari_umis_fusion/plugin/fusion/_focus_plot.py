"""A plot of the focus of one pixel along z, with the chosen and the shown plane marked."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

# isort: split
import pyqtgraph as pg  # after qtpy: it uses the Qt binding that is already loaded

from napari_umis_fusion.plugin.widgets import Chart, ColouredPlot, ensure_contrast

CURVE_PX, LINE_PX, DOT_PX = 1.5, 2, 4
MIN_HEIGHT_PX = 140
MIN_WIDTH_PX = 200

EXPLANATION = (
    "Focus of the pixel in each plane, as the fusion measures it.\n"
    "Solid line: plane of the index map.\n"
    "Dotted line: plane of the source map, if different.\n"
    "Dashed line: plane shown in the viewer.\n"
    "Click to show the nearest plane, drag to zoom in, double-click to show all."
)


@dataclass(frozen=True, slots=True)
class Mark:
    """How a plane is marked: a line style, and a character of that style for the legend."""

    style: Qt.PenStyle
    sign: str
    words: str


MARKS = {
    "chosen": Mark(Qt.PenStyle.SolidLine, "┃", "index"),
    "source": Mark(Qt.PenStyle.DotLine, "┋", "value from"),
    "current": Mark(Qt.PenStyle.DashLine, "╎", "shown"),
}


@dataclass(frozen=True, slots=True, eq=False)
class MarkedFocus:
    """Focus along z, and the marked planes.

    Attributes
    ----------
    z_values : ndarray of shape (Z,), float64
        Depth of each plane in `unit`, or its number; finite.
    focus : ndarray of shape (Z,), float64
        Not drawn where it is not finite.
    chosen, source, current : int or None
        Plane of the index map, plane of the source map, and plane shown in the viewer, counted
        from 0; None if there is none.
    unit : str
        Unit of the depth; empty for plane numbers.
    is_relative : bool
        Whether focus is comparable only between these planes: it is then shown as a share of its
        maximum.
    """

    z_values: NDArray[np.float64]
    focus: NDArray[np.float64]
    chosen: int | None = None
    source: int | None = None
    current: int | None = None
    unit: str = ""
    is_relative: bool = False

    @property
    def shown(self) -> NDArray[np.float64]:
        """Focus as drawn: NaN for gaps, a share of the maximum if relative."""
        shown = np.where(np.isfinite(self.focus), self.focus, np.nan)
        most = np.fmax.reduce(shown, initial=0.0)
        return shown / most if self.is_relative and most > 0 else shown

    @property
    def planes(self) -> dict[str, int]:
        """Planes to mark, by the names of `MARKS`; the source only if it differs."""
        named = {"chosen": self.chosen, "source": self.source, "current": self.current}
        count = len(self.z_values)
        planes = {name: z for name, z in named.items() if z is not None and 0 <= z < count}
        if planes.get("source") == planes.get("chosen"):
            planes.pop("source", None)
        return planes


class FocusPlot(ColouredPlot):
    """Shows a focus curve; `planeClicked` reports the plane of a click.

    Parameters
    ----------
    parent : QWidget, optional
        Owner of the plot.
    """

    planeClicked = Signal(int)  # noqa: N815
    """Plane nearest to the click, counted from 0."""

    valueChanged = Signal()  # noqa: N815
    """The curve or a marked plane has changed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: MarkedFocus | None = None
        self._chart = Chart(self)
        self._chart.view.setToolTip(EXPLANATION)
        self._chart.view.setCursor(Qt.CursorShape.PointingHandCursor)
        self._lines = {
            name: self._chart.add(pg.InfiniteLine(angle=90), is_measured=False) for name in MARKS
        }
        # an empty fill down to 0 makes pyqtgraph's auto range include 0
        curve = pg.PlotDataItem(symbol="o", symbolSize=DOT_PX, antialias=True, fillLevel=0)
        self._curve = self._chart.add(curve)
        self._chart.clicked.connect(self._on_clicked)
        self._legend, self._message = QLabel(self), QLabel(self)
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setToolTip(EXPLANATION)
        self._message.setWordWrap(True)
        self._lay_out()
        self._take_palette()
        self.clear("")

    def value(self) -> MarkedFocus | None:
        """Return the curve; None while a message is shown instead."""
        return self._value

    def setValue(self, value: MarkedFocus) -> None:  # noqa: N802
        """Show a curve with its marks, in full."""
        self._value = value
        shown = value.shown
        some = slice(None) if np.isfinite(shown).any() else slice(0)
        # pyqtgraph warns if all values are NaN.
        self._curve.setData(value.z_values[some], shown[some])
        self._chart.x_axis.is_whole = not value.unit
        self._chart.x_axis.setLabel(f"depth ({value.unit})" if value.unit else "plane")
        self._chart.y_axis.setLabel("relative focus" if value.is_relative else "focus")
        self._chart.show_all()
        self._mark()
        self._pages.setCurrentIndex(1)
        self.valueChanged.emit()

    def set_current(self, z: int | None) -> None:
        """Mark plane `z` as the one shown in the viewer."""
        if self._value is not None:
            self._value = replace(self._value, current=z)
            self._mark()
            self.valueChanged.emit()

    def clear(self, message: str) -> None:
        """Show a message instead of a curve."""
        self._value = None
        self._message.setText(message)
        self._pages.setCurrentIndex(0)
        self.valueChanged.emit()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size at which the curve is easy to read."""
        return QSize(300, 180)

    def _lay_out(self) -> None:
        for label in (self._legend, self._message):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._chart, 1)
        column.addWidget(self._legend)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._message)
        self._pages.addWidget(page)
        self.setMinimumSize(MIN_WIDTH_PX, MIN_HEIGHT_PX)

    def _paint(self, background: QColor, foreground: QColor, accent: QColor) -> None:
        accent = ensure_contrast(accent, background)
        self._accent = accent.name()
        self._chart.paint(background, foreground)
        self._curve.setPen(foreground, width=CURVE_PX)
        self._curve.setSymbolPen(None)
        self._curve.setSymbolBrush(foreground)
        for name, line in self._lines.items():
            colour, width = (foreground, 1) if name == "current" else (accent, LINE_PX)
            line.setPen(pg.mkPen(colour, width=width, style=MARKS[name].style))
        sheet = f"color: {foreground.name()}; background: {background.name()};"
        for label in (self._legend, self._message):
            label.setStyleSheet(f"QLabel {{ {sheet} padding: 2px; }}")
        self._mark()

    def _mark(self) -> None:
        """Move the lines, and update the legend."""
        if self._value is None:
            return
        planes = self._value.planes
        for name, line in self._lines.items():
            line.setVisible(name in planes)
            if name in planes:
                line.setPos(float(self._value.z_values[planes[name]]))
        self._legend.setText("&nbsp; ".join(self._describe(name, planes[name]) for name in planes))

    def _describe(self, name: str, z: int) -> str:
        sign, words = MARKS[name].sign, MARKS[name].words.replace(" ", "&nbsp;")
        if name != "current":
            sign = f'<span style="color: {self._accent}">{sign}</span>'
        return f"{sign}&nbsp;{words}&nbsp;{z}"

    def _on_clicked(self, x: float) -> None:
        if self._value is not None and len(self._value.z_values):
            self.planeClicked.emit(int(np.abs(self._value.z_values - x).argmin()))
