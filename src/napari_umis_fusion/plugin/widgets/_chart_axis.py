"""The axis of a chart: integer ticks for counts, and readable logarithmic ticks."""

from collections.abc import Sequence

import numpy as np
from qtpy.QtWidgets import QGraphicsSceneWheelEvent

# isort: split
import pyqtgraph as pg  # after qtpy: it uses the Qt binding that is already loaded

GRID_ALPHA = 40
"""Opacity of the grid, of 255."""

TickLevels = list[tuple[float | None, list[float]]]


class ChartAxis(pg.AxisItem):
    """pyqtgraph's axis with integer ticks for counts, and better logarithmic ticks.

    Parameters
    ----------
    side : {"bottom", "left"}
        Side of the chart.

    Attributes
    ----------
    is_whole : bool
        Whether it shows counts: ticks at integers only, with grouped thousands.
    """

    is_whole = False

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.enableAutoSIPrefix(False)
        self.setStyle(maxTickLevel=0)

    def wheelEvent(self, event: QGraphicsSceneWheelEvent) -> None:  # noqa: N802
        """Ignore the wheel; pyqtgraph would accept the event, and nothing would scroll."""
        event.ignore()

    def tickSpacing(  # noqa: N802
        self,
        minVal: float,  # noqa: N803
        maxVal: float,  # noqa: N803
        size: float,
    ) -> list[tuple[float, float]]:
        """Return (spacing, offset) of each level of ticks."""
        levels: list[tuple[float, float]] = super().tickSpacing(minVal, maxVal, size)
        if not self.is_whole:
            return levels
        return [level for level in levels if level[0] >= 1] or [(1.0, 0.0)]

    def tickStrings(  # noqa: N802
        self, values: Sequence[float], scale: float, spacing: float | None
    ) -> list[str]:
        """Return the labels of the ticks."""
        if self.is_whole:
            return [f"{value:,.0f}" for value in values]
        strings: list[str] = super().tickStrings(values, scale, spacing)
        return strings

    def logTickValues(  # noqa: N802
        self,
        minVal: float,  # noqa: N803
        maxVal: float,  # noqa: N803
        size: float,
        stdTicks: TickLevels,  # noqa: N803
    ) -> TickLevels:
        """Return logarithms of round values.

        pyqtgraph uses 1, 2, ... 9 of each decade: too many labels within two decades, and none at
        all between 0.41 and 0.49.
        """
        if maxVal - minVal < 1:
            return [(None, _round_values(self, minVal, maxVal, size))]
        # So many decades that pyqtgraph labels every second or third.
        if stdTicks and (stdTicks[0][0] or 0) > 1:
            return stdTicks
        decades = range(int(np.floor(minVal)), int(np.ceil(maxVal)) + 1)
        levels = [[decade + np.log10(k) for decade in decades for k in ks] for ks in ((1,), (2, 5))]
        return [(None, [t for t in ticks if minVal <= t <= maxVal]) for ticks in levels]

    def logTickStrings(  # noqa: N802
        self, values: Sequence[float], scale: float, spacing: float | None
    ) -> list[str]:
        """Return plain numbers: pyqtgraph's have one digit, so that 0.35 would read 0.3."""
        return [f"{10.0**value:.4g}" for value in values]


def _round_values(axis: ChartAxis, low: float, high: float, size: float) -> list[float]:
    """Return logarithms of values in equal steps."""
    first, last = 10.0**low, 10.0**high
    levels = axis.tickSpacing(first, last, size)
    if not levels:
        return []
    spacing = levels[0][0]
    ticks = np.arange(np.ceil(first / spacing), np.floor(last / spacing) + 1) * spacing
    return [float(tick) for tick in np.log10(ticks)]
