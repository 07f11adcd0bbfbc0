"""The pattern itself: the mean detail of the planes, each where it is least in focus."""

from collections.abc import Generator
from functools import partial

import numpy as np

from napari_umis_fusion.preprocess._grey import GreyConverter
from napari_umis_fusion.preprocess.fixed_pattern._detail import OCTAVES, REACH_PX, octaves
from napari_umis_fusion.preprocess.fixed_pattern._evidence import (
    ALIKE,
    CORRELATION,
    SURELY_ALIKE,
    lowest_and_usual,
)
from napari_umis_fusion.preprocess.fixed_pattern._tiles import Table, TileGrid
from napari_umis_fusion.runtime import FloatMap, ScratchMemory, Workers
from napari_umis_fusion.stack import Plane, Stack

SIGMAS = 3.0
"""What is shared in a tile, in standard deviations of what noise alone would share."""

DOUBTFUL = 0.4
"""Planes that share so little of what others do show specimen; between this and `ALIKE` the
pattern is taken off in part."""

LEVEL = 1.5
"""Planes with so much more detail than others have a specimen in focus, not noise alone."""

AROUND = 3
"""Side of the square of tiles that tell more together than one alone."""

Block = tuple[int, int]


class PatternEstimate:
    """Sums over planes from which the pattern follows. Planes are given twice, in one order.

    Parameters
    ----------
    to_grey : GreyConverter
        Conversion to grey levels.
    shape : tuple of int
        (Y, X) of a plane.
    count : int
        Number of planes that will be given.
    floor : float
        Variance, in squared grey levels, below which a plane shows nothing.
    workspace : ScratchMemory
        For two maps.
    """

    def __init__(
        self,
        to_grey: GreyConverter,
        shape: tuple[int, int],
        count: int,
        floor: float,
        workspace: ScratchMemory,
    ) -> None:
        self.grid, self._to_grey, self._floor = TileGrid(shape), to_grey, floor
        self._sums = [workspace.full(shape, np.float32, 0) for _ in range(OCTAVES)]
        tables = (OCTAVES, count, *self.grid.counts)
        self._energy, self._shared = np.zeros(tables), np.zeros(tables)
        self._weights: Table = np.zeros(tables)

    def measure(self, plane: Plane, number: int, block: Block) -> None:
        """Measure how much detail plane `number` has in a block of tiles."""
        for octave, detail in enumerate(self._details(plane, block)):
            means = self.grid.means(detail * detail, *block)
            self._energy[octave, number, slice(*block)] = means

    def weigh(self) -> None:
        """Give most weight to the planes that have least detail, once all are measured."""
        known = self._energy > self._floor
        inverse = np.where(known, 1 / np.maximum(self._energy, self._floor) ** 4, 0)
        total = inverse.sum(axis=1, keepdims=True)
        self._weights = np.divide(inverse, total, where=total > 0, out=np.zeros_like(inverse))

    def add(self, plane: Plane, number: int, block: Block) -> None:
        """Add the detail of a plane to the mean."""
        rows = self._rows(block)
        for octave, detail in enumerate(self._details(plane, block)):
            table = self._weights[octave, number]
            self.grid.add_scaled(self._sums[octave][rows], detail, table, rows.start)

    def compare(self, plane: Plane, number: int, block: Block) -> None:
        """Measure what a plane shares with the mean of the others."""
        rows = self._rows(block)
        for octave, detail in enumerate(self._details(plane, block)):
            weight = self._weights[octave, number]
            others = self._sums[octave][rows].copy()
            self.grid.add_scaled(others, detail, -weight, rows.start)
            means = self.grid.means(others * detail, *block)
            here = weight[slice(*block)]
            known = self._energy[octave, number, slice(*block)] > self._floor
            with np.errstate(divide="ignore", invalid="ignore"):
                shared = np.where(known & (here < 1), means / (1 - here), np.nan)
            self._shared[octave, number, slice(*block)] = shared

    def pattern(self) -> FloatMap:
        """Return the pattern, in grey levels: float32 of shape (Y, X), 0 where there is none."""
        trust = self._trust(0)
        pattern = np.zeros(self.grid.shape, np.float32)
        for octave in range(OCTAVES):
            # What stands still on a sensor has its sharpest detail in the finest octave.
            trust = trust if octave == 0 else np.minimum(trust > 0, self._trust(octave))
            self.grid.add_scaled(pattern, self._sums[octave], trust * self._shrink(octave))
        return pattern

    def _trust(self, octave: int) -> Table:
        """Return how surely the planes of a tile share a pattern, 0 to 1."""
        shared, energy = self._shared[octave], self._energy[octave]
        noise = CORRELATION * 2**octave * np.median(energy, axis=0) / self.grid.side_px
        alone = _alike(shared, np.maximum(SIGMAS * noise, self._floor), (DOUBTFUL, ALIKE))
        # Where noise hides the pattern of a tile, it is as strong in all planes, and more tiles
        # tell more. Tiles with detail in focus would mislead those around them.
        least, most = np.percentile(energy, (10, 90), axis=0)
        around = SIGMAS * noise / AROUND
        together = _alike(
            _means_around(shared), np.maximum(around, self._floor), (ALIKE, SURELY_ALIKE)
        )
        return np.where(most < LEVEL * least, np.maximum(alone, together), alone)

    def _shrink(self, octave: int) -> Table:
        """Return which part of the mean is pattern, the rest being noise, 0 to 1."""
        lowest, _ = lowest_and_usual(self._shared[octave], self._shared.shape[1])
        means = [
            self.grid.means(self._sums[octave][self._rows(block)] ** 2, *block)
            for block in self.grid.blocks()
        ]
        energy = np.concatenate(means)
        return np.clip(np.nan_to_num(lowest) / np.maximum(energy, 1e-12), 0, 1)

    def _rows(self, block: Block) -> slice:
        edges = self.grid.rows
        return slice(int(edges[block[0]]), int(edges[block[1]]))

    def _details(self, plane: Plane, block: Block) -> list[FloatMap]:
        rows = self._rows(block)
        start = max(0, rows.start - REACH_PX)
        grey = self._to_grey(plane[start : rows.stop + REACH_PX])
        inner = slice(rows.start - start, rows.stop - start)
        return [detail[inner] for detail in octaves(_finite(grey))]


