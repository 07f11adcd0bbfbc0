"""The base of the weighted mean: brightness over tens of pixels, which blur hardly changes.

Where planes are in focus, their detail is right, but the mean of detail from many planes need not
have the right brightness. Focus prefers the plane in which a thin structure is darkest (or
brightest), and never the one that shows where its light went. So the base of the mean is brought
into the range of the bases of all planes. Where light changes with defocus, a plane that is a
little out of focus changes it over wide areas. There the base is a blend of the bases of all
planes, each weighted by the share of pixels around that it shows best, as in a multi-band blend
[1]_. Nowhere does a value leave the range of what planes show at its pixel.

Bases are stored in blocks of 8 x 8 px, of all planes: few bytes for each pixel.

References
----------
.. [1] Burt, P. J., Adelson, E. H., "A multiresolution spline with application to image mosaics",
   ACM TOG 2(4), 1983. https://doi.org/10.1145/245.247
"""

import math
from collections.abc import Generator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.fusion.decision import INVALID
from napari_umis_fusion.fusion.mean._base_shift import BLOCK_PX, enlarged, shift_of
from napari_umis_fusion.fusion.mean._weighted_mean import WeightedMean
from napari_umis_fusion.fusion.planes import DOUBLE
from napari_umis_fusion.runtime import (
    AnyArray,
    BoolMap,
    FloatMap,
    ScratchMemory,
    Workers,
    split_rows,
)
from napari_umis_fusion.stack import Plane

MOST_GROUPS = 64
"""Bases that are stored; planes of a longer stack share them with their neighbours."""


