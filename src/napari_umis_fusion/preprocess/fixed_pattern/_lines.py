"""Columns and rows of a sensor that differ: seen along their whole length, far above the noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.fixed_pattern._evidence import CORRELATION
from napari_umis_fusion.preprocess.fixed_pattern._shared import (
    shared_with_others,
    strength_alone,
    weights_of,
)
from napari_umis_fusion.preprocess.fixed_pattern._tiles import Table, TileGrid
from napari_umis_fusion.runtime import FloatMap

WINDOW_PX = 32
"""Neighbouring lines that are judged together."""

MOST_BANDS = 40
"""Parts along lines, of which the median is taken: what a specimen shows is in few of them."""


MEDIAN_VARIANCE = 1.57
"""Variance of a median, relative to that of a mean."""


MOST = (1.0, 0.08, 0.5)
"""Variance of each band that counts, as a share of the first: about twice that of lines which
differ by themselves; specimens have more."""


class LineProfiles:
    """Mean detail along parts of lines, for all planes.

    Parameters
    ----------
    grid : TileGrid
        Tiles of the planes.
    axis : int
        0: columns, which are seen along y; 1: rows.
    count : int
        Number of planes.
    """

    def __init__(self, grid: TileGrid, axis: int, count: int) -> None:
        self._axis = axis
        edges = (grid.rows, grid.columns)[axis]
        # Of columns, a band lies within a block of tiles, which one thread works on.
        step = 1
        while step < 16 and (len(edges) - 1) / step > MOST_BANDS:
            step *= 2
        self._starts = edges[:-1][::step]
        self._ends = np.append(self._starts[1:], edges[-1])
        self._rows = grid.rows
        self._means = np.zeros((count, len(self._starts), grid.shape[1 - axis]), np.float32)

    def add(self, detail: FloatMap, number: int, first: int, last: int) -> None:
        """Add the rows of tiles `first` to before `last` of plane `number`."""
        top, bottom = int(self._rows[first]), int(self._rows[last])
        if self._axis == 1:
            sums = np.add.reduceat(detail, self._starts, axis=1)
            self._means[number, :, top:bottom] = (sums / (self._ends - self._starts)).T
            return
        inside = (top <= self._starts) & (self._starts < bottom)
        starts = self._starts[inside]
        sums = np.add.reduceat(detail, starts - top, axis=0)
        self._means[number, inside] = sums / (self._ends[inside] - starts)[:, None]

    def strongest(self, floor: float) -> tuple[FloatMap, Table]:
        """Return the mean of all planes, one value for each line, and how strong its pattern is.

        Parameters
        ----------
        floor : float
            Variance, in squared grey levels, that counts at least.

        Returns
        -------
        mean : ndarray of shape (1, N), float32
            Of N lines.
        strength : ndarray of shape (1, windows)
            Variance of the pattern in each window of lines.
        """
        planes = np.median(self._means, axis=1)[:, None]
        grid = TileGrid(planes.shape[1:], WINDOW_PX)
        energy = np.stack([grid.means(one * one) for one in planes])
        weights, known = weights_of(energy, floor), energy > floor
        mean = np.zeros(grid.shape, np.float32)
        for one, weight in zip(planes, weights, strict=True):
            grid.add_scaled(mean, one, weight)
        shared = np.empty_like(energy)
        for number, (one, weight) in enumerate(zip(planes, weights, strict=True)):
            others = mean.copy()
            grid.add_scaled(others, one, -weight)
            shared[number] = shared_with_others(grid.means(others * one), weight, known[number])
        return mean, strength_alone(shared, self._noise(grid), floor)

    def _noise(self, grid: TileGrid) -> Table:
        """Return what noise alone would share, from how much parts of lines differ."""
        count = self._means.shape[1]
        if count < 2:
            return np.full(grid.counts, np.inf)
        variance = MEDIAN_VARIANCE * self._means.var(axis=1).mean(axis=0)[None] / (count - 1)
        return np.asarray(CORRELATION * grid.means(variance) / WINDOW_PX**0.5)


def line_pattern(profiles: Sequence[LineProfiles], floor: float) -> list[NDArray[np.float32]]:
    """Return what all planes share in each band, one value for each line; 0 where nothing.

    Parameters
    ----------
    profiles : sequence of LineProfiles
        Of each band, the finest first.
    floor : float
        Variance, in squared grey levels, that counts at least.
    """
    patterns, finest = [], None
    for band, one in enumerate(profiles):
        mean, strength = one.strongest(floor)
        if finest is None:
            finest = strength
        # Lines that differ by themselves have so much coarser detail; specimens have more.
        strength = np.minimum(strength, MOST[band] * finest)
        grid, found = TileGrid(mean.shape, WINDOW_PX), np.zeros_like(mean)
        share = np.clip(strength / np.maximum(grid.means(mean * mean), 1e-12), 0, 1)
        grid.add_scaled(found, mean, share)
        patterns.append(found[0])
    return patterns
