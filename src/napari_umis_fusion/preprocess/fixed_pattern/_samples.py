"""Tiles of some planes, from which the sensor is known: few pixels tell of large planes."""

from threading import Lock

import numpy as np
from numpy.typing import DTypeLike

from napari_umis_fusion.runtime import BoolMap, Tile
from napari_umis_fusion.stack import Plane

SAMPLED_PLANES = 9
"""Planes that are looked at, and one more of an even number; yet more tell little more."""

TILE_PX = 64
"""Side of the tiles that are looked at: many pixels tell a weak pattern from noise."""

MAX_TILES = 144
"""Tiles that are looked at in each of them: about 0.6 megapixels."""

MAX_VALUE_BYTES = 12
"""Pixels with more channels than this holds are not sampled ahead: tiles would take much memory."""


class PlaneSamples:
    """Tiles of the planes that are looked at, cut as planes are read.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X) or (Z, Y, X, C) of the stack.
    dtype : dtype
        Of its values.

    Attributes
    ----------
    planes : list of int
        Which planes are looked at; none where they are too small.
    tiles : list of Tile
        Their tiles, of `TILE_PX`, which begin on even rows and columns.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        height, width = shape[1:3]
        is_large = min(height, width) >= TILE_PX
        self.planes = planes_to_look_at(shape[0]) if is_large else []
        self.tiles = _lattice(height, width) if is_large else []
        value = int(np.prod(shape[3:], dtype=int)) * np.dtype(dtype).itemsize
        self._missed = set(self.planes) if value <= MAX_VALUE_BYTES else set()
        self._cuts: dict[int, list[Plane | None]] = {}
        self._lock = Lock()

    def lacks(self, z: int) -> bool:
        """Whether plane `z` is one of those to cut when it is read."""
        return z in self._missed

    def add(self, z: int, plane: Plane, missing: BoolMap | None) -> None:
        """Cut the tiles of plane `z`, given where it shows nothing."""
        cut = self.cut(plane, missing)
        with self._lock:
            self._missed.discard(z)
            self._cuts[z] = cut

    def of(self, z: int) -> list[Plane | None] | None:
        """Return the tiles of plane `z`, if it was read; None for one that is not wholly there."""
        return self._cuts.get(z)

    def forget(self) -> None:
        """Let go of all tiles, and cut no more."""
        with self._lock:
            self._missed.clear()
            self._cuts.clear()

    def cut(self, plane: Plane, missing: BoolMap | None) -> list[Plane | None]:
        """Return copies of the tiles of a plane."""

        def is_there(tile: Tile) -> bool:
            return missing is None or not missing[tile.window].any()

        return [plane[tile.window].copy() if is_there(tile) else None for tile in self.tiles]


def planes_to_look_at(count: int) -> list[int]:
    """Return planes evenly over a stack, the same from either end.

    Among them are the first and the last, and those in the middle, which are read for the range of
    grey as well.
    """
    sampled = min(count, SAMPLED_PLANES + (count + 1) % 2)
    half = np.linspace(0, (count - 1) // 2, (sampled + 1) // 2).round().astype(int).tolist()
    return sorted({*half, *(count - 1 - z for z in half)})


def _lattice(height: int, width: int) -> list[Tile]:
    """Return tiles evenly over the plane."""
    counts = [max(1, round(side / TILE_PX)) for side in (height, width)]
    step = int(np.ceil((counts[0] * counts[1] / MAX_TILES) ** 0.5))
    rows, columns = (
        _starts(side, count)[step // 2 :: step]
        for side, count in zip((height, width), counts, strict=True)
    )
    return [Tile(slice(y, y + TILE_PX), slice(x, x + TILE_PX)) for y in rows for x in columns]


def _starts(side: int, count: int) -> list[int]:
    """Return where tiles of a side begin: on even pixels, for the sake of mosaics."""
    return [2 * int(start) for start in np.linspace(0, (side - TILE_PX) // 2, count).round()]
