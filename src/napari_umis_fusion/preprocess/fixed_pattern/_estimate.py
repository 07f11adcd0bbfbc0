"""The pattern itself: columns, rows, and the detail of planes where they are least in focus."""

from collections.abc import Generator, Sequence
from functools import partial

import numpy as np

from napari_umis_fusion.preprocess._grey import GreyConverter
from napari_umis_fusion.preprocess.fixed_pattern._banding import Banding
from napari_umis_fusion.preprocess.fixed_pattern._detail import BANDS, REACH_PX, bands
from napari_umis_fusion.preprocess.fixed_pattern._evidence import (
    ALIKE,
    SURELY_ALIKE,
    is_even,
    lowest_and_usual,
    shared_by_chance,
)
from napari_umis_fusion.preprocess.fixed_pattern._lines import LineProfiles, line_pattern
from napari_umis_fusion.preprocess.fixed_pattern._marks import add_marks
from napari_umis_fusion.preprocess.fixed_pattern._shared import (
    shared_with_others,
    strength_alone,
    strength_around,
    strength_everywhere,
    weights_of,
)
from napari_umis_fusion.preprocess.fixed_pattern._tiles import Table, TileGrid
from napari_umis_fusion.runtime import FloatMap, ScratchMemory, Workers
from napari_umis_fusion.stack import Plane, Stack

SPOT_BANDS = 2
"""Bands in which single pixels are looked for: what no lens shows, and all that is softer."""

SIDE_PX = 8
"""Side of the tiles, in which the planes that are least in focus are the same ones."""

LEAST_RATIOS = 0.1
"""Quantile of tiles whose softer detail, relative to the finest, is that of the pattern: what a
specimen shows in all planes adds to it in most of them."""

LEAST_SOFT, SOFT, MOST_SOFT = 0.07, 2.0, 16.0
"""Softer detail of independent pixels, relative to the finest, the most in single tiles, and that
of the softest pattern that is everywhere; what all planes share of specimens has 19 and more."""

SOFTEST = 64.0
"""The same where tiles show it evenly, and weakly, as they do a bundle of fibres."""

MOST_TILES = 0.5
"""Share of tiles in which a specimen that is sharp in all planes is shared."""

Block = tuple[int, int]


