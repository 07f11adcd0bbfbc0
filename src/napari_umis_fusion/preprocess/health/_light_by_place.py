"""Light that differs from place to place: what is told of tiles, and taken off pixels."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.stack import Plane

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LightByPlace:
    """How a plane is lit: a value of those around it, times a gain plus an offset, is its value.

    Attributes
    ----------
    gain, offset : ndarray of shape (rows of tiles, columns of tiles, C)
        At the middles of tiles; between them, they change evenly.
    shape : tuple of int
        Rows and columns of the whole plane.
    first : tuple of int
        Row and column where a part of it begins.
    """

    gain: Table
    offset: Table
    shape: tuple[int, int]
    first: tuple[int, int] = (0, 0)

    def within(self, rows: slice, columns: slice) -> "LightByPlace":
        """Return that of a rectangle, whose sides begin at numbers."""
        return replace(self, first=(self.first[0] + rows.start, self.first[1] + columns.start))

    def evened(self, values: Plane, row: int) -> Plane:
        """Return the values of some rows, from one on, as if lit like the planes around."""
        sides = (self.first[0] + row, values.shape[0]), (self.first[1], values.shape[1])
        gain, offset = (self._at(table, sides) for table in (self.gain, self.offset))
        parts = values.reshape(*values.shape[:2], -1)
        return np.asarray((parts - offset) / gain).reshape(values.shape)

    def _at(self, table: Table, sides: tuple[tuple[int, int], ...]) -> Table:
        """Return a table between its tiles, for pixels of which each side has a first and many."""
        found = table
        for axis, (start, count) in enumerate(sides):
            last = table.shape[axis] - 1
            places = (start + np.arange(count) + 0.5) * (last + 1) / self.shape[axis] - 0.5
            places = np.clip(places, 0, last)
            low = np.minimum(places.astype(np.int64), max(last - 1, 0))
            part = np.expand_dims(places - low, (1, 2) if axis == 0 else (0, 2))
            one, other = (found.take(k, axis) for k in (low, np.minimum(low + 1, last)))
            found = one + part * (other - one)
        return np.asarray(found)
