"""Live plots of a training: losses, validation scores and learning rate."""

import math
import os
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSize, QTimer, Signal
from qtpy.QtGui import QColor, QHideEvent, QShowEvent
from qtpy.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.write import naming_write_errors
from napari_umis_fusion.plugin.training._chart import TrainingChart
from napari_umis_fusion.plugin.training._chart_controls import TrainingControls
from napari_umis_fusion.plugin.training._export import Exporter
from napari_umis_fusion.plugin.training._legend import Numbers, TrainingLegend
from napari_umis_fusion.plugin.training._pages import (
    AXES,
    WAITING,
    CurveRow,
    Page,
    curve_rows,
    heads_of,
)
from napari_umis_fusion.plugin.training._picture import save_picture
from napari_umis_fusion.plugin.training._readings import Floats, numbers_at, value_near
from napari_umis_fusion.plugin.widgets import ColouredPlot, distinct, ensure_contrast
from napari_umis_fusion.training import LossCurve, TrainingEvent, finite_only, smoothed

REDRAW_MS = 200
"""Steps may follow each other within milliseconds: draw at most 5 times a second."""

SUFFIXES = (".csv", ".png", ".svg")
MIN_CHART_PX = 150


class TrainingPlot(ColouredPlot):
    """Shows the curves of a training, live or finished.

    Parameters
    ----------
    parent : QWidget, optional
        Owner of the plot.

    Signals
    -------
    valueChanged()
        The curve was replaced or has grown.
    """

    valueChanged = Signal()  # noqa: N815

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curve = LossCurve()
        self._bold: dict[str, tuple[Floats, Floats]] = {}
        self._is_dirty = False
        self._pointed: float | None = None
        self._hint = self._status = ""
        self.controls = TrainingControls(self)
        self.chart = TrainingChart(self)
        self.chart.setMinimumHeight(MIN_CHART_PX)
        self.legend = TrainingLegend(self)
        self.message = QLabel(self)
        self.message.setWordWrap(True)
        self.exporter = Exporter(self, self.value, self.save)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw)
        self._lay_out()
        self._connect()
        self._take_palette()
        self._redraw()

    def value(self) -> LossCurve:
        """Return the curve with all events so far."""
        return self._curve

    def setValue(self, curve: LossCurve) -> None:  # noqa: N802
        """Show a copy of a curve; later events extend it."""
        self.clear()
        self._curve = curve.copy()
        self._touch()

    @property
    def page(self) -> Page:
        """The page that is shown: 'Loss', 'Score' or 'Learning rate'."""
        return self.controls.page

    @page.setter
    def page(self, page: Page) -> None:
        self.controls.page = page

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size at which the curves are easy to read."""
        return QSize(380, super().sizeHint().height())

    def add_event(self, event: TrainingEvent) -> None:
        """Store the values of an event, and draw them soon; other events are ignored."""
        if self._curve.add(event):
            self._touch()

    def clear(self) -> None:
        """Remove all curves; page, axis and smoothing stay."""
        self._curve = LossCurve()
        self._bold.clear()
        self._pointed = None
        self.chart.clear_curves()
        self._set_status("")
        self._touch()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save all numbers, or a picture of the page that is shown.

        Parameters
        ----------
        path : path
            File name with the extension .csv, .png or .svg. An existing file is replaced.

        Returns
        -------
        pathlib.Path
            The file, absolute.

        Raises
        ------
        ConfigError
            For another extension.
        StackFileError
            If the file cannot be written.
        """
        where = Path(path).absolute()
        suffix = where.suffix.lower()
        if suffix not in SUFFIXES:
            accepted = ", ".join(SUFFIXES)
            raise ConfigError(f"{where}: curves are saved as {accepted}; change the extension.")
        with naming_write_errors(where):
            if suffix == ".csv":
                self._curve.save_csv(where)
            else:
                self._redraw()
                save_picture(where, self.chart, self._entries())
        return where

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Draw what was added while the plot was hidden."""
        super().showEvent(event)
        if self._is_dirty:
            self._redraw()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Stop drawing while the plot is hidden."""
        super().hideEvent(event)
        self._timer.stop()

    def _lay_out(self) -> None:
        self._message = QLabel(self)
        self._message.setWordWrap(True)
        self._message.setMargin(12)
        area = QWidget(self)
        self._stacked = QStackedLayout(area)
        self._stacked.addWidget(self._message)
        self._stacked.addWidget(self.chart)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.controls)
        layout.addWidget(area, 1)
        layout.addWidget(self.legend)
        layout.addWidget(self.message)

    def _connect(self) -> None:
        self.controls.changed.connect(self._redraw)
        self.controls.export.clicked.connect(self.exporter.open_dialog)
        self.exporter.notified.connect(self._set_status)
        self.legend.valueChanged.connect(self._redraw)
        self.chart.pointed.connect(self._on_pointed)

    def _paint(self, background: QColor, foreground: QColor, accent: QColor) -> None:
        self._background, self._foreground = background, foreground
        self._accent = ensure_contrast(accent, background)
        self._colour(self.legend.rows)

    def _colour(self, rows: list[CurveRow]) -> None:
        """Assign a colour to each row of a page."""
        colours = distinct(len(rows), self._foreground, self._background)
        pairs = list(zip(rows, colours, strict=True))
        columns = {column: colour for row, colour in pairs for column in row.columns}
        self._colours = {row.words: colour for row, colour in pairs}
        self.chart.colour(self._background, self._foreground, self._accent, columns)
        self.legend.paint(self._foreground, self._colours)

    def _touch(self) -> None:
        self._is_dirty = True
        self.valueChanged.emit()
        # a hidden plot is drawn when it is shown; the timer joins events into one drawing
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def _redraw(self) -> None:
        """Draw the current page."""
        self._is_dirty = False
        page, rows = self.page, curve_rows(self.page, self._curve.names)
        if rows != self.legend.rows:
            self.legend.set_rows(rows, len(heads_of(page, None)))
            self._colour(rows)
        self.chart.set_axis(AXES[page], is_log=self.controls.is_log)
        self._draw(self.legend.wanted)
        self._message.setText("" if rows else WAITING[page])
        self._stacked.setCurrentIndex(1 if rows else 0)
        self.legend.setVisible(bool(rows))
        self.controls.export.setEnabled(bool(self._curve.names))
        self._show_values()

    def _draw(self, rows: list[CurveRow]) -> None:
        without = [row.words for row in rows if not self._draw_row(row)]
        best = self._curve.best_step
        marked = [value_near(self._curve, row.validation, best) for row in rows]
        self.chart.mark_best(best, [value for value in marked if value is not None])
        self.chart.show_only([column for row in rows for column in row.columns])
        self._hint = _hint(without) if self.controls.is_log else ""
        self._show_status()

    def _draw_row(self, row: CurveRow) -> bool:
        """Draw the curves of one row; return whether any of their values is visible."""
        least = 0.0 if self.chart.is_log else -math.inf
        is_seen = False
        if row.training is not None:
            raw = finite_only(*self._curve.series(row.training))
            self._bold[row.training] = smoothed(*raw, self.controls.amount)
            self.chart.draw_line(row.training, raw, self._bold[row.training])
            is_seen = bool((raw[1] > least).any())
        if row.validation is not None:
            raw = finite_only(*self._curve.series(row.validation))
            self.chart.draw_points(row.validation, raw)
            is_seen = is_seen or bool((raw[1] > least).any())
        return is_seen

    def _show_values(self) -> None:
        """Show the values at the step under the mouse, or the latest."""
        rows = self.legend.wanted
        target = math.inf if self._pointed is None else self._pointed
        columns = [column for row in rows for column in row.columns]
        found = self._curve.at(columns[0], target) if columns else None
        step = None if found is None else found[0]
        is_pointed = self._pointed is not None and step is not None
        self.chart.point_at(step if is_pointed else None)
        best = self._curve.best_step
        place = "" if step is None else f"step {step:,}" if is_pointed else f"latest: step {step:,}"
        numbers = {} if step is None else {row.words: self._numbers(row, step) for row in rows}
        self.legend.show_values(place, heads_of(self.page, best), numbers)

    def _numbers(self, row: CurveRow, step: int) -> Numbers:
        bold = self._bold.get(row.training or "")
        return numbers_at(step, row, self.page, self._curve, bold)

    def _entries(self) -> dict[str, Any]:
        """Return the legend entries of an exported picture."""
        chart, rows = self.chart, self.legend.wanted
        dots = [chart.points[row.validation] for row in rows if row.validation]
        named = {
            row.words: chart.lines[row.training][1] if row.training else dots[k]
            # Fits dots: beside a validation-only row, all rows have dots.
            for k, row in enumerate(rows)
        }
        return named | ({"validation": dots[0], "best weights": chart.best} if dots else {})

    def _on_pointed(self, step: float | None) -> None:
        self._pointed = step
        self._show_values()

    def _set_status(self, text: str) -> None:
        self._status = text
        self._show_status()

    def _show_status(self) -> None:
        lines = [line for line in (self._hint, self._status) if line]
        self.message.setText("\n".join(lines))
        self.message.setVisible(bool(lines))


def _hint(without: list[str]) -> str:
    if not without:
        return ""
    return (
        f"The logarithmic axis cannot show {', '.join(without)}: all values are 0 or below. "
        "Switch it off to see them."
    )