class PatternEstimate:
    """Sums over planes from which the pattern follows. Planes are given three times, in one order.

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
        For three maps.
    """

    def __init__(
        self,
        to_grey: GreyConverter,
        shape: tuple[int, int],
        count: int,
        floor: float,
        workspace: ScratchMemory,
    ) -> None:
        self.grid, self._to_grey, self._floor = TileGrid(shape, SIDE_PX), to_grey, floor
        self._sums = [workspace.full(shape, np.float32, 0) for _ in range(SPOT_BANDS)]
        self._mean = workspace.full(shape, np.float32, 0)
        tables = (SPOT_BANDS, count, *self.grid.counts)
        self._energy, self._shared = np.zeros(tables), np.zeros(tables)
        self._weights: Table = np.zeros(tables)
        self._profiles = [
            [LineProfiles(self.grid, axis, count) for axis in (0, 1)] for _ in range(BANDS)
        ]
        # One value for each column, and for each row.
        self._lines = [[np.zeros(side, np.float32) for _ in range(BANDS)] for side in shape[::-1]]

    def measure(self, plane: Plane, lines: FloatMap | None, number: int, block: Block) -> None:
        """Measure how much detail plane `number`, less its own lines, has in a block of tiles."""
        details = self._details(plane, lines, block)
        for band, detail in enumerate(details):
            for profiles in self._profiles[band]:
                profiles.add(detail, number, *block)
        for band, detail in enumerate(_spots_of(details)):
            means = self.grid.means(detail * detail, *block)
            self._energy[band, number, slice(*block)] = means

    def weigh(self) -> None:
        """Find columns and rows, and give most weight to planes with least detail besides."""
        self._lines = [
            line_pattern(bands_of, self._floor) for bands_of in zip(*self._profiles, strict=True)
        ]
        for band in range(SPOT_BANDS):
            energy = self._energy[band]
            left = np.maximum(energy - self._line_energy(band), 0)
            self._energy[band] = np.where(energy > self._floor, left, 0)
            self._weights[band] = weights_of(self._energy[band], self._floor)
        self._profiles.clear()

    def add(self, plane: Plane, lines: FloatMap | None, number: int, block: Block) -> None:
        """Add the detail of a plane to the mean."""
        rows = self._rows(block)
        for band, detail in enumerate(self._spots(plane, lines, block)):
            table = self._weights[band, number]
            self.grid.add_scaled(self._sums[band][rows], detail, table, rows.start)
            self._mean[rows] += detail / np.float32(len(self._weights[band]))

    def compare(self, plane: Plane, lines: FloatMap | None, number: int, block: Block) -> None:
        """Measure what a plane shares with the mean of the others."""
        rows = self._rows(block)
        for band, detail in enumerate(self._spots(plane, lines, block)):
            weight = self._weights[band, number]
            others = self._sums[band][rows].copy()
            self.grid.add_scaled(others, detail, -weight, rows.start)
            means = self.grid.means(others * detail, *block)
            here = slice(*block)
            known = self._energy[band, number, here] > self._floor
            self._shared[band, number, here] = shared_with_others(means, weight[here], known)

    def spots(self) -> FloatMap | None:
        """Return the pattern of single pixels, in grey levels: float32 of shape (Y, X).

        It is 0 where there is none. None if all planes share what is as soft as a lens draws, in
        most tiles: a specimen.
        """
        alone, around, everywhere, _ = self._strengths(0)
        soft_alone, soft_around, soft_everywhere, soft = self._strengths(1)
        finest = np.maximum(alone, around)
        if (finest > 0).mean() < MOST_TILES:  # noise hides it in parts
            finest = np.maximum(finest, everywhere)
        softness = _softness(finest, soft)
        is_everywhere = bool(soft_everywhere) and is_even(soft, self._floor)
        most = SOFTEST if is_everywhere else MOST_SOFT
        if softness > most and (finest > 0).mean() > MOST_TILES:
            return None
        limits = SOFT * alone, LEAST_SOFT * around
        if everywhere and soft_everywhere:
            limits = (min(softness, most) * finest,) * 2
        if is_everywhere:
            limits = np.maximum(limits[0], soft_everywhere), np.maximum(limits[1], soft_everywhere)
        softer = np.maximum(np.minimum(soft_alone, limits[0]), np.minimum(soft_around, limits[1]))
        strengths = finest, softer
        pattern = np.zeros(self.grid.shape, np.float32)
        for band, strength in enumerate(strengths):
            share = np.clip(strength / np.maximum(self._mean_energy(band), 1e-12), 0, 1)
            self.grid.add_scaled(pattern, self._sums[band], share)
        finest_mean, softer_mean = self._sums
        add_marks(pattern, finest_mean, softer_mean, self._mean)
        return pattern

    def lines(self) -> tuple[FloatMap, FloatMap]:
        """Return what each column adds, of shape (1, X), and each row, of shape (Y, 1)."""
        columns, rows = (np.sum(bands, axis=0) for bands in self._lines)
        return columns[None], rows[:, None]

    def _strengths(self, band: int) -> tuple[Table, Table, float, Table]:
        """Return the variance of the pattern, and what all planes share in each tile.

        The variance by each tile alone, by those around, and by all tiles together.
        """
        shared, energy, weights = self._shared[band], self._energy[band], self._weights[band]
        lowest, usual = lowest_and_usual(shared, len(shared))
        noise = shared_by_chance(np.median(energy, axis=0), usual, self.grid.side_px**2)
        alone = strength_alone(shared, noise, self._floor, (ALIKE, SURELY_ALIKE))
        around = strength_around(shared, weights, noise, self._floor)
        everywhere = strength_everywhere(shared, noise, self._floor)
        return alone, around, everywhere, np.maximum(np.nan_to_num(lowest), 0)

    def _mean_energy(self, band: int) -> Table:
        """Return the variance of the mean of planes, which holds noise too."""
        sums = self._sums[band]
        means = [
            self.grid.means(sums[self._rows(block)] ** 2, *block) for block in self.grid.blocks()
        ]
        return np.concatenate(means)

    def _line_energy(self, band: int) -> Table:
        columns, rows = (_spots_of(bands)[band] ** 2 for bands in self._lines)
        along = np.add.reduceat(columns, self.grid.columns[:-1]) / np.diff(self.grid.columns)
        down = np.add.reduceat(rows, self.grid.rows[:-1]) / np.diff(self.grid.rows)
        return np.asarray(down[:, None] + along, np.float64)

    def _spots(self, plane: Plane, lines: FloatMap | None, block: Block) -> list[FloatMap]:
        """Return the detail of a plane in two bands, without that of columns and rows."""
        details, rows = self._details(plane, lines, block), self._rows(block)
        columns, each = self._lines
        for band, detail in enumerate(details):
            detail -= columns[band]
            detail -= each[band][rows, None]
        return _spots_of(details)

    def _rows(self, block: Block) -> slice:
        edges = self.grid.rows
        return slice(int(edges[block[0]]), int(edges[block[1]]))

    def _details(self, plane: Plane, lines: FloatMap | None, block: Block) -> list[FloatMap]:
        rows = self._rows(block)
        start = max(0, rows.start - REACH_PX)
        seen = slice(start, rows.stop + REACH_PX)
        grey = self._to_grey(plane[seen])
        if lines is not None:
            grey = grey - (lines if len(lines) == 1 else lines[seen]) * self._to_grey.range.scale
        inner = slice(rows.start - start, rows.stop - start)
        return [detail[inner] for detail in bands(_finite(grey))]


def _softness(finest: Table, soft: Table) -> float:
    """Return the softer detail that all planes share, relative to the finest of a pattern."""
    is_known = finest > 0
    if not is_known.any():
        return LEAST_SOFT
    return max(LEAST_SOFT, float(np.quantile(soft[is_known] / finest[is_known], LEAST_RATIOS)))


def _spots_of(details: Sequence[FloatMap]) -> list[FloatMap]:
    return [details[0], np.sum(details[1:], axis=0)]


def iter_estimate(
    stack: Stack,
    planes: list[int],
    estimate: PatternEstimate,
    workers: Workers,
    banding: Banding | None = None,
) -> Generator[None]:
    """Read the planes three times, yielding every 50 ms."""
    for step in (estimate.measure, estimate.add, estimate.compare):
        for number, z in enumerate(planes):
            plane = yield from workers.result(workers.submit(stack.plane, z))
            lines = None if banding is None else banding.of(z)
            work = partial(step, plane, lines, number)
            yield from workers.each(work, estimate.grid.blocks())
        if step == estimate.measure:
            yield from workers.result(workers.submit(estimate.weigh))


def _finite(grey: FloatMap) -> FloatMap:
    """Return grey whose NaN and infinite values are the middle of the others."""
    finite = np.isfinite(grey)
    if finite.all():
        return grey
    middle = np.median(grey[finite]) if finite.any() else 0
    return np.where(finite, grey, np.float32(middle))
