"""Whether planes share their finest detail, and share it alike.

What stands still on the sensor is in all planes, as strong in one as in the other. Detail of a
specimen is strong where it is in focus and weak elsewhere: two planes far from focus share little
of it. Noise is in no two planes the same. So the planes that share least tell the pattern.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from napari_umis_fusion.preprocess.fixed_pattern._detail import (
    alternation,
    finest,
    octaves,
)
from napari_umis_fusion.preprocess.fixed_pattern._tiles import Table
from napari_umis_fusion.runtime import FloatMap

MIN_PLANES = 3
"""Of two planes, both may be in focus at one place: they share all of their detail."""

MANY_PLANES = 7
"""From here on, single planes do not count: one may be blank, or in the dark."""

ALIKE = 0.6
"""Planes that share least share this part of what others do; specimens reach 0.5 in tests."""

SURELY_ALIKE = 0.85
"""The same for a pattern in few tiles, such as a scratch, and for one that is soft."""

AS_FINE = 0.7
"""Variance of what alternates from pixel to pixel, relative to what alternates at half the
frequency: 1 for pixels, or columns, that differ at random; less than 0.5 behind a lens."""

FINE = 1.0
"""The same for whole octaves, of which lenses show 0.1 to 0.8, pixels 20 and columns 6."""

ALTERNATING = 0.27
"""Share of the variance of independent pixels that alternates along one axis."""

MIN_TILES, FEW_TILES = 0.25, 0.03
"""Share of tiles that are alike, or surely alike, in a stack with a pattern."""

SIGMAS, MANY_SIGMAS = 4.0, 8.0
"""What is shared, in standard deviations of what noise alone would share."""

CORRELATION = 2.0
"""The detail of neighbouring pixels is correlated, which widens that deviation."""


def lowest_and_usual(shared: Table, planes: int) -> tuple[Table, Table]:
    """Return what those share that share least, and what others do.

    Parameters
    ----------
    shared : ndarray of shape (N, ...)
        Of N pairs of planes, or of N planes each with all others; NaN where one shows nothing.
    planes : int
        How many planes there are.

    Returns
    -------
    lowest, usual : ndarray of shape (...)
        Of many planes the tenth percentile and the median, else the extremes; NaN where nothing
        is known.
    """
    ranks = (0.1, 0.5) if planes >= MANY_PLANES else (0.0, 1.0)
    least = max(2, len(shared) // 2)
    if shared.ndim == 1:
        return _ranked(shared, ranks, least)
    with np.errstate(invalid="ignore"):
        known = np.isfinite(shared).sum(axis=0) >= least
        ordered = np.where(known, shared, 0)
        lowest, usual = np.nanquantile(ordered, ranks, axis=0)
    return np.where(known, lowest, np.nan), np.where(known, usual, np.nan)


def _ranked(values: Table, ranks: tuple[float, float], least: int) -> tuple[Any, Any]:
    """Return two quantiles of a single tile, as `numpy.nanquantile` does, but at once."""
    known = values[np.isfinite(values)]
    if len(known) < least:
        return np.nan, np.nan
    ordered, found = np.sort(known).tolist(), []
    for rank in ranks:
        place = rank * (len(ordered) - 1)
        below = int(place)
        low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
        share, step = place - below, high - low
        found.append(high - step * (1 - share) if share >= 0.5 else low + step * share)
    return found[0], found[1]


def shared_of(details: FloatMap, floor: float) -> tuple[Table, float]:
    """Return what each pair of planes shares in a tile, and the energy of most planes in it.

    Parameters
    ----------
    details : ndarray of shape (N, Y, X), float32
        Finest detail of the tile in each plane.
    floor : float
        Planes with less energy show nothing here.
    """
    flat = details.reshape(len(details), -1).astype(np.float64)
    together = flat @ flat.T / flat.shape[1]
    energy = np.diag(together)
    shows = energy > floor
    together[~(shows[:, None] & shows)] = np.nan
    usual = float(np.median(energy[shows])) if shows.any() else 0.0
    return together[np.triu_indices(len(flat), 1)], usual


def holds_pattern(tiles: Sequence[Sequence[FloatMap]], floor: float) -> bool:
    """Whether tiles show that planes share a pattern.

    Parameters
    ----------
    tiles : sequence of sequences of ndarray of shape (Y, X), float32
        Grey images of tiles, each in all sampled planes.
    floor : float
        Variance, in squared grey levels, below which nothing counts.
    """
    if not tiles or len(tiles[0]) < MIN_PLANES:
        return False
    stacks = [np.stack(tile) for tile in tiles]
    if _reaches(MIN_TILES * len(tiles), [partial(_alternates, one, floor) for one in stacks]):
        return True
    fine = len(tiles[0]) < MANY_PLANES
    sure = [partial(_is_sure, one, floor, must_be_fine=fine) for one in stacks]
    return _reaches(max(FEW_TILES * len(tiles), 2), sure)


def _reaches(least: float, tests: Sequence[Callable[[], bool]]) -> bool:
    """Whether so many tests are true, without those after which the answer is known."""
    count = 0
    for rest, test in zip(range(len(tests), 0, -1), tests, strict=True):
        if count + rest < least:
            return False
        count += test()
        if count >= least:
            return True
    return False


def _alternates(tile: FloatMap, floor: float) -> bool:
    """Whether planes of a tile share what alternates from pixel to pixel."""
    for axis in (0, 1):
        shared, energy = shared_of(alternation(tile, axis), floor * ALTERNATING)
        noise = CORRELATION * energy / tile[0].size ** 0.5
        lowest, usual = lowest_and_usual(shared, len(tile))
        least = floor * ALTERNATING
        # Few columns or rows may differ less at random than their neighbours but one do.
        if len(tile) >= MANY_PLANES and lowest > max(
            least, SURELY_ALIKE * usual, MANY_SIGMAS * noise
        ):
            return True
        if lowest > max(least, ALIKE * usual, SIGMAS * noise):
            coarser, _ = shared_of(alternation(tile, axis, 2), 0.0)
            if lowest > AS_FINE * lowest_and_usual(coarser, len(tile))[0]:
                return True
    return False


def _is_sure(tile: FloatMap, floor: float, *, must_be_fine: bool) -> bool:
    """Whether planes of a tile surely share a pattern, such as a scratch or soft spots."""
    shared, energy = shared_of(finest(tile), floor)
    lowest, usual = lowest_and_usual(shared, len(tile))
    noise = CORRELATION * energy / tile[0].size ** 0.5
    # False where nothing is known, which is NaN.
    is_alike = bool(lowest > max(floor, SURELY_ALIKE * usual, MANY_SIGMAS * noise))
    if not (is_alike and must_be_fine):
        return is_alike
    coarser, _ = shared_of(octaves(tile)[1], 0.0)
    return bool(lowest > FINE * lowest_and_usual(coarser, len(tile))[0])
