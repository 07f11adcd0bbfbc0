"""Live plots of a training: losses, validation and learning rate, to read, switch and save."""

import math
import os
from collections.abc import Iterable
from pathlib import Path

from qtpy.QtCore import QSize, QTimer
from qtpy.QtGui import QColor, QHideEvent, QShowEvent
from qtpy.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.writing import telling_refusals
from napari_umis_fusion.plugin.plot_colours import ColouredPlot, distinct, standing_out
from napari_umis_fusion.plugin.training_chart import TrainingChart
from napari_umis_fusion.plugin.training_controls import TrainingControls
from napari_umis_fusion.plugin.training_export import Exporter
from napari_umis_fusion.plugin.training_legend import Numbers, TrainingLegend
from napari_umis_fusion.plugin.training_pages import AXES, WAITING, Page, Row, heads_of, rows_of
from napari_umis_fusion.plugin.training_picture import Entry, save_picture
from napari_umis_fusion.training.curves import LossCurve
from napari_umis_fusion.training.events import TrainingEvent
from napari_umis_fusion.training.traced_curve import TracedCurve

REDRAW_MS = 200
ENDINGS = (".csv", ".png", ".svg")
LEAST_CHART_PX = 150


class TrainingPlot(ColouredPlot):
    """Shows a training while it runs, or as far as it went.

    Parameters
    ----------
    parent : QWidget, optional
        Owner of the plot.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._numbers = TracedCurve()
        self._is_dirty = False
        self._pointed: float | None = None
        self._hint = self._told = ""
        self.controls = TrainingControls(self)
        self.chart = TrainingChart(self)
        self.chart.setMinimumHeight(LEAST_CHART_PX)
        self.legend = TrainingLegend(self)
        self.says = QLabel(self)
        self.says.setWordWrap(True)
        self.exporter = Exporter(self, lambda: self.curve, self.save)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw)
        self._lay_out()
        self._connect()
        self._take_palette()
        self._redraw()

    @property
    def curve(self) -> LossCurve:
        """All that was taken."""
        return self._numbers.curve

    @property
    def page(self) -> Page:
        """What is shown: 'Loss', 'Score' or 'Learning rate'."""
        return self.controls.page

    @page.setter
    def page(self, page: Page) -> None:
        self.controls.page = page

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size that shows the curves well."""
        return QSize(380, super().sizeHint().height())

    def take(self, event: TrainingEvent) -> None:
        """Keep what an event measured, and draw it soon; other events are ignored."""
        if self._numbers.add(event):
            self._touch()

    def load(self, curve: LossCurve) -> None:
        """Show a copy of a curve, and go on from there."""
        self.clear()
        self._numbers.load(curve)
        self._touch()

    def clear(self) -> None:
        """Forget everything but how it is shown."""
        self._numbers = TracedCurve()
        self._pointed = None
        self.chart.clear_curves()
        self._say("")
        self._touch()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save all numbers, or a picture of the page that is shown.

        Parameters
        ----------
        path : path
            Ends in .csv, .png or .svg. An existing file is replaced.

        Returns
        -------
        pathlib.Path
            The file, absolute.

        Raises
        ------
        ConfigError
            If the name ends otherwise.
        StackFileError
            If the file cannot be written.
        """
        where = Path(path).absolute()
        ending = where.suffix.lower()
        if ending not in ENDINGS:
            accepted = ", ".join(ENDINGS)
            raise ConfigError(f"{where}: curves are saved as {accepted}; change the ending.")
        with telling_refusals(where):
            if ending == ".csv":
                self.curve.save_csv(where)
            else:
                self._redraw()
                save_picture(where, self.chart, list(self._entries()), self._foreground)
        return where

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Show what came meanwhile."""
        super().showEvent(event)
        if self._is_dirty:
            self._redraw()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Draw nothing until it is seen again."""
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
        layout.addWidget(self.says)

    def _connect(self) -> None:
        self.controls.changed.connect(self._redraw)
        self.controls.export.clicked.connect(self.exporter.ask)
        self.exporter.said.connect(self._say)
        self.legend.toggled.connect(self._redraw)
        self.chart.pointed.connect(self._on_pointed)

    def _paint(self, background: QColor, foreground: QColor, accent: QColor) -> None:
        self._background, self._foreground = background, foreground
        self._accent = standing_out(accent, background)
        self._colour(self.legend.rows)

    def _colour(self, rows: list[Row]) -> None:
        """Give the rows of a page their colours."""
        colours = distinct(len(rows), self._foreground, self._background)
        pairs = list(zip(rows, colours, strict=True))
        columns = {column: colour for row, colour in pairs for column in row.columns}
        self._colours = {row.words: colour for row, colour in pairs}
        self.chart.paint(self._background, self._foreground, self._accent, columns)
        self.legend.paint(self._foreground, self._colours)

    def _touch(self) -> None:
        self._is_dirty = True
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def _redraw(self) -> None:
        """Draw the page anew; costs the same however long the training is."""
        self._is_dirty = False
        page, rows = self.page, rows_of(self.page, self.curve.names)
        if rows != self.legend.rows:
            self.legend.set_rows(rows, len(heads_of(page, None)))
            self._colour(rows)
        self.chart.set_axis(AXES[page], is_log=self.controls.is_log)
        self._draw(self.legend.wanted)
        self._message.setText("" if rows else WAITING[page])
        self._stacked.setCurrentIndex(1 if rows else 0)
        self.legend.setVisible(bool(rows))
        self.controls.export.setEnabled(bool(self.curve.names))
        self._tell()

    def _draw(self, rows: list[Row]) -> None:
        numbers, amount = self._numbers, self.controls.amount
        without = []
        for row in rows:
            is_drawn = False
            if row.training is not None:
                is_drawn = self.chart.draw_line(row.training, numbers.trace(row.training), amount)
            if row.validation is not None:
                is_drawn |= self.chart.draw_points(row.validation, numbers.trace(row.validation))
            if not is_drawn:
                without.append(row.words)
        best = numbers.best_step
        marked = [numbers.value_near(row.validation, best) for row in rows]
        self.chart.mark_best(best, [value for value in marked if value is not None])
        self.chart.show_only([column for row in rows for column in row.columns])
        self._hint = _hint(without) if self.controls.is_log else ""
        self._say_all()

    def _tell(self) -> None:
        """Show the numbers at the step that is pointed at, or the latest."""
        rows = self.legend.wanted
        wish = math.inf if self._pointed is None else self._pointed
        columns = [column for row in rows for column in row.columns]
        step = self._numbers.step_near(columns[0], wish) if columns else None
        is_pointed = self._pointed is not None and step is not None
        self.chart.point_at(step if is_pointed else None)
        best = self._numbers.best_step
        place = "" if step is None else f"step {step:,}" if is_pointed else f"latest: step {step:,}"
        numbers = {} if step is None else {row.words: self._read(row, step) for row in rows}
        self.legend.tell(place, heads_of(self.page, best), numbers)

    def _read(self, row: Row, step: int) -> Numbers:
        numbers = self._numbers
        if self.page == "Loss":
            smoothed = numbers.smoothed_near(row.training, step, self.controls.amount)
            raw = numbers.value_near(row.training, step)
            return raw, smoothed, numbers.value_near(row.validation, step)
        if self.page == "Score":
            best = numbers.value_near(row.validation, numbers.best_step)
            return numbers.value_near(row.validation, step), best
        return (numbers.value_near(row.training, step),)

    def _entries(self) -> Iterable[Entry]:
        """Say what is in the picture."""
        rows = self.legend.wanted
        yield from ((row.words, self._colours[row.words]) for row in rows)
        if any(row.validation for row in rows):
            yield "dots: validation, ring: the best weights", None

    def _on_pointed(self, step: float | None) -> None:
        self._pointed = step
        self._tell()

    def _say(self, text: str) -> None:
        self._told = text
        self._say_all()

    def _say_all(self) -> None:
        lines = [line for line in (self._hint, self._told) if line]
        self.says.setText("\n".join(lines))
        self.says.setVisible(bool(lines))


def _hint(without: list[str]) -> str:
    if not without:
        return ""
    return (
        f"A logarithmic axis has no place for {', '.join(without)}: 0 or below at each step. "
        "Switch it off to see them."
    )
