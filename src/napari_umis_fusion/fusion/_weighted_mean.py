"""The weighted blend: a mean of planes that lowers noise, kept up to date as planes stream by.

A plane weighs focus squared, relative to the sharpest so far (an online softmax of the logarithm of
focus), which is free of units. It counts in full where it is the chosen one: the takeovers of the
decision, smoothed so that no border shows. Elsewhere it counts as far as it agrees with the chosen
one, so that planes lower the noise where they show the same, and lend no light where they do not.
"""

from collections.abc import Generator
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.focus_measure import gaussian_taps, smooth
from napari_umis_fusion.runtime import ScratchMemory, Tile, Workers, split_rows, with_halo
from napari_umis_fusion.stack import Plane

Array = NDArray[Any]
Map = NDArray[np.float32]

FEATHER_SIGMA_PX = 6.0
"""Over which distance a takeover fades in."""

FAR_AGREEMENT = np.float32(0.05)
"""How far planes agree of which nothing is known."""

DOUBLE = (np.uint32, np.int32, np.float64)
"""Values that 32-bit sums would round."""


class WeightedMean:
    """Sums planes, weighted by focus.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) or (Y, X, C).
    dtype : numpy.dtype
        Of the planes.
    workspace : ScratchMemory
        Where the sums are kept.
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], workspace: ScratchMemory
    ) -> None:
        full = (*shape[:2], shape[2] if len(shape) == 3 else 1)
        sums = np.float64 if dtype.type in DOUBLE else np.float32
        self.shape = shape
        self.dtype = dtype
        self._total = workspace.full(full, sums, 0)
        self._weights = workspace.full(full[:2], sums, 0)
        self._peak = workspace.full(full[:2], np.float32, 0)
        self._taps = gaussian_taps(FEATHER_SIGMA_PX)

    def add(
        self,
        plane: Plane,
        focus: Map,
        takeover: NDArray[np.bool_],
        agreement: Map | None,
        tile: Tile,
    ) -> None:
        """Add a tile of a plane.

        Parameters
        ----------
        plane : ndarray of shape (Y, X) or (Y, X, C)
            As recorded.
        focus : ndarray of shape (Y, X)
            Of the plane; negative where it is invalid.
        takeover : ndarray of shape (Y, X), bool
            Where the plane became the chosen one.
        agreement : ndarray of shape (Y, X), optional
            How far the plane agrees with the one chosen before, 0 to 1.
        tile : Tile
            Which part to add.
        """
        values = np.ascontiguousarray(plane[tile.window], self._total.dtype)
        values = values.reshape(*values.shape[:2], -1)
        halo = with_halo(takeover, tile, self._taps.size - 1).astype(np.float32)
        fade = np.minimum(smooth(halo, self._taps), np.float32(1))
        share = np.full_like(fade, FAR_AGREEMENT) if agreement is None else agreement[tile.window]
        counts = fade + (1 - fade) * share
        keeps = 1 - fade * (1 - share)
        window = tile.window
        _accumulate(
            values,
            focus[window],
            counts,
            keeps,
            self._peak[window],
            self._total[window],
            self._weights[window],
        )

    @property
    def precision(self) -> np.dtype[Any]:
        """The dtype of sums."""
        return self._total.dtype

    def estimate(self, rows: slice) -> Array:
        """Return rows of the weighted mean, not rounded; NaN where no plane is valid."""
        with np.errstate(invalid="ignore"):
            mean: Array = self._total[rows] / self._weights[rows][..., None]
        return mean.reshape(-1, *self.shape[1:])

    def iter_fill(self, image: Plane, workers: Workers) -> Generator[None]:
        """Fill an image with the weighted mean."""

        def fill(rows: slice) -> None:
            image[rows] = self.mean(rows)

        yield from workers.each(fill, split_rows(len(image)))

    def mean(self, rows: slice) -> Plane:
        """Return rows of the weighted mean, in the dtype of the planes."""
        return _as_dtype(self.estimate(rows), self.dtype)


def _as_dtype(mean: Plane, dtype: np.dtype[Any]) -> Plane:
    """Round to the nearest value that the dtype holds."""
    if dtype.kind == "b":
        return np.asarray(mean >= 0.5)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        mean = np.clip(np.rint(mean), limits.min, limits.max)
    return mean.astype(dtype)


@njit(nogil=True, cache=True, error_model="numpy")
def _relative(peak: np.float32, value: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    """Return the new peak, what earlier weights shrink by, and the weight of a value."""
    highest = max(peak, value)
    ratio = peak / highest if highest > 0 else np.float32(1)
    faded = ratio * ratio
    ratio = value / highest if highest > 0 else np.float32(1)
    return highest, faded, max(ratio * ratio, np.float32(1e-9))


@njit(nogil=True, cache=True, error_model="numpy")
def _accumulate(
    values: Array,
    focus: Array,
    counts: Array,
    keeps: Array,
    peak: Array,
    total: Array,
    weights: Array,
) -> None:
    """Add a tile's values: they count so much, and what was there before keeps so much."""
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            value = focus[y, x]
            if value < 0:
                continue
            highest, faded, weight = _relative(peak[y, x], value)
            peak[y, x] = highest
            gains, stays = weight * counts[y, x], faded * keeps[y, x]
            weights[y, x] = weights[y, x] * stays + gains
            for channel in range(values.shape[2]):
                sample = values[y, x, channel]
                total[y, x, channel] = total[y, x, channel] * stays + gains * sample
