"""A plot of one pixel's focus along z, with the planes that matter marked."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QPalette
from qtpy.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

# isort: split
import pyqtgraph as pg  # takes the Qt binding that is loaded by now: that of qtpy

LEAST_HEIGHT_PX = 140
LEAST_WIDTH_PX = 200
CURVE_PX = 1.5
LINE_PX = 2

LEAST_CONTRAST = 3.0
"""Of lines to the background: what the Web Content Accessibility Guidelines ask for (1.4.11)."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """How a plane is marked: by a line, and in the legend by a sign that looks like it."""

    style: Qt.PenStyle
    sign: str
    words: str


MARKS = {
    "chosen": _Mark(Qt.PenStyle.SolidLine, "┃", "index"),
    "source": _Mark(Qt.PenStyle.DotLine, "┋", "value from"),
    "current": _Mark(Qt.PenStyle.DashLine, "╎", "shown"),
}

EXPLANATION = (
    "Focus of the pixel in each plane, as the fusion measures it.\n"
    "Solid line: the plane of the index map.\n"
    "Dotted line: the plane that the value comes from, where that is another one.\n"
    "Dashed line: the plane shown now.\n"
    "Click to show the nearest plane."
)


class FocusPlot(QWidget):
    """Shows a focus curve; `planeClicked` tells which plane was clicked at.

    Parameters
    ----------
    parent : QWidget, optional
        Owner of the plot.
    """

    planeClicked = Signal(int)  # noqa: N815
    """Plane nearest to the click, counted from 0."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._z_values: NDArray[np.float64] = np.empty(0)
        self._planes: dict[str, int | None] = dict.fromkeys(MARKS)
        self._has_own_colours = False
        self._chart = _Chart(self)
        self._chart.clicked.connect(self._on_clicked)
        self._legend = QLabel(self)
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._legend.setToolTip(EXPLANATION)
        self._message = QLabel(self)
        self._message.setWordWrap(True)
        self._message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lay_out()
        self._take_palette()
        self.clear("")

    def _lay_out(self) -> None:
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._chart, 1)
        column.addWidget(self._legend)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._message)
        self._pages.addWidget(page)
        self.setMinimumSize(LEAST_WIDTH_PX, LEAST_HEIGHT_PX)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size that shows the curve well."""
        return QSize(300, 180)

    def set_curve(
        self,
        z_values: ArrayLike,
        focus: ArrayLike,
        *,
        chosen: int | None,
        source: int | None,
        current: int | None,
        unit: str,
        relative: bool = False,
    ) -> None:
        """Show a curve.

        Parameters
        ----------
        z_values : array-like of shape (Z,)
            Depth of each plane in `unit`, or its number; finite.
        focus : array-like of shape (Z,)
            Not drawn where it is NaN.
        chosen, source, current : int or None
            Plane of the index map, plane that the value comes from, and plane shown in the
            viewer, counted from 0; None where there is none.
        unit : str
            Of the depth; empty for numbers of planes.
        relative : bool
            Whether focus compares these planes only: it is then shown as a share of its maximum.
        """
        self._z_values = np.asarray(z_values, np.float64)
        shown = np.asarray(focus, np.float64)
        self._chart.draw(self._z_values, _normalised(shown) if relative else shown)
        self._chart.label(unit, "relative focus" if relative else "focus")
        self._planes = {"chosen": chosen, "source": source, "current": current}
        self._mark()
        self._pages.setCurrentIndex(1)

    def set_current(self, z: int | None) -> None:
        """Mark plane `z` as the one shown in the viewer."""
        self._planes["current"] = z
        self._mark()

    def clear(self, message: str) -> None:
        """Show a message instead of a curve."""
        self._z_values = np.empty(0)
        self._message.setText(message)
        self._pages.setCurrentIndex(0)

    def set_colours(
        self, background: QColor | str, foreground: QColor | str, accent: QColor | str
    ) -> None:
        """Use these colours from now on, whatever the palette becomes.

        Parameters
        ----------
        background, foreground, accent : QColor or str
            Behind the plot; of curve, axes and text; and of the lines at the planes of index map
            and value, which is made lighter or darker where it is too near to the background.
        """
        self._has_own_colours = True
        self._paint(QColor(background), QColor(foreground), QColor(accent))

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._take_palette()

    def _take_palette(self) -> None:
        if not self._has_own_colours:
            roles = QPalette.ColorRole
            wanted = (roles.Window, roles.WindowText, roles.Highlight)
            self._paint(*(self.palette().color(role) for role in wanted))

    def _paint(self, background: QColor, foreground: QColor, accent: QColor) -> None:
        accent = _standing_out(accent, background)
        self._accent = accent.name()
        self._chart.paint(background, foreground, accent)
        sheet = f"color: {foreground.name()}; background: {background.name()};"
        for label in (self._legend, self._message):
            label.setStyleSheet(f"QLabel {{ {sheet} padding: 2px; }}")
        self._mark()

    def _mark(self) -> None:
        """Move the lines, and say which planes they stand at."""
        count = len(self._z_values)
        planes = {name: z for name, z in self._planes.items() if z is not None and 0 <= z < count}
        if planes.get("source") == planes.get("chosen"):
            planes.pop("source", None)
        for name in MARKS:
            z = planes.get(name)
            self._chart.move(name, None if z is None else float(self._z_values[z]))
        self._legend.setText("&nbsp; ".join(self._describe(name, planes[name]) for name in planes))

    def _describe(self, name: str, z: int) -> str:
        sign, words = MARKS[name].sign, MARKS[name].words.replace(" ", "&nbsp;")
        if name != "current":
            sign = f'<span style="color: {self._accent}">{sign}</span>'
        return f"{sign}&nbsp;{words}&nbsp;{z}"

    def _on_clicked(self, x: float) -> None:
        if self._z_values.size:
            self.planeClicked.emit(int(np.abs(self._z_values - x).argmin()))


class _Chart(pg.GraphicsView):
    """Axes, curve and lines: made once, then moved."""

    clicked = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view = pg.ViewBox(enableMouse=False, enableMenu=False)
        self.view.setToolTip(EXPLANATION)
        self.view.setCursor(Qt.CursorShape.PointingHandCursor)
        self.depth_axis, self.focus_axis = _DepthAxis("bottom"), pg.AxisItem("left")
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
        least, most = _limits(focus)
        self.view.setYRange(min(least, 0.0), most if most > 0 else 1.0, padding=0.06)
        first, last = _limits(z_values)
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


class _DepthAxis(pg.AxisItem):
    """Has no ticks between planes where it counts them."""

    is_whole = False

    def tickSpacing(  # noqa: N802
        self,
        minVal: float,  # noqa: N803
        maxVal: float,  # noqa: N803
        size: float,
    ) -> list[tuple[float, float]]:
        """Return (spacing, offset) of each level of ticks."""
        levels: list[tuple[float, float]] = super().tickSpacing(minVal, maxVal, size)
        if not self.is_whole:
            return levels
        return [level for level in levels if level[0] >= 1] or [(1.0, 0.0)]


def _normalised(focus: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return focus as a share of its maximum."""
    most = _limits(focus)[1]
    return focus / most if most > 0 else focus


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the least and the greatest finite value; 0 and 0 where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _standing_out(colour: QColor, background: QColor) -> QColor:
    """Return the colour, mixed with white or black where it is too near to the background."""
    behind = _luminance(background)
    far = 1.0 if behind < 0.18 else 0.0
    for share in np.linspace(0, 1, 21):
        mixed = QColor.fromRgbF(*(c + share * (far - c) for c in colour.getRgbF()[:3]))
        darker, lighter = sorted((_luminance(mixed) + 0.05, behind + 0.05))
        if lighter / darker >= LEAST_CONTRAST:
            break
    return mixed


def _luminance(colour: QColor) -> float:
    """Return the relative luminance, 0 to 1, of sRGB."""
    light = [(max(c, 0.04) + 0.055) ** 2.4 / 1.055**2.4 for c in colour.getRgbF()[:3]]
    return float(np.dot(light, (0.2126, 0.7152, 0.0722)))
