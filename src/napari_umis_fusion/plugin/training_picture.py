"""Pictures of the training chart, larger than on screen, with a legend."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QBuffer, QIODevice, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPainterPath, QPen
from qtpy.QtSvg import QSvgGenerator

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.plugin.training_chart import TrainingChart
from napari_umis_fusion.replacing import written_beside

SIZE = QSize(900, 520)
PNG_SCALE = 2

_SWATCH_PX, _GAP_PX, _MARGIN_PX = 22.0, 18.0, 10.0

Entry = tuple[str, QColor | None]
"""What the legend says, and the colour of the curve that it says it of."""


def save_picture(path: Path, chart: TrainingChart, entries: Sequence[Entry], text: QColor) -> None:
    """Save what a chart shows.

    Parameters
    ----------
    path : pathlib.Path
        Ends in .png or .svg. An existing file is replaced.
    chart : TrainingChart
        Drawn for the picture's size, and then again for its own.
    entries : sequence of (str, QColor or None)
        The legend.
    text : QColor
        Of the legend's words.

    Raises
    ------
    ConfigError
        If the name ends otherwise.
    OSError
        If the file cannot be written.
    """
    formats: dict[str, Callable[..., bytes]] = {".png": _png, ".svg": _svg}
    if path.suffix.lower() not in formats:
        raise ConfigError(f"{path}: pictures are saved as .png or .svg; change the ending.")
    content = formats[path.suffix.lower()](chart, entries, text)
    with written_beside(path) as beside:
        beside.write_bytes(content)


def _png(chart: TrainingChart, entries: Sequence[Entry], text: QColor) -> bytes:
    image = QImage(SIZE * PNG_SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PNG_SCALE)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    _paint(image, chart, entries, text, PNG_SCALE)
    image.save(buffer, "PNG")
    return bytes(buffer.data().data())


def _svg(chart: TrainingChart, entries: Sequence[Entry], text: QColor) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setResolution(chart.logicalDpiX())
    generator.setSize(SIZE)
    generator.setViewBox(QRectF(0, 0, SIZE.width(), SIZE.height()))
    generator.setTitle("training")
    _paint(generator, chart, entries, text, 1)
    return bytes(buffer.data().data())


def _paint(
    device: Any, chart: TrainingChart, entries: Sequence[Entry], text: QColor, scale: int
) -> None:
    whole = QRectF(0, 0, SIZE.width(), SIZE.height())
    painter = QPainter(device)
    try:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(whole, chart.backgroundBrush())
        top = _paint_legend(painter, chart.font(), entries, text)
        painter.translate(0, top)
        area = QRectF(0, 0, whole.width(), whole.height() - top)
        with chart.laid_out(area, scale):
            _paint_chart(painter, chart, area)
    finally:
        painter.end()


def _paint_chart(painter: QPainter, chart: TrainingChart, area: QRectF) -> None:
    """Paint the curves, then what is around them: SVG of Qt cannot clip what is enlarged."""
    axes, curves = (chart.value_axis, chart.step_axis), (chart.view.childGroup,)
    for shown, hidden in ((curves, axes), (axes, curves)):
        for item in (*shown, *hidden):
            item.setOpacity(1.0 if item in shown else 0.0)
        chart.scene().render(painter, area, area)
        if shown is curves:
            around = QPainterPath()
            around.addRect(area)
            within = QPainterPath()
            within.addRect(chart.view.sceneBoundingRect())
            painter.fillPath(around - within, chart.backgroundBrush())
    chart.view.childGroup.setOpacity(1.0)


def _paint_legend(painter: QPainter, font: QFont, entries: Sequence[Entry], text: QColor) -> float:
    """Paint swatches and words in as many lines as they need; returns the height."""
    painter.setFont(font)
    metrics = QFontMetricsF(font, painter.device())
    line = metrics.height() * 1.4
    x, y = _MARGIN_PX, _MARGIN_PX + line / 2
    for words, colour in entries:
        indent = 0.0 if colour is None else _SWATCH_PX + 6
        width = indent + metrics.horizontalAdvance(words) + 1
        if x + width > SIZE.width() - _MARGIN_PX and x > _MARGIN_PX:
            x, y = _MARGIN_PX, y + line
        if colour is not None:
            painter.setPen(QPen(colour, 3))
            painter.drawLine(QPointF(x, y), QPointF(x + _SWATCH_PX, y))
        painter.setPen(text)
        box = QRectF(x + indent, y - line / 2, width - indent, line)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, words)
        x += width + _GAP_PX
    return y + line / 2 if entries else 0.0
