"""A scroll area for rows that may be higher than the window."""

from typing import Any

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QStyle, QWidget

from napari_umis_fusion.plugin.widgets._boxes import prepare_boxes


class VerticalScroll(QScrollArea):
    """Scrolls vertically only, and is at least as wide as its content."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)
        prepare_boxes(inside)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Include the width of the scroll bar, so that nothing moves when it appears."""
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        return QSize(self.widget().minimumSizeHint().width() + bar, 120)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the full height of the rows."""
        return QSize(self.minimumSizeHint().width(), self.widget().sizeHint().height())

    def eventFilter(self, watched: Any, event: QEvent) -> bool:  # noqa: N802
        """Update the own size hint when the content becomes wider."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)
