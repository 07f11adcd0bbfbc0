"""A plot of heights along a line, with two cursors."""

import numpy as np
from qtpy.QtCore import QSize, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QVBoxLayout, QWidget

# isort: split
import pyqtgraph as pg  # after qtpy: it uses the Qt binding that is already loaded

from napari_umis_fusion.plugin.widgets import Chart, ColouredPlot, Message, ensure_contrast
from napari_umis_fusion.surface import Profile

HINT = "Draw a line to see the heights along it."
CURSORS = 0.25, 0.75
"""Where the cursors are at first, as shares of the length."""
MIN_HEIGHT_PX = 150


class ProfilePlot(ColouredPlot):
    """Shows a profile; two cursors can be dragged.

    Parameters
    ----------
    parent : QWidget, optional
        Owner of the plot.

    Signals
    -------
    valueChanged()
        The profile or a cursor has changed.
    """

    valueChanged = Signal()  # noqa: N815

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: Profile | None = None
        self._chart = Chart(self)
        self._chart.setMinimumHeight(MIN_HEIGHT_PX)
        self._chart.x_axis.setLabel("distance (µm)")
        self._chart.y_axis.setLabel("height (µm)")
        self._curve = self._chart.add(pg.PlotDataItem(antialias=True, connect="finite"))
        self.cursors = [
            self._chart.add(pg.InfiniteLine(angle=90, movable=True), z=1, is_measured=False)
            for _ in CURSORS
        ]
        self.numbers = Message(HINT)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._chart, 1)
        column.addWidget(self.numbers)
        for cursor in self.cursors:
            cursor.sigPositionChanged.connect(self._on_cursor)
        self._take_palette()
        self.clear()

    def value(self) -> Profile | None:
        """Return the profile, or None."""
        return self._value

    def setValue(self, profile: Profile) -> None:  # noqa: N802
        """Show a profile; cursors keep their place if they are on it."""
        before, self._value = self._value, profile
        some = slice(None) if np.isfinite(profile.heights_um).any() else slice(0)
        self._curve.setData(profile.distance_um[some], profile.heights_um[some])
        self._chart.show_all()
        keeps = before is not None and np.isclose(before.length_um, profile.length_um)
        for cursor, share in zip(self.cursors, CURSORS, strict=True):
            cursor.setBounds((0, profile.length_um))
            cursor.show()
            if not keeps:
                cursor.setPos(share * profile.length_um)
        self._on_cursor()

    def clear(self) -> None:
        """Show no profile."""
        self._value = None
        self._curve.setData([], [])
        for cursor in self.cursors:
            cursor.hide()
        self.numbers.setText(HINT)
        self.valueChanged.emit()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size at which the profile is easy to read."""
        return QSize(300, 220)

    def _paint(self, background: QColor, foreground: QColor, accent: QColor) -> None:
        self._chart.paint(background, foreground)
        self._curve.setPen(foreground, width=1.5)
        for cursor in self.cursors:
            cursor.setPen(pg.mkPen(ensure_contrast(accent, background), width=2))

    def _on_cursor(self) -> None:
        profile = self._value
        if profile is None:
            return
        left, right = sorted(float(cursor.value()) for cursor in self.cursors)
        sloped = profile.length_on_surface_um
        length = "unknown (gaps)" if np.isnan(sloped) else f"{sloped:.4g} µm"
        rise = profile.height_between(left, right)
        step = "not measured" if np.isnan(rise) else f"{rise:+.4g} µm"
        self.numbers.setText(
            f"Length {profile.length_um:.4g} µm, along the surface {length}. "
            f"Between the cursors: {right - left:.4g} µm across, {step} in height."
        )
        self.valueChanged.emit()
