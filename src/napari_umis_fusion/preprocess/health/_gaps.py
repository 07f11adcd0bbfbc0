"""The parts of planes that were never written: found in whole planes, kept for parts of them."""

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._plane_health import PlaneHealth
from napari_umis_fusion.runtime import split_rows
from napari_umis_fusion.stack import Plane

Mask = NDArray[np.bool_]

BAND_ROWS = 256
"""Rows that are packed as one."""


class PackedMask:
    """A map of bools, of which any rectangle is unpacked; large areas take next to nothing.

    Parameters
    ----------
    mask : ndarray of shape (Y, X), bool
        The map.
    """

    def __init__(self, mask: Mask) -> None:
        self._width = mask.shape[1]
        self._bands = [
            (rows, zlib.compress(np.packbits(mask[rows]).tobytes(), 1))
            for rows in split_rows(len(mask), BAND_ROWS)
        ]

    def within(self, rows: slice, columns: slice) -> Mask:
        """Return a rectangle, whose sides are given by numbers."""
        found = np.empty((rows.stop - rows.start, columns.stop - columns.start), np.bool_)
        for band, packed in self._bands:
            first, last = max(rows.start, band.start), min(rows.stop, band.stop)
            if first < last:
                bits = np.frombuffer(zlib.decompress(packed), np.uint8)
                size = (band.stop - band.start) * self._width
                whole = np.unpackbits(bits, count=size).reshape(-1, self._width)
                part = whole[first - band.start : last - band.start, columns]
                found[first - rows.start : last - rows.start] = part
        return found


class Gaps:
    """Remembers the gaps of planes, which only whole planes show."""

    def __init__(self) -> None:
        self._found: dict[int, PackedMask] = {}

    def of(self, health: PlaneHealth, plane: Plane) -> Mask | None:
        """Return the gaps of a whole plane: bool (Y, X), None if it has none."""
        found = health.gap_mask(plane)
        if found is not None:
            self._found[health.z] = PackedMask(found)
        return found

    def within(
        self, health: PlaneHealth, read: Callable[[int], Plane], rows: slice, columns: slice
    ) -> Mask | None:
        """Return those in a rectangle of a plane, all of which is read if nobody has before."""
        if not health.gaps:
            return None
        if health.z not in self._found:
            self.of(health, read(health.z))
        return self._found[health.z].within(rows, columns)
