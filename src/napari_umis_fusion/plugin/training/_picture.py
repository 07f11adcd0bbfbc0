"""Pictures of the training chart, larger than on screen, with a legend."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qtpy.QtCore import QBuffer, QIODevice, QPointF, QRectF, QSize, QSizeF, Qt
from qtpy.QtGui import QPainter, QPainterPath, QPen
from qtpy.QtSvg import QSvgGenerator
from qtpy.QtWidgets import QGraphicsPathItem

from napari_umis_fusion.plugin.training._chart import TrainingChart
from napari_umis_fusion.runtime import atomic_write

SIZE = QSize(900, 520)
PNG_SCALE = 2


def save_picture(path: Path, chart: TrainingChart, entries: Mapping[str, Any]) -> None:
    """Save what a chart shows.

    Parameters
    ----------
    path : pathlib.Path
        Ends in .svg; anything else becomes a PNG. An existing file is replaced.
    chart : TrainingChart
        Laid out for the picture's size, and then again for its own.
    entries : mapping of str to pyqtgraph item
        The legend.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    draw, scale = (_svg, 1) if path.suffix.lower() == ".svg" else (_png, PNG_SCALE)
    with chart.laid_out(SIZE, scale, entries):
        content = draw(chart)
    with atomic_write(path) as beside:
        beside.write_bytes(content)


def _png(chart: TrainingChart) -> bytes:
    from pyqtgraph.exporters import ImageExporter  # loads much, for pictures alone

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of itself, in pyqtgraph 0.13
        exporter = ImageExporter(chart.grid)
    exporter.parameters()["width"] = SIZE.width() * PNG_SCALE
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    exporter.export(toBytes=True).save(buffer, "PNG")
    return bytes(buffer.data().data())


def _svg(chart: TrainingChart) -> bytes:
    """Paint by Qt: pyqtgraph 0.14's own exporter fails on closed paths as Qt 6.11 writes them."""
    area = QRectF(QPointF(), QSizeF(SIZE))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setResolution(chart.logicalDpiX())
    generator.setSize(SIZE)
    generator.setViewBox(area)
    generator.setTitle("training")
    painter = QPainter(generator)
    with _covered(chart, area), _in_lines(chart):
        painter.fillRect(area, chart.backgroundBrush())
        chart.scene().render(painter, area, area)
    painter.end()
    return bytes(buffer.data().data())


@contextmanager
def _covered(chart: TrainingChart, area: QRectF) -> Iterator[None]:
    """Cover what is around the view: SVG of Qt cannot clip what is enlarged."""
    around, within = QPainterPath(), QPainterPath()
    around.addRect(area)
    within.addRect(chart.view.sceneBoundingRect())
    cover = QGraphicsPathItem(around - within, chart.grid)
    cover.setPen(QPen(Qt.PenStyle.NoPen))
    cover.setBrush(chart.backgroundBrush())
    cover.setZValue(1)
    try:
        yield
    finally:
        chart.scene().removeItem(cover)


@contextmanager
def _in_lines(chart: TrainingChart) -> Iterator[None]:
    """Let dots be painted as lines instead of copies of an image."""
    from pyqtgraph.exporters.Exporter import Exporter

    exporter = Exporter(chart.grid)
    exporter.setExportMode(True, {"resolutionScale": 1.0})
    try:
        yield
    finally:
        exporter.setExportMode(False)