def iter_estimate(
    stack: Stack, planes: list[int], estimate: PatternEstimate, workers: Workers
) -> Generator[None]:
    """Read the planes three times, yielding every 50 ms."""
    for step in (estimate.measure, estimate.add, estimate.compare):
        for number, z in enumerate(planes):
            plane = yield from workers.result(workers.submit(stack.plane, z))
            yield from workers.each(partial(step, plane, number), estimate.grid.blocks())
        if step == estimate.measure:
            estimate.weigh()


def _alike(shared: Table, least: Table, parts: tuple[float, float]) -> Table:
    """Return how surely planes share alike, 0 to 1, given what they share by chance."""
    lowest, usual = lowest_and_usual(shared, len(shared))
    doubtful, sure = parts
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (lowest / usual - doubtful) / (sure - doubtful)
    return np.where(lowest > least, np.clip(np.nan_to_num(part), 0, 1), 0)


def _means_around(shared: Table) -> Table:
    """Return the means of tiles with those around them; NaN where a tile is."""
    from scipy.ndimage import uniform_filter

    size, known = (0, AROUND, AROUND), np.isfinite(shared)
    sums = uniform_filter(np.where(known, shared, 0), size, mode="nearest")
    counts = uniform_filter(known.astype(np.float64), size, mode="nearest")
    return np.where(known, sums / np.maximum(counts, 1e-9), np.nan)


def _finite(grey: FloatMap) -> FloatMap:
    """Return grey whose NaN and infinite values are the middle of the others."""
    finite = np.isfinite(grey)
    if finite.all():
        return grey
    middle = np.median(grey[finite]) if finite.any() else 0
    return np.where(finite, grey, np.float32(middle))
