"""The weighted blend: a mean of planes, updated with each plane.

The weight of a plane is the square of its focus relative to the highest so far (an online softmax
of the logarithm of focus), which does not depend on units. It counts in full where the plane is
chosen, with a soft border so that none is visible. Elsewhere it is reduced according to how well
the plane agrees with the chosen one: planes reduce the noise where they show the same, and add no
light where they do not.
"""

from collections.abc import Generator
from typing import Any, Protocol

import numpy as np

from napari_umis_fusion.focus_measure import gaussian_taps, smooth
from napari_umis_fusion.fusion.planes import DOUBLE, as_dtype
from napari_umis_fusion.runtime import (
    AnyArray,
    BoolMap,
    FloatMap,
    ScratchMemory,
    Tile,
    Workers,
    kernel,
    split_rows,
    with_halo,
)
from napari_umis_fusion.stack import Plane

FEATHER_SIGMA_PX = 6.0
"""Sigma of the soft border of a takeover."""

FAR_AGREEMENT = 0.05
"""Agreement of planes with the chosen one where it is not measured."""

FAR_AGREEMENT_OF_COMPOSITES = 0.08
"""The same where planes are merged by `MergeOrder`: most planes are reduced by it twice."""


class Correction(Protocol):
    """Corrects a weighted mean."""

    def corrected(self, mean: "WeightedMean", rows: slice) -> AnyArray:
        """Return rows of the mean, corrected."""
        ...


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
    far_agreement : float
        Agreement of planes with the chosen one where it is not measured.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        workspace: ScratchMemory,
        far_agreement: float = FAR_AGREEMENT,
    ) -> None:
        full = (*shape[:2], shape[2] if len(shape) == 3 else 1)
        sums = np.float64 if dtype.type in DOUBLE else np.float32
        self.shape = shape
        self.dtype = dtype
        self._total = workspace.full(full, sums, 0)
        self._weights = workspace.full(full[:2], sums, 0)
        self._peak = workspace.full(full[:2], np.float32, 0)
        self._taps = gaussian_taps(FEATHER_SIGMA_PX)
        self._far = far_agreement

    def another(self, workspace: ScratchMemory) -> "WeightedMean":
        """Create a mean of other planes of the stack, to be merged into this one."""
        return WeightedMean(self.shape, self.dtype, workspace, self._far)

    def clear(self, tile: Tile) -> None:
        """Forget a tile of all planes."""
        for sums in (self._total, self._weights, self._peak):
            sums[tile.window] = 0

    def merge(
        self, other: "WeightedMean", takeover: BoolMap, agreement: FloatMap | None, tile: Tile
    ) -> None:
        """Merge a tile of a mean of other planes into this one.

        Parameters
        ----------
        other : WeightedMean
            Mean of other planes.
        takeover, agreement, tile
            As in `add`.
        """
        window = tile.window
        share = self._share(agreement, tile)
        _merge(
            self._fade(takeover, tile),
            share,
            agreement is None,
            *(sums[window] for sums in (other._peak, other._total, other._weights)),
            *(sums[window] for sums in (self._peak, self._total, self._weights)),
        )

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
        share = self._share(agreement, tile)
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

    def _share(self, agreement: FloatMap | None, tile: Tile) -> FloatMap:
        """Return the agreement of a tile, or one value for all of it."""
        if agreement is None:
            return np.full((1, 1), self._far, np.float32)
        return agreement[tile.window]

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

    def iter_fill(
        self, image: Plane, workers: Workers, correction: Correction | None = None
    ) -> Generator[None]:
        """Fill an image with the weighted mean, corrected if that is asked for."""

        def fill(rows: slice) -> None:
            values = correction.corrected(self, rows) if correction else self.estimate(rows)
            image[rows] = as_dtype(values, self.dtype)

        yield from workers.each(fill, split_rows(len(image)))

    def mean(self, rows: slice) -> Plane:
        """Return rows of the weighted mean, in the dtype of the planes."""
        return as_dtype(self.estimate(rows), self.dtype)


@kernel
def _relative(peak: np.float32, value: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    """Return the new peak, the factor for earlier weights, and the weight of a value."""
    highest = max(peak, value)
    ratio = peak / highest if highest > 0 else np.float32(1)
    faded = ratio * ratio
    ratio = value / highest if highest > 0 else np.float32(1)
    # Never 0, since a chosen plane without focus may be the only one that counts.
    return highest, faded, max(ratio * ratio, np.float32(1e-9))


@kernel
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


@kernel
def _merge(
    fade: AnyArray,
    agreement: AnyArray,
    is_far: bool,
    new_peak: AnyArray,
    new_total: AnyArray,
    new_weights: AnyArray,
    peak: AnyArray,
    total: AnyArray,
    weights: AnyArray,
) -> None:
    """Add the sums of other planes as `_accumulate` adds a plane, each side as far as it counts."""
    one, least = np.float32(1), np.float32(1e-9)
    for y in range(total.shape[0]):
        for x in range(total.shape[1]):
            highest, faded, weight = _relative(peak[y, x], new_peak[y, x])
            peak[y, x] = highest
            chosen = fade[y, x]
            share = agreement[0, 0] if is_far else agreement[y, x]
            gains = weight * (chosen + (one - chosen) * share)
            stays = max(faded, least) * (one - chosen * (one - share))
            weights[y, x] = weights[y, x] * stays + gains * new_weights[y, x]
            for channel in range(total.shape[2]):
                sample = new_total[y, x, channel]
                total[y, x, channel] = total[y, x, channel] * stays + gains * sample
