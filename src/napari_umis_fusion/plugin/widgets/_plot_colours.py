"""Colours of plots: from the palette, with enough contrast to the background."""

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QEvent
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QWidget

MIN_CONTRAST = 3.0
"""Of lines to the background, as the Web Content Accessibility Guidelines require (1.4.11)."""

OKABE_ITO = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#0072b2", "#f0e442")
"""Hues for all types of colour vision; Okabe & Ito, Color Universal Design, 2008."""


class ColouredPlot(QWidget):
    """Base class of plots: calls `_paint` with the colours of the palette, or with fixed ones."""

    _has_own_colours = False

    def set_colours(
        self, background: QColor | str, foreground: QColor | str, accent: QColor | str
    ) -> None:
        """Use these colours from now on, independent of the palette.

        Parameters
        ----------
        background, foreground, accent : QColor or str
            Of the background; of curve, axes and text; and of marks, which are made lighter or
            darker if they are too close to the background.
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
        raise NotImplementedError


def ensure_contrast(colour: QColor, background: QColor) -> QColor:
    """Return the colour, mixed with white or black until it contrasts with the background."""
    behind = luminance(background)
    far = 1.0 if behind < 0.18 else 0.0  # white and black contrast equally with middle grey
    for share in np.linspace(0, 1, 21):
        mixed = QColor.fromRgbF(*(c + share * (far - c) for c in colour.getRgbF()[:3]))
        darker, lighter = sorted((luminance(mixed) + 0.05, behind + 0.05))
        if lighter / darker >= MIN_CONTRAST:
            break
    return mixed


def distinct(count: int, foreground: QColor, background: QColor) -> Sequence[QColor]:
    """Return colours for a number of curves: the foreground, then distinct hues."""
    hues = [ensure_contrast(QColor(hue), background) for hue in OKABE_ITO]
    return [foreground, *(hues[k % len(hues)] for k in range(count - 1))][:count]


def luminance(colour: QColor) -> float:
    """Return the relative luminance, 0 to 1, of sRGB."""
    light = [(max(c, 0.04) + 0.055) ** 2.4 / 1.055**2.4 for c in colour.getRgbF()[:3]]
    return float(np.dot(light, (0.2126, 0.7152, 0.0722)))
