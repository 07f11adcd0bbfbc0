"""The weighted blend: a mean of planes, updated with each plane.

The weight of a plane is the square of its focus relative to the highest so far (an online softmax
of the logarithm of focus), which does not depend on units. It counts in full where the plane is
chosen, with a soft border so that none is visible. Elsewhere it is reduced according to how well
the plane agrees with the chosen one: planes reduce the noise where they show the same, and add no
light where they do not.
"""

from collections.abc import Generator
from typing import Any

import numpy as np
from numba import njit

from napari_umis_fusion.focus_measure import gaussian_taps, smooth
from napari_umis_fusion.runtime import (
    AnyArray,
    BoolMap,
    FloatMap,
    ScratchMemory,
    Tile,
    Workers,
    split_rows,
    with_halo,
)
from napari_umis_fusion.stack import Plane

FEATHER_SIGMA_PX = 6.0
"""Sigma of the soft border of a takeover."""

FAR_AGREEMENT = np.float32(0.05)
"""Agreement of planes with the chosen one where it is not measured."""

DOUBLE = (np.uint32, np.int32, np.float64)
"""Dtypes that are summed in double precision: single precision would round their values."""


class WeightedMean:
    """Averages planes, weighted by focus.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) or (Y, X, C).
    dtype : numpy.dtype
        Dtype of the planes.
    workspace : ScratchMemory
        Memory for the sums.
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
        focus: FloatMap,
        takeover: BoolMap,
        agreement: FloatMap | None,
        tile: Tile,
    ) -> None:
        """Add a tile of a plane.

        Parameters
        ----------
        plane : ndarray of shape (Y, X) or (Y, X, C)
            As recorded.
        focus : ndarray of shape (Y, X)
            Focus of the plane; negative where it is invalid.
        takeover : ndarray of shape (Y, X), bool
            Pixels for which the plane was chosen.
        agreement : ndarray of shape (Y, X), optional
            Agreement of the plane with the composite before it, 0 to 1.
        tile : Tile
            The part to add.
        """
        values = np.ascontiguousarray(plane[tile.window], self._total.dtype)
        values = values.reshape(*values.shape[:2], -1)
        window = tile.window
        share = np.full((1, 1), FAR_AGREEMENT) if agreement is None else agreement[window]
        _accumulate(
            values,
            focus[window],
            self._fade(takeover, tile),
            share,
            agreement is None,
            self._peak[window],
            self._total[window],
            self._weights[window],
        )

    def _fade(self, takeover: BoolMap, tile: Tile) -> FloatMap:
        """Return how far a plane was chosen around each pixel of a tile, 0 to 1."""
        halo = with_halo(takeover, tile, self._taps.size - 1)
        if not halo.any():  # far from all that a plane shows sharply
            height, width = takeover[tile.window].shape
            return np.zeros((height, width), np.float32)
        # At most 1, which rounding may exceed.
        return np.minimum(smooth(halo.astype(np.float32), self._taps), np.float32(1))

    @property
    def precision(self) -> np.dtype[Any]:
        """Dtype of the sums."""
        return self._total.dtype

    def estimate(self, rows: slice) -> AnyArray:
        """Return rows of the weighted mean without rounding; NaN where no plane is valid."""
        with np.errstate(invalid="ignore"):
            mean: AnyArray = self._total[rows] / self._weights[rows][..., None]
        return mean.reshape(-1, *self.shape[1:])

    def iter_fill(self, image: Plane, workers: Workers) -> Generator[None]:
        """Fill an image with the weighted mean."""

        def fill(rows: slice) -> None:
            image[rows] = self.mean(rows)

        yield from workers.each(fill, split_rows(len(image)))

    def mean(self, rows: slice) -> Plane:
        """Return rows of the weighted mean, in the dtype of the planes."""
        return as_dtype(self.estimate(rows), self.dtype)


def as_dtype(mean: Plane, dtype: np.dtype[Any]) -> Plane:
    """Round to the nearest value of the dtype."""
    if dtype.kind == "b":
        return np.asarray(mean >= 0.5)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        # NaN where no plane is valid, which integers do not have.
        mean = np.clip(np.rint(np.nan_to_num(mean)), limits.min, limits.max)
    return mean.astype(dtype)


@njit(nogil=True, cache=True, error_model="numpy")
def _relative(peak: np.float32, value: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    """Return the new peak, the factor for earlier weights, and the weight of a value."""
    highest = max(peak, value)
    ratio = peak / highest if highest > 0 else np.float32(1)
    faded = ratio * ratio
    ratio = value / highest if highest > 0 else np.float32(1)
    # Never 0, since a chosen plane without focus may be the only one that counts.
    return highest, faded, max(ratio * ratio, np.float32(1e-9))


@njit(nogil=True, cache=True, error_model="numpy")
def _accumulate(
    values: AnyArray,
    focus: AnyArray,
    fade: AnyArray,
    agreement: AnyArray,
    is_far: bool,
    peak: AnyArray,
    total: AnyArray,
    weights: AnyArray,
) -> None:
    """Add the values of a tile where a plane was chosen, and where it agrees with earlier ones.

    `agreement` is one value if `is_far`, for all pixels.
    """
    one = np.float32(1)
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            value = focus[y, x]
            if value < 0:
                continue
            highest, faded, weight = _relative(peak[y, x], value)
            peak[y, x] = highest
            chosen = fade[y, x]
            share = agreement[0, 0] if is_far else agreement[y, x]
            # A chosen plane counts in full, and earlier ones keep the share that agrees with it.
            gains = weight * (chosen + (one - chosen) * share)
            stays = faded * (one - chosen * (one - share))
            weights[y, x] = weights[y, x] * stays + gains
            for channel in range(values.shape[2]):
                sample = values[y, x, channel]
                total[y, x, channel] = total[y, x, channel] * stays + gains * sample
