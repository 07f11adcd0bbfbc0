"""Export the training chart as a picture, larger than on screen and with a legend."""

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
"""Pixels per point, for print and high-resolution screens."""


def save_picture(path: Path, chart: TrainingChart, entries: Mapping[str, Any]) -> None:
    """Save a chart as a picture.

    Parameters
    ----------
    path : pathlib.Path
        A name ending in .svg; any other name gives a PNG. An existing file is replaced.
    chart : TrainingChart
        It is laid out for the size of the picture, and restored afterwards.
    entries : mapping of str to pyqtgraph item
        Entries of the legend.

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
    from pyqtgraph.exporters import ImageExporter  # slow to import, and needed for pictures only

    with warnings.catch_warnings():
        # Raised by pyqtgraph 0.13 in its own code.
        warnings.simplefilter("ignore", DeprecationWarning)
        exporter = ImageExporter(chart.grid)
    exporter.parameters()["width"] = SIZE.width() * PNG_SCALE
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    exporter.export(toBytes=True).save(buffer, "PNG")
    return bytes(buffer.data().data())


def _svg(chart: TrainingChart) -> bytes:
    """Paint with Qt, because pyqtgraph 0.14's SVG exporter fails on closed paths of Qt 6.11."""
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
    with _covered(chart, area), _export_mode(chart):
        painter.fillRect(area, chart.backgroundBrush())
        chart.scene().render(painter, area, area)
    painter.end()
    return bytes(buffer.data().data())


@contextmanager
def _covered(chart: TrainingChart, area: QRectF) -> Iterator[None]:
    """Cover the area around the view, because QSvgGenerator does not clip a zoomed view."""
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
def _export_mode(chart: TrainingChart) -> Iterator[None]:
    """Paint symbols as vector paths; outside export mode pyqtgraph pastes pixmaps."""
    from pyqtgraph.exporters.Exporter import Exporter

    exporter = Exporter(chart.grid)
    exporter.setExportMode(True, {"resolutionScale": 1.0})
    try:
        yield
    finally:
        # the chart on screen shares the items of the picture
        exporter.setExportMode(False)
