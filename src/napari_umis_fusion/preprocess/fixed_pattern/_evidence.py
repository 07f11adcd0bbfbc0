"""Whether planes share their finest detail, and share it alike.

What stands still on the sensor is in all planes, as strong in one as in the other. Detail of a
specimen is strong where it is in focus and weak elsewhere: two planes far from focus share little
of it. Noise is in no two planes the same. So the planes that share least tell the pattern.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

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

LIKELY_ALIKE, LIKELY_SIGMAS = 0.7, 6.0
"""The same for a pattern in many tiles, hidden in noise, and how far above chance it is. Of twelve
real stacks and thirty rendered ones, the worst has 1 in 12 tiles like this."""

AS_FINE = 0.7
"""Variance of what alternates from pixel to pixel, relative to what alternates at half the
frequency: 1 for pixels, or columns, that differ at random; less than 0.5 behind a lens."""

FINE = 1.0
"""The same for whole octaves, of which lenses show 0.1 to 0.8, pixels 20 and columns 6."""

ALTERNATING = 0.27
"""Share of the variance of independent pixels that alternates along one axis."""

PRODUCT_PX = 1024
"""Pixels that are multiplied at a time: so few are on one thread, whose start takes longer."""

TILES_AT_ONCE = 16
"""Tiles that are looked at before it is asked whether more are needed."""

MIN_TILES, FEW_TILES = 0.25, 0.03
"""Share of tiles that are alike, or surely alike, in a stack with a pattern."""

LEAST_TILES, LEAST_LIKELY = 2, 3
"""Number of tiles that are surely alike, or likely."""

EQUAL, EVEN, STRONG = 0.65, 0.4, 50.0
"""Of a pattern that is everywhere, planes share this part of what others do in most tiles, and some
tiles show this part of what others do; a stronger one, relative to what counts, is a specimen."""

COARSER = 5.0
"""What planes share of the second octave, relative to the first, of waves 8 px long."""

Flags = NDArray[np.bool_]

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
    ordered, known = np.sort(shared, axis=0), np.isfinite(shared).sum(axis=0)
    enough = known >= max(2, len(shared) // 2)
    lowest, usual = (_ranked(ordered, rank * np.where(enough, known - 1, 0)) for rank in ranks)
    return np.where(enough, lowest, np.nan), np.where(enough, usual, np.nan)


def _ranked(ordered: Table, places: Table) -> Table:
    """Return what stands at places between values in order, as `numpy.quantile` does."""
    below = np.floor(places).astype(np.intp)
    pair = np.stack([below, np.ceil(places).astype(np.intp)])
    low, high = np.take_along_axis(ordered, pair, axis=0)
    share, step = places - below, high - low
    return np.asarray(np.where(share >= 0.5, high - step * (1 - share), low + step * share))


def shared_of(details: FloatMap, floor: float) -> tuple[Table, Table]:
    """Return what each pair of planes shares in tiles, and the energy of most planes in them.

    Parameters
    ----------
    details : ndarray of shape (T, N, Y, X), float32
        Detail of T tiles in N planes.
    floor : float
        Planes with less energy show nothing there.

    Returns
    -------
    shared : ndarray of shape (pairs of planes, T)
        NaN where one of the two shows nothing.
    energy : ndarray of shape (T,)
        0 where no plane shows anything.
    """
    tiles, planes, height, width = details.shape
    flat = details.reshape(tiles, planes, height * width)
    together = np.zeros((tiles, planes, planes))
    for start in range(0, flat.shape[2], PRODUCT_PX):
        part = flat[:, :, start : start + PRODUCT_PX].astype(np.float64)
        together += part @ part.swapaxes(1, 2)
    together /= flat.shape[2]
    energy = np.diagonal(together, axis1=1, axis2=2).copy()
    shows = energy > floor
    together[~(shows[:, :, None] & shows[:, None])] = np.nan
    ordered = np.sort(np.where(shows, energy, np.nan), axis=1).T
    usual = _ranked(ordered, np.maximum(shows.sum(axis=1) - 1, 0) / 2)
    first, second = np.triu_indices(planes, 1)
    return together[:, first, second].T, np.nan_to_num(usual)


def shared_by_chance(energy: Table, usual: Table, pixels: int) -> Table:
    """Return the standard deviation of what planes share by chance; NaN where nothing is known.

    Parameters
    ----------
    energy : ndarray
        Mean square of the detail of most planes, with all that they share.
    usual : ndarray of the same shape
        What most planes share: a pattern is no noise, however strong it is.
    pixels : int
        How many were averaged.
    """
    chance = np.sqrt(np.maximum(energy**2 - np.maximum(usual, 0) ** 2, 0))
    return np.asarray(CORRELATION * chance / pixels**0.5)


def holds_pattern(tiles: FloatMap, floor: float, across: int) -> bool:
    """Whether tiles show that planes share a pattern.

    Parameters
    ----------
    tiles : ndarray of shape (T, N, Y, X), float32
        Grey images of T tiles of a lattice, row by row, each in N sampled planes.
    floor : float
        Variance, in squared grey levels, below which nothing counts.
    across : int
        Tiles in each row of the lattice.
    """
    count, planes = tiles.shape[:2]
    if count == 0 or planes < MIN_PLANES:
        return False
    if _reaches(MIN_TILES * count, tiles, lambda some: _alternates(some, floor)):
        return True
    lattice = tiles.reshape(-1, across, *tiles.shape[1:])
    if any(_has_lines(lattice, axis, floor) for axis in (0, 1)):
        return True
    return _shares_detail(tiles, floor)


def is_even(strengths: Table, floor: float) -> bool:
    """Whether tiles show about as much of what all planes share, as of a pattern of the sensor.

    Of specimens that are sharp in all planes, some tiles show little; and they show more at all.

    Parameters
    ----------
    strengths : ndarray
        Variance in each tile.
    floor : float
        Variance that counts at least.
    """
    least, usual = np.quantile(strengths, (0.1, 0.5))
    return bool(floor < usual < STRONG**2 * floor and least > EVEN * usual)


def _reaches(least: float, tiles: FloatMap, test: Callable[[FloatMap], Flags]) -> bool:
    """Whether a test is true of so many tiles, without those after which the answer is known."""
    count = 0
    for start in range(0, len(tiles), TILES_AT_ONCE):
        if count + len(tiles) - start < least:
            return False
        count += int(test(tiles[start : start + TILES_AT_ONCE]).sum())
        if count >= least:
            return True
    return False


def _surely_alike(shared: Table, energy: Table, planes: int, size: int, floor: float) -> Flags:
    """Return in which tiles planes share surely alike; False where nothing is known."""
    lowest, usual = lowest_and_usual(shared, planes)
    noise = shared_by_chance(energy, usual, size)
    is_seen = lowest > np.maximum(floor, MANY_SIGMAS * noise)
    return np.asarray(is_seen & (lowest + noise > SURELY_ALIKE * usual))


def _alternates(tiles: FloatMap, floor: float) -> Flags:
    """Return in which tiles planes share what alternates from pixel to pixel."""
    planes, size, least = tiles.shape[1], tiles[0, 0].size, floor * ALTERNATING
    found = np.zeros(len(tiles), np.bool_)
    for axis in (0, 1):
        shared, energy = shared_of(alternation(tiles, axis), least)
        # Few columns or rows may differ less at random than their neighbours but one do.
        if planes >= MANY_PLANES:
            found |= _surely_alike(shared, energy, planes, size, least)
        lowest, usual = lowest_and_usual(shared, planes)
        noise = shared_by_chance(energy, usual, size)
        alike = lowest > np.maximum(np.maximum(least, ALIKE * usual), SIGMAS * noise)
        asked = np.flatnonzero(alike & ~found)
        found[asked] = _is_finer(lowest[asked], tiles[asked], axis)
    return found


def _is_finer(lowest: Table, tiles: FloatMap, axis: int) -> Flags:
    """Return where what alternates is shared about as much as what does at half the frequency."""
    coarser, _ = shared_of(alternation(tiles, axis, 2), 0.0)
    return np.asarray(lowest > AS_FINE * lowest_and_usual(coarser, tiles.shape[1])[0])


def _has_lines(lattice: FloatMap, axis: int, floor: float) -> bool:
    """Whether columns (axis 0) or rows share what alternates, in the mean along all tiles.

    So lines are seen that single tiles hide in noise.
    """
    along = lattice.swapaxes(3, 4) if axis else lattice
    means = along.mean(axis=(axis, 3), dtype=np.float64)  # of lines: (tiles, planes, lines)
    lines = means.astype(np.float32).swapaxes(0, 1)[None]
    planes, size, least = lines.shape[1], lines[0, 0].size, floor * ALTERNATING
    shared, energy = shared_of(alternation(lines, 1), least)
    if not _surely_alike(shared, energy, planes, size, least).all():
        return False
    return bool(_is_finer(lowest_and_usual(shared, planes)[0], lines, 1).all())


def _shares_detail(tiles: FloatMap, floor: float) -> bool:
    """Whether planes share detail of any kind: surely in few tiles, or likely in many.

    Such as a scratch, or soft spots.
    """
    count, planes, size = len(tiles), tiles.shape[1], tiles[0, 0].size
    sure = likely = 0
    parts: list[tuple[Table, Table]] = []
    for start in range(0, count, TILES_AT_ONCE):
        some = tiles[start : start + TILES_AT_ONCE]
        shared, energy = shared_of(finest(some), floor)
        is_sure = _surely_alike(shared, energy, planes, size, floor)
        lowest, usual = lowest_and_usual(shared, planes)
        if planes >= MANY_PLANES:
            noise = shared_by_chance(energy, usual, size)
            parts.append((shared, noise))
            is_seen = (usual > LIKELY_SIGMAS * noise) & (lowest > floor)
            likely += int(np.sum(is_seen & (lowest + noise > LIKELY_ALIKE * usual)))
        elif is_sure.any():
            coarser, _ = shared_of(octaves(some)[1], 0.0)
            is_sure &= lowest > FINE * lowest_and_usual(coarser, planes)[0]
        sure += int(is_sure.sum())
        if sure >= max(FEW_TILES * count, LEAST_TILES):
            return True
        if likely >= max(MIN_TILES * count, LEAST_LIKELY):
            return True
    if not parts:
        return False
    seen, by_chance = (np.concatenate(each, axis=-1) for each in zip(*parts, strict=True))
    return _shared_everywhere(seen, by_chance, planes, floor) and _is_fine(seen, tiles)


def _shared_everywhere(shared: Table, noise: Table, planes: int, floor: float) -> bool:
    """Whether all planes share the same in most tiles, which noise may hide in each of them."""
    if not np.isfinite(shared).all():
        return False
    # Of tiles, the median: few show what is in focus in the same two planes.
    lowest, usual = lowest_and_usual(np.median(shared, axis=1), planes)
    is_seen = lowest > max(floor, SIGMAS * float(np.median(noise)) / noise.size**0.5)
    return bool(is_seen and lowest > EQUAL * usual) and is_even(np.median(shared, axis=0), floor)


def _is_fine(shared: Table, tiles: FloatMap) -> bool:
    """Whether planes share not much more of the next octave, as they do of what lenses draw."""
    some = tiles[:TILES_AT_ONCE]
    coarser, _ = shared_of(octaves(some)[1], 0.0)
    return float(np.median(coarser)) < COARSER * float(np.median(shared[:, : len(some)]))
