"""Fine detail of the mean, from the planes that show most of it.

The weights of the mean say which planes are in focus around a pixel, and its detail is a mean of
theirs. Which plane shows most detail over 1 px tells something else, as published pyramids use it
[1]_: beside borders it is often right where weights are not. So both are averaged, for most of what
is wrong in either is not in the other.

In noise, the plane with most detail is the noisiest one, and the mean is better. So the detail
counts as far as it exceeds that of the plane which shows least around.

References
----------
.. [1] Burt, P. J., Kolczynski, R. J., "Enhanced image capture through fusion", ICCV 1993.
   https://doi.org/10.1109/ICCV.1993.378222
"""

from collections.abc import Generator
from typing import Any

import numpy as np

from napari_umis_fusion.fusion.mean._base import block_means
from napari_umis_fusion.fusion.mean._base_shift import BLOCK_PX, enlarged
from napari_umis_fusion.fusion.mean._edge_limits import highest_around
from napari_umis_fusion.runtime import (
    AnyArray,
    FloatMap,
    ScratchMemory,
    Workers,
    kernel,
    split_rows,
)
from napari_umis_fusion.stack import Plane

SHARE = 0.7
"""What the detail of the sharpest planes counts against that of the mean, where it is no noise."""

NOISE_RATIO = 30.0
"""Square of its energy over that of the plane which shows least, at which half of that counts."""

LEAST_ENERGY = 1e-3
"""Energy below which detail is nothing, in squared grey levels."""

BAND_PX = 2
"""How far the values that detail is measured against reach; binomial, with a sigma of 1 px."""

REACH_PX = BAND_PX + 1
"""How far the amount of detail at a pixel depends on others."""


