"""The weighted blend: a mean of planes that lowers noise, kept up to date as planes stream by.

A plane weighs focus squared, relative to the sharpest so far (an online softmax of the logarithm of
focus), which is free of units. Planes near the chosen one count in full: the takeovers of the
decision, smoothed so that no border shows. All others count little, yet they lower the noise
where many planes are equally sharp.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.focus_measure.convolution import gaussian_taps, smooth
from napari_umis_fusion.stack import Plane
from napari_umis_fusion.tiles import Tile, with_halo
from napari_umis_fusion.workspace import Workspace

Array = NDArray[Any]

FEATHER_SIGMA_PX = 6.0
"""Over which distance a takeover fades in."""

FAR_SHARE = np.float32(0.03)
"""Weight of planes far from the chosen one."""

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
    workspace : Workspace
        Where the sums are kept.
    near_chosen : bool
        Whether planes far from the chosen one count little.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        workspace: Workspace,
        *,
        near_chosen: bool = True,
    ) -> None:
        full = (*shape[:2], shape[2] if len(shape) == 3 else 1)
        sums = np.float64 if dtype.type in DOUBLE else np.float32
        self.shape = shape
        self.dtype = dtype
        self._near_chosen = near_chosen
        near = full if near_chosen else (0, 0, 0)
        self._near = (workspace.full(near, sums, 0), workspace.full(near[:2], sums, 0))
        self._far = (workspace.full(full, sums, 0), workspace.full(full[:2], sums, 0))
        self._peak = workspace.full(full[:2], np.float32, 0)
        self._taps = gaussian_taps(FEATHER_SIGMA_PX)

    def add(
        self,
        plane: Plane,
        focus: NDArray[np.float32],
        takeover: NDArray[np.bool_],
        tile: Tile,
    ) -> None:
        """Add a tile of a plane, with its focus and the takeovers around it."""
        values = np.ascontiguousarray(plane[tile.window], self._far[0].dtype)
        values = values.reshape(*values.shape[:2], -1)
        top, _, left, _ = tile.bounds
        if not self._near_chosen:
            _accumulate_all(values, focus, self._peak, *self._far, top, left)
            return
        halo = with_halo(takeover, tile, self._taps.size - 1).astype(np.float32)
        fade = smooth(halo, self._taps)
        _accumulate(values, focus, fade, self._peak, self._near, self._far, top, left)

    def mean(self, rows: slice) -> Plane:
        """Return rows of the weighted mean, in the dtype of the planes."""
        total, weight = (far[rows] for far in self._far)
        if self._near_chosen:
            total, weight = (
                near[rows] + FAR_SHARE * far[rows]
                for near, far in zip(self._near, self._far, strict=True)
            )
        with np.errstate(invalid="ignore"):
            mean = (total / weight[..., None]).reshape(-1, *self.shape[1:])
        return _as_dtype(mean, self.dtype)


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
    fade: Array,
    peak: Array,
    near: tuple[Array, Array],
    far: tuple[Array, Array],
    top: int,
    left: int,
) -> None:
    """Add a tile's values to the sums and weights that stand in `near` and `far`."""
    near_sum, near_weight = near
    far_sum, far_weight = far
    for row in range(values.shape[0]):
        y = top + row
        for column in range(values.shape[1]):
            x = left + column
            value = focus[y, x]
            if value < 0:
                continue
            highest, faded, weight = _relative(peak[y, x], value)
            fresh = fade[row, column]
            stays = faded * (np.float32(1) - fresh)
            gains = weight * fresh
            peak[y, x] = highest
            near_weight[y, x] = near_weight[y, x] * stays + gains
            far_weight[y, x] = far_weight[y, x] * faded + weight
            for channel in range(values.shape[2]):
                sample = values[row, column, channel]
                near_sum[y, x, channel] = near_sum[y, x, channel] * stays + gains * sample
                far_sum[y, x, channel] = far_sum[y, x, channel] * faded + weight * sample


@njit(nogil=True, cache=True, error_model="numpy")
def _accumulate_all(
    values: Array, focus: Array, peak: Array, total: Array, weights: Array, top: int, left: int
) -> None:
    """Add a tile's values to sums relative to the highest focus so far."""
    for row in range(values.shape[0]):
        y = top + row
        for column in range(values.shape[1]):
            x = left + column
            value = focus[y, x]
            if value < 0:
                continue
            highest, faded, weight = _relative(peak[y, x], value)
            peak[y, x] = highest
            weights[y, x] = weights[y, x] * faded + weight
            for channel in range(values.shape[2]):
                sample = values[row, column, channel]
                total[y, x, channel] = total[y, x, channel] * faded + weight * sample
