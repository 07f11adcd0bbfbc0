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


def widened(window: tuple[slice, slice], by_px: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return rows and columns with a margin, within a shape (Y, X[, C])."""
    rows, columns = (
        slice(max(cut.start - by_px, 0), min(cut.stop + by_px, side))
        for cut, side in zip(window, shape[:2], strict=True)
    )
    return rows, columns


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
    height, width = plane.shape
    left = tile.columns.start - halo_px
    found = np.empty([cut.stop - cut.start + 2 * halo_px for cut in tile.window], plane.dtype)
    rows, down = _covered(tile.rows, halo_px, height)
    columns, along = _covered(tile.columns, halo_px, width)
    found[down, along] = plane[rows, columns]
    # Indices are far slower than slices: they are for what is mirrored only.
    for beyond, mirrored in _mirrored(tile.rows, halo_px, height):
        found[beyond, along] = plane[mirrored, columns]
    for beyond, mirrored in _mirrored(tile.columns, halo_px, width):
        found[:, beyond] = found[:, mirrored - left]
    return found


def _covered(cut: slice, halo_px: int, size: int) -> tuple[slice, slice]:
    """Return which part of an axis a cut with its halo covers, and where in them that lies."""
    start, stop = cut.start - halo_px, cut.stop + halo_px
    first, last = max(start, 0), min(stop, size)
    return slice(first, last), slice(first - start, last - start)


def _mirrored(cut: slice, halo_px: int, size: int) -> Iterator[tuple[slice, NDArray[np.intp]]]:
    """Yield the parts of a cut with its halo that lie beyond an axis, and what is shown there."""
    start, stop = cut.start - halo_px, cut.stop + halo_px
    for first, last in ((start, min(0, stop)), (max(size, start), stop)):
        if first < last:
            yield slice(first - start, last - start), _mirror(np.arange(first, last), size)


def _mirror(index: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    # Periodic in twice the size, so that a halo of any width is defined.
    phase = index % (2 * size)
    return np.where(phase < size, phase, 2 * size - 1 - phase)
