"""Controls of the training plots: page, logarithmic axis, smoothing, and the export button."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from napari_umis_fusion.plugin.training._pages import PAGES, Page

SMOOTHING = 40
"""Initial position of the slider, of 100."""


class TrainingControls(QWidget):
    """Page, axis and smoothing; independent of the curves.

    Parameters
    ----------
    parent : QWidget
        Owner of the controls.

    Signals
    -------
    changed()
        Page, axis or smoothing has changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.tabs = QTabBar(self)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        for page in PAGES:
            self.tabs.addTab(page)
        self.export = QPushButton("Export…", self)
        self.export.setToolTip("Save the numbers as a table, or the chart as a picture.")
        self.log = QCheckBox("logarithmic", self)
        self.log.setToolTip("Values of 0 and below are not shown on a logarithmic axis.")
        self.smoothing = QSlider(Qt.Orientation.Horizontal, self)
        self.smoothing.setAccessibleName("smoothing")
        self.smoothing.setRange(0, 100)
        self.smoothing.setValue(SMOOTHING)
        self.smoothing.setToolTip(
            "Smoothing of the bold curves. At the left end they are not smoothed."
        )
        self._lay_out()
        self.tabs.currentChanged.connect(self._on_page)
        self.log.toggled.connect(self.changed)
        self.smoothing.valueChanged.connect(self.changed)

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return PAGES[self.tabs.currentIndex()]

    @page.setter
    def page(self, page: Page) -> None:
        self.tabs.setCurrentIndex(PAGES.index(page))

    @property
    def is_log(self) -> bool:
        """Whether the loss is shown on a logarithmic axis."""
        return self.page == "Loss" and self.log.isChecked()

    @property
    def amount(self) -> float:
        """Smoothing of the loss, 0 to 1; other pages are not smoothed."""
        share = self.smoothing.value() / self.smoothing.maximum()
        return share if self.page == "Loss" else 0.0

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.addWidget(self.tabs)
        above.addStretch()
        above.addWidget(self.export)
        self._of_loss = QWidget(self)
        below = QHBoxLayout(self._of_loss)
        below.setContentsMargins(6, 0, 6, 0)
        below.addWidget(self.log)
        below.addSpacing(12)
        below.addWidget(QLabel("smoothing", self._of_loss))
        below.addWidget(self.smoothing, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(above)
        layout.addWidget(self._of_loss)

    def _on_page(self) -> None:
        self._of_loss.setVisible(self.page == "Loss")
        self.changed.emit()
