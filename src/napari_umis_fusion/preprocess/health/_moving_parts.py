"""Parts of planes that show something which most planes do not: what moved while they were taken.

Focus moves light by little; what swims or drifts takes it along. Planes are therefore compared as
means of small cells, which tell little of focus, with the median of all planes as the referee.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Cells = NDArray[np.float32]

MIN_PLANES = 4
"""Fewer have no majority."""

MIN_CELL_PX = 4
MAX_CELLS = 1 << 20
"""Side of a cell, and how many there are at most: cells of large planes are larger."""

MIN_OFF = 3.0
"""Grey levels by which a part differs at least."""

MANY_SPREADS, MANY_NOISES = 4.0, 4.0
"""It differs by so many standard deviations of the other planes there, plus so many median
deviations of the whole stack..."""

EDGE_SHARE = 0.1
"""...plus this share of the contrast around, since defocus moves light across edges."""

MIN_ONE_SIGN = 0.7
"""Defocus takes from one cell what it gives to the next: around something that was not there at
other times, at least this share of the differences is of one sign."""

AROUND_CELLS = 3.0
"""Sigma of the window in which signs are compared."""

SIGMA_PER_MEDIAN = 1.4826
"""Standard deviation of a normal distribution with a median deviation of 1."""


@dataclass(frozen=True, slots=True, eq=False)
class MovingParts:
    """Which parts of planes do not count.

    Attributes
    ----------
    cells : ndarray of shape (Z, rows of cells, columns of cells), bool
        Those parts.
    side_px : int
        Side of a cell.
    """

    cells: Mask
    side_px: int

    def share(self, z: int) -> float:
        """Return which share of plane `z` they are, 0 to 1."""
        return float(self.cells[z].mean())

    def mask(
        self,
        z: int,
        shape: tuple[int, ...],
        rows: slice = slice(None),
        columns: slice = slice(None),
    ) -> Mask | None:
        """Return those of plane `z`, or of a rectangle of it, as bool; None if it has none.

        Parameters
        ----------
        z : int
            The plane, counted from 0.
        shape : tuple of int
            (Y, X) of the plane.
        rows, columns : slice
            The rectangle, of step 1.
        """
        if not self.cells[z].any():
            return None
        places = [
            np.minimum(np.arange(side)[part] // self.side_px, count - 1)
            for side, part, count in zip(shape, (rows, columns), self.cells.shape[1:], strict=False)
        ]
        return np.asarray(self.cells[z][np.ix_(*places)])


def cell_side(shape: tuple[int, ...]) -> int:
    """Return the side of the cells of a plane (Y, X), in pixels."""
    return max(MIN_CELL_PX, int(np.ceil(np.sqrt(shape[0] * shape[1] / MAX_CELLS))))


def cells_of(grey: NDArray[np.float32], invalid: Mask | None, side_px: int) -> Cells:
    """Return the means of the cells of a plane (Y, X); NaN where half of a cell is invalid."""
    known = np.ones(grey.shape, np.float32) if invalid is None else (~invalid).astype(np.float32)
    light, count = (_sums(values, side_px) for values in (grey * known, known))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(2 * count >= side_px**2, light / count, np.float32(np.nan))


def find_moving(cells: Cells) -> Mask:
    """Return which cells show what most planes do not.

    Parameters
    ----------
    cells : ndarray of shape (Z, rows, columns), float32
        Means of the cells of all planes in grey levels; NaN where unknown.
    """
    from scipy.ndimage import binary_dilation, binary_propagation

    found = np.zeros(cells.shape, np.bool_)
    if len(cells) < MIN_PLANES:
        return found
    middle = _median(cells)
    off = np.nan_to_num(cells - middle)
    off -= np.median(off, axis=(1, 2), keepdims=True)  # planes that are lit a little otherwise
    spread = _median(np.abs(off))
    limit = MIN_OFF + MANY_SPREADS * SIGMA_PER_MEDIAN * spread + MANY_NOISES * np.median(spread)
    limit += EDGE_SHARE * _contrast(np.nan_to_num(middle))
    for z, one in enumerate(off):
        seeds = (np.abs(one) > limit) & _is_one_sided(one)
        if seeds.any():
            whole = binary_propagation(seeds, mask=np.abs(one) > limit / 2)
            found[z] = binary_dilation(whole)
    return found


def _median(cells: Cells) -> Cells:
    known = np.isfinite(cells)
    if known.all():
        return np.asarray(np.median(cells, axis=0))
    blank = ~known.any(axis=0)
    filled = np.where(blank, np.float32(0), cells)
    return np.asarray(np.nanmedian(filled, axis=0))


def _contrast(middle: Cells) -> Cells:
    from scipy.ndimage import maximum_filter, minimum_filter

    return np.asarray(maximum_filter(middle, 5) - minimum_filter(middle, 5))


def _is_one_sided(off: Cells) -> Mask:
    from scipy.ndimage import gaussian_filter

    total = gaussian_filter(np.abs(off), AROUND_CELLS)
    return np.asarray(np.abs(gaussian_filter(off, AROUND_CELLS)) > MIN_ONE_SIGN * total)


def _sums(values: NDArray[np.float32], side_px: int) -> Cells:
    starts = [np.arange(0, max(side - side_px + 1, 1), side_px) for side in values.shape]
    # The last cells are whole; a side shorter than a cell is one cell.
    rows, columns = (
        min(len(one) * side_px, side) for one, side in zip(starts, values.shape, strict=True)
    )
    sums = np.add.reduceat(values[:rows, :columns], starts[0], axis=0)
    return np.asarray(np.add.reduceat(sums, starts[1], axis=1))