class BaseCorrection:
    """Collects the bases of planes, and corrects their weighted mean.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) or (Y, X, C).
    dtype : numpy.dtype
        Dtype of the planes.
    planes : int
        Number of planes of the stack.
    grey_levels : float
        Grey levels per unit of the values.
    workspace : ScratchMemory
        Memory for the maps.

    Attributes
    ----------
    total : ndarray of shape (Y, X), float32
        Sum of the weights of the planes.
    leads : ndarray of shape (Y, X), float32
        Once it is settled: how far the best plane stands out from the average one, 0 to 1.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        planes: int,
        grey_levels: float,
        workspace: ScratchMemory,
    ) -> None:
        self._groups = groups_of(planes)
        self._grey_levels = grey_levels
        self._sums_dtype = np.dtype(np.float64 if dtype.type in DOUBLE else np.float32)
        lowest, highest = _limits(dtype)
        self._low = workspace.full(shape, dtype, highest)
        self._high = workspace.full(shape, dtype, lowest)
        self._best = self.leads = workspace.full(shape[:2], np.float32, INVALID)
        self.total = workspace.full(shape[:2], np.float32, 0)
        self._source = workspace.full(shape[:2], np.uint16, 0)
        self._blocks = tuple(-(-side // BLOCK_PX) for side in shape[:2])
        channels = shape[2] if len(shape) == 3 else 1
        count = int(self._groups[-1]) + 1
        self._bases = workspace.full((count, *self._blocks, channels), self._sums_dtype, 0)
        self._members = np.zeros(count, np.intp)
        self._shares = workspace.full((count, *self._blocks), np.uint8, 0)
        self._leads = workspace.full(self._blocks, np.float32, 0)
        self._mean = workspace.full((*self._blocks, channels), self._sums_dtype, 0)
        self._shift = self._mean

    def iter_add(self, plane: Plane, weight: FloatMap, z: int, workers: Workers) -> Generator[None]:
        """Add plane `z`; its weight (Y, X) in the mean is negative where it is invalid."""
        self._members[self._groups[z]] += 1
        yield from workers.each(partial(self._add, plane, weight, z), self._bands)

    @property
    def _bands(self) -> list[slice]:
        return split_rows(len(self._best), 16 * BLOCK_PX)

    def _add(self, plane: Plane, weight: FloatMap, z: int, rows: slice) -> None:
        part, weights = plane[rows], weight[rows]
        invalid = weights < 0
        where: Any = True
        values = part
        if invalid.any():
            where = ~invalid if part.ndim == 2 else ~invalid[..., None]
            values = np.where(where, part, np.nan).astype(self._sums_dtype)
        np.minimum(self._low[rows], part, out=self._low[rows], where=where)
        np.maximum(self._high[rows], part, out=self._high[rows], where=where)
        self.total[rows] += np.maximum(weights, 0) if where is not True else weights
        better = weights > self._best[rows]
        np.copyto(self._best[rows], weights, where=better)
        np.copyto(self._source[rows], np.uint16(z), where=better)
        self._bases[self._groups[z], _blocks_of(rows)] += block_means(values, self._sums_dtype)

    def iter_settle(self, mean: WeightedMean, workers: Workers) -> Generator[None]:
        """Compare the bases with that of the mean of all planes, once these are added."""

        def look(rows: slice) -> None:
            blocks = _blocks_of(rows)
            self._mean[blocks] = block_means(mean.estimate(rows), self._sums_dtype)
            groups = self._groups[self._source[rows]]
            _count(groups, self._best[rows] >= 0, self._shares[:, blocks])
            leads = self._lead(rows)
            self._leads[blocks] = block_means(leads, np.dtype(np.float32))[..., 0]
            # Not needed any more, once the best planes are counted.
            self.leads[rows] = leads

        yield from workers.each(look, self._bands)
        given = self._bases, self._members, self._shares, self._leads, self._mean
        self._shift = yield from workers.result(workers.submit(shift_of, *given, self._grey_levels))

    def _lead(self, rows: slice) -> FloatMap:
        """Return how far the best plane stands out from the average one, 0 to 1."""
        average = 1 / max(int(self._members.sum()), 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = self._best[rows] / self.total[rows]
        lead: FloatMap = np.clip(np.nan_to_num((share - average) / (1 - average)), 0, 1)
        return lead

    def correct(self, mean: AnyArray, rows: slice) -> AnyArray:
        """Return rows of the mean (Y, X[, C]), corrected; NaN stays NaN."""
        shift = enlarged(self._shift, rows, self._best.shape[1]).reshape(mean.shape)
        return self.within_range(mean + shift, (rows, slice(None)))

    def within_range(self, values: AnyArray, window: tuple[slice, slice]) -> AnyArray:
        """Return values of a window, limited to the range of planes at each pixel."""
        low, high = (limit[window].astype(values.dtype) for limit in (self._low, self._high))
        limited: AnyArray = np.minimum(np.maximum(values, low), high)
        return limited


def base_bytes(value: int, sums: int, channels: int, planes: int) -> int:
    """Return the memory of one pixel while bases are collected and compared, in bytes.

    Parameters
    ----------
    value, sums : int
        Bytes of the values of a plane, and of a sum of one of their channels.
    channels, planes : int
        Number of channels, and of planes.
    """
    of_block = (min(planes, MOST_GROUPS) + 1) * (channels * sums + 1) + 4
    working = 4 * (10 * channels + 6)
    # With the strongest edges of planes; see `EdgeLimits`.
    return 2 * value + 14 + math.ceil((of_block + working) / BLOCK_PX**2)


def groups_of(planes: int) -> NDArray[np.intp]:
    """Return in which base each plane is stored, the same from either end of the stack."""
    if planes <= MOST_GROUPS:
        return np.arange(planes)
    groups = MOST_GROUPS // 2 - planes % 2
    first = np.arange(planes // 2) * groups // (planes // 2)
    middle = np.full(planes % 2, groups)
    return np.concatenate([first, middle, 2 * groups + planes % 2 - 1 - first[::-1]])


def block_means(values: AnyArray, dtype: np.dtype[Any]) -> AnyArray:
    """Return the means (Y', X', C) of blocks of values (Y, X[, C]); NaN where any is NaN."""
    height, width = values.shape[:2]
    whole, channels = height // BLOCK_PX, values[0, 0].size
    # Several times as fast as `reduceat` along rows, of which only the last block may need less.
    rows = values[: whole * BLOCK_PX].reshape(whole, BLOCK_PX, width * channels)
    rows = rows.sum(axis=1, dtype=dtype)
    if height % BLOCK_PX:
        last = values[whole * BLOCK_PX :].sum(axis=0, dtype=dtype)
        rows = np.concatenate([rows, last.reshape(1, -1)])
    rows = rows.reshape(len(rows), width, channels)
    sums = np.add.reduceat(rows, np.arange(0, width, BLOCK_PX), axis=1)
    sides = (np.minimum(BLOCK_PX, n - np.arange(0, n, BLOCK_PX)) for n in (height, width))
    means: AnyArray = sums / np.multiply.outer(*sides)[..., None]
    return means.astype(dtype, copy=False)


def _blocks_of(rows: slice) -> slice:
    return slice(rows.start // BLOCK_PX, -(-rows.stop // BLOCK_PX))


def _limits(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return the lowest and the highest value of a dtype."""
    if dtype.kind == "b":
        return False, True
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.min, limits.max
    return -np.inf, np.inf


def _count(groups: NDArray[np.intp], is_known: BoolMap, shares: NDArray[np.uint8]) -> None:
    """Count the pixels of blocks that the planes of each group show best."""
    rows, columns = (np.arange(side) // BLOCK_PX for side in groups.shape)
    _, down, along = shares.shape
    places = (groups * down + rows[:, None]) * along + columns
    counts = np.bincount(places[is_known], minlength=shares.size)
    shares += counts.reshape(shares.shape).astype(np.uint8)
