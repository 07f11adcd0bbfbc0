"""The light of each plane, from means of coarse tiles.

Defocus spreads light over some pixels but hardly beyond a tile, so that the means of two planes
differ by their light and little else. Each pair of near planes is compared by a robust line
through the tiles, and the planes' gains are those that suit all pairs best.
"""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.illumination._illumination import Illumination
from napari_umis_fusion.preprocess.illumination._tile_gains import log_gains

Array = NDArray[Any]

TILES = 8
"""Along each side: fewer do not tell outliers apart, more are mixed up by defocus and shifts."""

MIN_CHANGE = 0.01
"""Gains nearer to 1 are not told from it: scenes that occlude, and move, make up to 0.5 %."""

CERTAINTY = 3.0
"""A gain that differs from 1 by fewer of its standard errors is not told from it either."""

MIN_KNOWN = 0.25
"""Nor does one of which fewer tiles than this share are valid and not saturated."""

MIN_LIGHT = 0.1
"""A plane with less than this share of the median light tells nothing of the lamp."""


class GainEstimator:
    """Gathers tile means and finds how each plane was lit.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the planes.
    dark : float, optional
        Grey level where there is no light, if the camera's offset is known. What a stack with
        uneven light tells about it goes before.
    white : float, optional
        Grey level at which the camera saturates: tiles with more than a tenth of such pixels do
        not count.
    """

    def __init__(
        self, shape: tuple[int, int], *, dark: float = 0.0, white: float = math.inf
    ) -> None:
        self._edges = [np.linspace(0, n, min(TILES, n) + 1).astype(np.int64) for n in shape]
        self._dark = dark
        self._white = white
        self._means: dict[int, NDArray[np.float64]] = {}

    def add(
        self, z: int, grey: NDArray[np.float32], invalid: NDArray[np.bool_] | None = None
    ) -> None:
        """Take a plane; planes may come in any order.

        Parameters
        ----------
        z : int
            Index of the plane.
        grey : ndarray of shape (Y, X), float32
            In grey levels; not kept.
        invalid : ndarray of shape (Y, X), bool, optional
            Pixels that do not count.
        """
        means = np.empty([edges.size - 1 for edges in self._edges])
        masked = np.empty((1, 1), np.bool_) if invalid is None else invalid
        rows, columns = self._edges
        _tile_means(grey, masked, invalid is not None, self._white, rows, columns, means)
        self._means[z] = means.ravel()

    def illumination(self, reference: int) -> Illumination:
        """Return how the planes so far were lit.

        Parameters
        ----------
        reference : int
            The plane whose light all are brought to. If it tells nothing of the lamp, being
            black or invalid, the nearest one that does.

        Returns
        -------
        Illumination
            For planes 0 to the last that was taken. A plane whose gain cannot be told from 1 is
            left exactly as it is.
        """
        count = max(self._means, default=-1) + 1
        gains, dark = np.ones(count), 0.0
        lit = self._lit_planes()
        if lit.size > 1:
            reference = int(lit[np.argmin(np.abs(lit - reference))])
            tiles = np.stack([self._means[z] for z in lit])
            logs, errors, dark = log_gains(tiles - self._dark, int(np.searchsorted(lit, reference)))
            is_told = np.abs(logs) > np.maximum(MIN_CHANGE, CERTAINTY * errors)
            gains[lit[is_told]] = np.exp(logs[is_told])
        offsets = (dark + self._dark) * (1 - gains)  # what is there without light is not dimmed
        return Illumination(tuple(gains.tolist()), tuple(offsets.tolist()), reference)

    def _lit_planes(self) -> NDArray[np.intp]:
        """Return the indices of planes that tell of the lamp: neither black nor invalid."""
        indices = sorted(z for z, means in self._means.items() if _tells(means))
        if not indices:
            return np.zeros(0, np.intp)
        light = np.array([np.nanmean(self._means[z]) for z in indices]) - self._dark
        least = max(MIN_LIGHT * float(np.median(light)), 1.0)
        return np.array(indices, np.intp)[light > least]


def _tells(means: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(means).mean() > MIN_KNOWN)


@njit(nogil=True, cache=True, error_model="numpy")
def _tile_means(
    grey: Array,
    invalid: Array,
    has_invalid: bool,
    white: float,
    rows: Array,
    columns: Array,
    means: Array,
) -> None:
    """Fill `means`; NaN where over half of a tile is invalid, or a tenth of the rest white."""
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
