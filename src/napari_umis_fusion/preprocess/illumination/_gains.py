"""Gains of the planes, estimated from the means of coarse tiles.

Defocus spreads light over some pixels but hardly beyond a tile, so that the means of two planes
differ by their illumination and little else. Pairs of planes are compared by a robust line through
the tiles, and the gains are the least-squares solution for all pairs.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.illumination._illumination import Illumination
from napari_umis_fusion.preprocess.illumination._tile_gains import log_gains
from napari_umis_fusion.runtime import AnyArray, BoolMap, FloatMap, kernel

TILES = 8
"""Tiles along each side. With fewer, outliers cannot be found; with more, defocus and shifts carry
light from tile to tile."""

MIN_CHANGE = 0.01
"""Smallest relative change that is corrected: scenes that occlude and move cause up to 0.5 %."""

ODD_LIGHT = math.log(1.1)
"""Logarithm of the least gain relative to the median light for which a plane is no reference."""

CERTAINTY = 3.0
"""Smallest change that is corrected, in standard errors."""

MIN_KNOWN = 0.25
"""Smallest share of tiles that must be valid and not saturated for a plane to be used."""

MIN_LIGHT = 0.1
"""Planes with less than this share of the median light are not used: they say nothing about the
lamp."""


class GainEstimator:
    """Collects tile means and estimates the gain of each plane.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the planes.
    dark : float, optional
        Grey level without light, if the camera's offset is known. Where the stack itself allows
        an estimate, that is used instead.
    white : float, optional
        Grey level at which the camera saturates: tiles with more than a tenth of such pixels are
        ignored.
    """

    def __init__(
        self, shape: tuple[int, int], *, dark: float = 0.0, white: float = math.inf
    ) -> None:
        self._edges = [np.linspace(0, n, min(TILES, n) + 1).astype(np.int64) for n in shape]
        self._dark = dark
        self._white = white
        self._means: dict[int, NDArray[np.float64]] = {}

    def add(self, z: int, grey: FloatMap, invalid: BoolMap | None = None) -> None:
        """Add a plane; planes may come in any order.

        Parameters
        ----------
        z : int
            Index of the plane.
        grey : ndarray of shape (Y, X), float32
            In grey levels; not kept.
        invalid : ndarray of shape (Y, X), bool, optional
            Pixels to ignore.
        """
        means = np.empty([edges.size - 1 for edges in self._edges])
        masked = np.empty((1, 1), np.bool_) if invalid is None else invalid
        rows, columns = self._edges
        _tile_means(grey, masked, invalid is not None, self._white, rows, columns, means)
        self._means[z] = means.ravel()

    def illumination(
        self, reference: int, planes: int = 0, odd: Sequence[int] = ()
    ) -> Illumination:
        """Estimate the illumination of the planes added so far.

        Parameters
        ----------
        reference : int
            The reference plane, whose gain is 1. If it is black or invalid, the nearest plane
            that can be used; if it is lit otherwise than most, the plane of median light.
        planes : int
            Number of planes, if the last ones were not added.
        odd : sequence of int
            Planes that are no reference, if there are others.

        Returns
        -------
        Illumination
            Of all planes. A plane whose gain does not differ significantly
            from 1 stays exactly as recorded.
        """
        count = max(max(self._means, default=-1) + 1, planes)
        gains, dark = np.ones(count), 0.0
        lit = self._lit_planes()
        if lit.size > 1:
            steady = np.flatnonzero(~np.isin(lit, odd))
            steady = steady if steady.size else np.arange(lit.size)
            place = int(steady[np.argmin(np.abs(lit[steady] - reference))])
            tiles = np.stack([self._means[z] for z in lit])
            logs, errors, dark = log_gains(tiles - self._dark, place)
            off = np.abs(logs - np.median(logs))
            if off[place] > max(ODD_LIGHT, 2 * float(np.median(off))):
                place = int(steady[np.argmin(off[steady])])
                logs, errors, dark = log_gains(tiles - self._dark, place)
            reference = int(lit[place])
            is_significant = np.abs(logs) > np.maximum(MIN_CHANGE, CERTAINTY * errors)
            gains[lit[is_significant]] = np.exp(logs[is_significant])
        offsets = (dark + self._dark) * (1 - gains)  # a gain does not scale the dark level
        return Illumination(tuple(gains.tolist()), tuple(offsets.tolist()), reference)

    def _lit_planes(self) -> NDArray[np.intp]:
        """Return the indices of planes that can be used: neither black nor invalid."""
        indices = sorted(z for z, means in self._means.items() if _has_enough_tiles(means))
        if not indices:
            return np.zeros(0, np.intp)
        light = np.array([np.nanmean(self._means[z]) for z in indices]) - self._dark
        least = max(MIN_LIGHT * float(np.median(light)), 1.0)
        return np.array(indices, np.intp)[light > least]


def _has_enough_tiles(means: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(means).mean() > MIN_KNOWN)


@kernel
def _tile_means(
    grey: AnyArray,
    invalid: AnyArray,
    has_invalid: bool,
    white: float,
    rows: AnyArray,
    columns: AnyArray,
    means: AnyArray,
) -> None:
    """Fill `means`; NaN if over half of a tile is invalid, or a tenth of the rest is saturated."""
    for i in range(means.shape[0]):
        for j in range(means.shape[1]):
            total, count, whites = 0.0, 0, 0
            for y in range(rows[i], rows[i + 1]):
                for x in range(columns[j], columns[j + 1]):
                    if not (has_invalid and invalid[y, x]):
                        total += grey[y, x]
                        count += 1
                        whites += grey[y, x] >= white
            size = (rows[i + 1] - rows[i]) * (columns[j + 1] - columns[j])
            is_known = 2 * count > size and 10 * whites <= count
            means[i, j] = total / count if is_known else np.nan
