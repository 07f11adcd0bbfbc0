"""Tiles of a plane, and the halo that neighbourhood operations need around a tile."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of a plane, as slices."""

    rows: slice
    columns: slice

    @property
    def window(self) -> tuple[slice, slice]:
        """The tile as an index into a plane."""
        return self.rows, self.columns

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """Top, bottom, left and right; bottom and right exclusive."""
        return self.rows.start, self.rows.stop, self.columns.start, self.columns.stop


def tiles_of(plane: NDArray[Any], side_px: int) -> list[Tile]:
    """Cover a plane with tiles of about `side_px` squared pixels, from top left to bottom right.

    Tiles are half as high and twice as wide: the pixels of a row are contiguous in memory.
    """
    height, width = plane.shape[:2]
    cuts = product(_cuts(height, max(1, side_px // 2)), _cuts(width, 2 * side_px))
    return [Tile(rows, columns) for rows, columns in cuts]


def split_rows(height: int, rows: int = 128) -> list[slice]:
    """Cover `height` rows with slices of at most `rows`."""
    return list(_cuts(height, rows))


def bands(length: int, count: int) -> list[tuple[int, int]]:
    """Split ``range(length)`` into at most `count` nearly equal parts, none of them empty."""
    count = max(1, min(count, length))
    return [(length * k // count, length * (k + 1) // count) for k in range(count)]


def _cuts(size: int, side: int) -> Iterator[slice]:
    return (slice(start, min(start + side, size)) for start in range(0, size, side))


def with_halo(plane: NDArray[Any], tile: Tile, halo_px: int) -> NDArray[Any]:
    """Return a tile with its halo; the plane is mirrored beyond its border.

    Parameters
    ----------
    plane : ndarray of shape (Y, X)
        The whole plane.
    tile : Tile
        The part to return.
    halo_px : int
        Width of the border on each side; it may exceed the plane.

    Returns
    -------
    ndarray
        Of the tile's shape plus 2 `halo_px`, C-contiguous.
    """
    rows, columns = (np.arange(cut.start - halo_px, cut.stop + halo_px) for cut in tile.window)
    height, width = plane.shape
    # Inside the plane, slices are faster than arrays of indices.
    if rows[0] >= 0 and columns[0] >= 0 and rows[-1] < height and columns[-1] < width:
        return np.ascontiguousarray(plane[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    first, last = max(columns[0], 0), min(columns[-1] + 1, width)
    inner = slice(first - columns[0], last - columns[0])
    found = np.empty((len(rows), len(columns)), plane.dtype)
    # Whole rows are copied far faster than single pixels; the mirrored ones are among them.
    band = plane[:, first:last][_mirror(rows, height)]
    found[:, inner] = band
    mirrored = _mirror(columns, width) - first
    for side in (slice(0, inner.start), slice(inner.stop, len(columns))):
        found[:, side] = band[:, mirrored[side]]
    return found


def _mirror(index: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    # Periodic in twice the size, so that a halo of any width is defined.
    phase = index % (2 * size)
    return np.where(phase < size, phase, 2 * size - 1 - phase)
