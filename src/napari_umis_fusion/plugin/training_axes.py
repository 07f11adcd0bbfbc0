"""Axes of the training chart: whole steps, and values that may be logarithmic."""

import math
from collections.abc import Sequence

from qtpy.QtWidgets import QGraphicsSceneWheelEvent

from napari_umis_fusion.plugin.whole_axis import WholeAxis

_STEPS_OF_DECADE = ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 4, 5, 6, 7, 8, 9))
_PX_PER_LABEL = 26

GRID_ALPHA = 40
"""Of 255."""

Levels = list[tuple[float | None, list[float]]]


class _Axis(WholeAxis):
    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.enableAutoSIPrefix(False)
        self.setStyle(maxTickLevel=0)
        self.setGrid(GRID_ALPHA)

    def wheelEvent(self, event: QGraphicsSceneWheelEvent) -> None:  # noqa: N802
        """Leave the wheel to what scrolls the window."""
        event.ignore()


class StepAxis(_Axis):
    """Counts steps: whole numbers, grouped by thousands."""

    is_whole = True

    def tickStrings(  # noqa: N802
        self, values: Sequence[float], scale: float, spacing: float
    ) -> list[str]:
        """Return what stands at the ticks."""
        return [f"{value:,.0f}" for value in values]


class ValueAxis(_Axis):
    """Shows values, or those whose decimal logarithms it is given."""

    is_log = False

    def set_log(self, is_log: bool) -> None:
        """Choose what its range and its ticks are."""
        self.is_log = is_log
        self.picture = None  # of the ticks
        self.update()

    def tickValues(  # noqa: N802
        self,
        minVal: float,  # noqa: N803
        maxVal: float,  # noqa: N803
        size: float,
    ) -> Levels:
        """Return the ticks: 1, 2, 5, ... of each decade, or round values within one."""
        if not self.is_log:
            levels: Levels = super().tickValues(minVal, maxVal, size)
            return levels
        low, high = sorted((minVal, maxVal))
        return [(None, _log_ticks(low, high, max(2, int(size // _PX_PER_LABEL))))]

    def tickStrings(  # noqa: N802
        self, values: Sequence[float], scale: float, spacing: float | None
    ) -> list[str]:
        """Return what stands at the ticks."""
        if not self.is_log:
            strings: list[str] = super().tickStrings(values, scale, spacing)
            return strings
        return [f"{10.0**value:.4g}" for value in values]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return logarithms of the roundest values between two logarithms, as many as there is room."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    chosen: list[float] = []
    for digits in _STEPS_OF_DECADE:
        finer = [d + math.log10(k) for d in decades for k in digits]
        finer = [tick for tick in finer if low <= tick <= high]
        if len(finer) > most:
            break
        chosen = finer
    if len(chosen) > 2:
        return chosen
    if high - low < 2:
        return _linear(low, high, most)
    apart = _round_step((high - low) / most)
    return [float(d) for d in decades if low <= d <= high and d % apart == 0]


def _linear(low: float, high: float, most: int) -> list[float]:
    """Return logarithms of values in equal steps."""
    first, last = 10.0**low, 10.0**high
    wish = (last - first) / most
    if not wish > 0 or math.isinf(wish):
        return []
    step = _round_step(wish)
    ticks = [step * k for k in range(math.ceil(first / step), math.floor(last / step) + 1)]
    return [math.log10(tick) for tick in ticks if tick > 0]


def _round_step(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is not less."""
    scale = 10.0 ** math.floor(math.log10(least))
    return next(k * scale for k in (1, 2, 5, 10) if k * scale >= least)