class FineDetail:
    """Collects the fine detail of planes, weighted by its amount and their weight in the mean.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) or (Y, X, C).
    black : float
        Value of grey level 0.
    workspace : ScratchMemory
        Memory for the sums.
    """

    def __init__(self, shape: tuple[int, ...], black: float, workspace: ScratchMemory) -> None:
        self._black = black
        self._shape = shape
        channels = shape[2] if len(shape) == 3 else 1
        self._total = workspace.full((*shape[:2], channels), np.float32, 0)
        self._weights = workspace.full(shape[:2], np.float32, 0)
        blocks = tuple(-(-side // BLOCK_PX) for side in shape[:2])
        self._least = workspace.full((*blocks, 1), np.float32, np.inf)

    def iter_add(
        self, plane: Plane, grey: FloatMap, weight: FloatMap, workers: Workers
    ) -> Generator[None]:
        """Add a plane, with its grey levels; its weight (Y, X) is negative where it is invalid."""

        def add(rows: slice) -> None:
            values = fine_detail(self._near_black(_around(plane, rows, BAND_PX)))
            detail = fine_detail(_around(grey, rows, REACH_PX, REACH_PX)[..., None])[..., 0]
            counts = weight[rows]
            near = _around(weight, rows, REACH_PX)
            if (near < 0).any():
                # Beside what is invalid, detail is the border of it.
                for _ in range(REACH_PX):
                    near = -highest_around(-near)
                inner = near[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX]
                counts = np.where(inner < 0, inner, counts)
            energy = np.empty(counts.shape, np.float32)
            sums = self._total[rows], self._weights[rows]
            line = np.empty(detail.shape[1], np.float32)
            _accumulate(values, detail, counts, line, energy, *sums)
            least = self._least[rows.start // BLOCK_PX :][: -(-len(energy) // BLOCK_PX)]
            # Not a number in a block where any is.
            np.fmin(least, block_means(energy, np.dtype(np.float32)), out=least)

        yield from workers.each(add, split_rows(len(grey), 16 * BLOCK_PX))

    def _near_black(self, values: AnyArray) -> AnyArray:
        """Return values (Y, X, C) that single precision holds, from black."""
        if values.dtype.itemsize > 2 and values.dtype != np.float32:
            values = values.astype(np.float64) - self._black
        values = values.astype(np.float32, copy=False)
        return values if values.ndim == 3 else values[..., None]

    def added(self, mean: AnyArray, wide: AnyArray, weights: FloatMap, rows: slice) -> AnyArray:
        """Return rows of a mean (Y, X[, C]) with the detail of the planes.

        Parameters
        ----------
        mean : ndarray
            The rows of the mean.
        wide : ndarray
            The mean around them, as `wider` rows.
        weights : ndarray of shape (Y, X)
            Sum of the weights of all planes.
        rows : slice
            Which rows.
        """
        first = self.wider(rows).start
        around = _around(wide, slice(rows.start - first, rows.stop - first), BAND_PX)
        own = fine_detail(self._near_black(around))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            change = self._total[rows] / self._weights[rows][..., None] - own
            change *= SHARE * self._signal(weights, rows)
        # Where no plane has any detail, or a value is unknown, nothing changes.
        change = np.where(np.isfinite(change), change, np.float32(0))
        return np.asarray(mean + change.reshape(mean.shape))

    def _signal(self, weights: FloatMap, rows: slice) -> AnyArray:
        """Return how far the detail of rows is no noise (Y, X, 1), 0 to 1."""
        least = np.maximum(enlarged(self._least, rows, self._shape[1]), LEAST_ENERGY)
        energy = self._weights[rows] / weights
        noise: AnyArray = np.float32(NOISE_RATIO) * least * least / energy[..., None]
        return np.asarray(1 / (1 + noise * noise))

    def wider(self, rows: slice) -> slice:
        """Return the rows that the detail of some rows depends on."""
        return slice(max(rows.start - BAND_PX, 0), min(rows.stop + BAND_PX, self._shape[0]))


def detail_bytes(channels: int) -> int:
    """Return the memory of one pixel of `FineDetail`, in bytes."""
    return 4 * (channels + 1)


def _around(image: AnyArray, rows: slice, above: int, beside: int | None = None) -> AnyArray:
    """Return rows with so many more around them; beyond the image, its border is repeated."""
    first, last = max(rows.start - above, 0), min(rows.stop + above, len(image))
    lacking = above - (rows.start - first), above - (last - rows.stop)
    sides = (above if beside is None else beside,) * 2
    pads: list[Any] = [lacking, sides, *[(0, 0)] * (image.ndim - 2)]
    return np.pad(image[first:last], pads, mode="edge")


def fine_detail(image: AnyArray) -> AnyArray:
    """Return the detail (Y - 4, X - 4, C) of an image (Y, X, C), float32, over 1 px."""
    height, width, channels = image.shape
    rows = np.ascontiguousarray(image).reshape(height, width * channels)
    found = np.empty((height - 2 * BAND_PX, (width - 2 * BAND_PX) * channels), np.float32)
    _subtract_surroundings(rows, channels, np.empty(rows.shape[1], np.float32), found)
    return found.reshape(len(found), width - 2 * BAND_PX, channels)


@kernel
def _subtract_surroundings(rows: AnyArray, channels: int, sums: AnyArray, found: AnyArray) -> None:
    """Subtract from values of interleaved channels the binomial mean of 5 x 5 pixels."""
    four, six, share = np.float32(4), np.float32(6), np.float32(1 / 256)
    one, two, three = channels, 2 * channels, 3 * channels
    for y in range(found.shape[0]):
        top, above, here = rows[y], rows[y + 1], rows[y + 2]
        below, bottom = rows[y + 3], rows[y + 4]
        for x in range(sums.size):
            sums[x] = top[x] + bottom[x] + four * (above[x] + below[x]) + six * here[x]
        for x in range(found.shape[1]):
            outer = sums[x] + sums[x + 4 * channels]
            inner = four * (sums[x + one] + sums[x + three]) + six * sums[x + two]
            found[y, x] = here[x + two] - (outer + inner) * share


@kernel
def _accumulate(
    values: AnyArray,
    detail: AnyArray,
    weight: AnyArray,
    sums: AnyArray,
    energies: AnyArray,
    total: AnyArray,
    weights: AnyArray,
) -> None:
    """Add the detail of a plane, weighted by the square of its energy within 3 x 3 pixels.

    That energy is written to `energies`; it is not a number where the plane is invalid.
    """
    two, share = np.float32(2), np.float32(1 / 16)
    for y in range(values.shape[0]):
        for x in range(sums.size):
            above, here, below = detail[y, x], detail[y + 1, x], detail[y + 2, x]
            sums[x] = above * above + two * here * here + below * below
        for x in range(values.shape[1]):
            energy = (sums[x] + two * sums[x + 1] + sums[x + 2]) * share
            valid = weight[y, x] >= 0
            energies[y, x] = energy if valid else np.nan
            counts = energy * energy * weight[y, x]
            # Not a number next to such values.
            if not (valid and counts > 0):
                continue
            weights[y, x] += counts
            for channel in range(values.shape[2]):
                total[y, x, channel] += counts * values[y, x, channel]
