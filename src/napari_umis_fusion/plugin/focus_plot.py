"""A plot of one pixel's focus along z, with the planes that matter marked."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from napari_umis_fusion.plugin.focus_chart import EXPLANATION, MARKS, FocusChart, limits
from napari_umis_fusion.plugin.plot_colours import ColouredPlot, standing_out

LEAST_HEIGHT_PX = 140
LEAST_WIDTH_PX = 200


class FocusPlot(ColouredPlot):
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
        self._chart = FocusChart(self)
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

    def _paint(self, background: QColor, foreground: QColor, accent: QColor) -> None:
        accent = standing_out(accent, background)
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


def _normalised(focus: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return focus as a share of its maximum."""
    most = limits(focus)[1]
    return focus / most if most > 0 else focus
