"""Planes, and channels of them, that hold no picture."""

from collections.abc import Sequence

import numpy as np

from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, Table

MIN_AGREEMENT = 0.9
"""Correlation of the tiles before and after a plane, which tells that they show the same."""

MAX_CONTRAST = 0.1
"""Of what the planes around it show: a plane with less was recorded in the dark."""

MIN_AGREEMENT_DARK, MAX_CONTRAST_DARK = 0.5, 0.03
"""The same where a plane has far less contrast still."""

MIN_AGREEMENT_END, MAX_CHANGE_END = 0.95, 2.0
"""Beside a first or last plane, two planes agree so well, also in how much contrast they show."""

MIN_DIFFERENCE = 0.05
"""Share of the span, by which planes around differ from a value that stands for nothing."""


def is_blank(plane: PlaneStatistics) -> bool:
    """Whether the plane holds one value, or none at all."""
    return plane.is_blank


def shows_nothing(plane: PlaneStatistics, sides: Sequence[Sequence[PlaneStatistics]]) -> bool:
    """Whether a plane lacks what planes before and after it show alike, but for noise."""
    if not sides:
        return False
    if len(sides) < 2:
        nearest = sorted(sides[0], key=lambda one: abs(one.z - plane.z))[:2]
        if len(nearest) < 2:
            return False
        before, after = nearest
    else:
        before, after = (max(side, key=lambda one: float(one.span.max())) for side in sides)
    tiles = [one.mean.ravel() for one in (before, after, plane)]
    known = np.logical_and.reduce([np.isfinite(values) for values in tiles])
    first, second, here = (values[known] for values in tiles)
    if known.sum() < 4 or not (np.ptp(first) > 0 and np.ptp(second) > 0):
        return False
    agreement = np.corrcoef(first, second)[0, 1]
    least, most = sorted((_spread(first), _spread(second)))
    contrast = _spread(here) / least if least > 0 else np.inf
    if len(sides) < 2:
        is_steady = agreement > MIN_AGREEMENT_END and most < MAX_CHANGE_END * least
        return bool(is_steady and contrast < MAX_CONTRAST)
    is_dark = agreement > MIN_AGREEMENT_DARK and contrast < MAX_CONTRAST_DARK
    return bool(is_dark or (agreement > MIN_AGREEMENT and contrast < MAX_CONTRAST))


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
