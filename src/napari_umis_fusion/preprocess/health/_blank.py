"""Planes, and channels of them, that hold no picture."""

from collections.abc import Sequence

import numpy as np

from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, Table

MIN_AGREEMENT = 0.9
"""Correlation of the tiles before and after a plane, which tells that they show the same."""

MAX_CONTRAST = 0.1
"""Of what the planes around it show: a plane with less was recorded in the dark."""

MIN_DIFFERENCE = 0.05
"""Share of the span, by which planes around differ from a value that stands for nothing."""


def is_blank(plane: PlaneStatistics) -> bool:
    """Whether the plane holds one value, or none at all."""
    return plane.is_blank


def shows_nothing(plane: PlaneStatistics, sides: Sequence[Sequence[PlaneStatistics]]) -> bool:
    """Whether a plane lacks what planes before and after it show alike, but for noise."""
    if len(sides) < 2:
        return False
    both = [max(side, key=lambda one: float(one.span.max())) for side in sides]
    before, after, here = (one.mean.ravel() for one in (*both, plane))
    known = np.isfinite(before) & np.isfinite(after) & np.isfinite(here)
    if known.sum() < 4 or not (np.ptp(before[known]) > 0 and np.ptp(after[known]) > 0):
        return False
    agreement = np.corrcoef(before[known], after[known])[0, 1]
    least = min(_spread(before[known]), _spread(after[known]))
    return bool(agreement > MIN_AGREEMENT and _spread(here[known]) < MAX_CONTRAST * least)


def _spread(values: Table) -> float:
    """Return the standard deviation, not blown up by a few tiles."""
    low, high = np.percentile(values, (5, 95))
    return float(np.clip(values, low, high).std())


def blank_channels(plane: PlaneStatistics, sides: Sequence[Sequence[PlaneStatistics]]) -> list[int]:
    """Return channels of one value which planes on both sides show otherwise."""
    found = []
    for c in range(plane.mean.shape[2]):
        low, high = np.nanmin(plane.lowest[..., c]), np.nanmax(plane.highest[..., c])
        shown = [any(_shows(one, c, low) for one in side) for side in sides]
        if low == high and shown and all(shown):
            found.append(c)
    return found


def _shows(plane: PlaneStatistics, channel: int, value: float) -> bool:
    mean, span = plane.mean[..., channel], plane.span[channel]
    return bool(abs(np.nanmedian(mean) - value) > MIN_DIFFERENCE * max(span, 1e-300) and span > 0)
