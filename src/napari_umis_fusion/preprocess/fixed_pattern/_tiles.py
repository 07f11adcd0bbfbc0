"""Tables of tiles: sums over the tiles of a map, and maps interpolated between their centres."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.runtime import AnyArray, FloatMap, kernel

Table = NDArray[np.float64]

SIDE_PX = 16
"""Side of a tile. In larger ones the planes that are least in focus differ from place to place."""


@dataclass(frozen=True, slots=True)
class TileGrid:
    """Tiles of about equal size that cover a map.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) of the map.
    side_px : int
        About their side.
    """

    shape: tuple[int, int]
    side_px: int = SIDE_PX

    @property
    def counts(self) -> tuple[int, int]:
        """Number of tiles along y and x."""
        height, width = self.shape
        return max(1, round(height / self.side_px)), max(1, round(width / self.side_px))

    @property
    def rows(self) -> NDArray[np.intp]:
        """First row of each tile, and the height of the map."""
        return _edges(self.shape[0], self.counts[0])

    @property
    def columns(self) -> NDArray[np.intp]:
        """First column of each tile, and the width of the map."""
        return _edges(self.shape[1], self.counts[1])

    def means(self, values: FloatMap, first: int = 0, last: int | None = None) -> Table:
        """Return the mean of each tile, for the rows of tiles from `first` to before `last`."""
        rows, columns = self.rows[first : None if last is None else last + 1], self.columns
        down = np.add.reduceat(values, rows[:-1] - rows[0], axis=0, dtype=np.float64)
        sums = np.add.reduceat(down, columns[:-1], axis=1)
        return np.asarray(sums / (np.diff(rows)[:, None] * np.diff(columns)))

    def blocks(self) -> list[tuple[int, int]]:
        """Return rows of tiles, first and last, that are worked on at once: some 256 px."""
        count, step = self.counts[0], max(1, 256 // self.side_px)
        return [(first, min(first + step, count)) for first in range(0, count, step)]

    def add_scaled(self, out: FloatMap, values: FloatMap, table: Table, first: int = 0) -> None:
        """Add `values`, times a table interpolated between tiles, to `out`.

        Parameters
        ----------
        out, values : ndarray of shape (Y', X), float32
            Whole rows of the map.
        table : ndarray of shape `counts`
            Constant beyond the centres of the outer tiles.
        first : int
            Row of the map that is the first of `out`.
        """
        _add_scaled(out, values, table.astype(np.float32), first, self.shape[0])


def _edges(size: int, count: int) -> NDArray[np.intp]:
    return np.linspace(0, size, count + 1).astype(np.intp)


@kernel
def _add_scaled(out: AnyArray, values: AnyArray, table: AnyArray, first: int, height: int) -> None:
    down, along = table.shape
    width = out.shape[1]
    for y in range(out.shape[0]):
        row = min(max((y + first + 0.5) * down / height - 0.5, 0.0), down - 1.0)
        above = int(row)
        below = min(above + 1, down - 1)
        part = np.float32(row - above)
        for x in range(width):
            column = min(max((x + 0.5) * along / width - 0.5, 0.0), along - 1.0)
            left = int(column)
            right = min(left + 1, along - 1)
            share = np.float32(column - left)
            upper = table[above, left] + share * (table[above, right] - table[above, left])
            lower = table[below, left] + share * (table[below, right] - table[below, left])
            out[y, x] += values[y, x] * (upper + part * (lower - upper))
