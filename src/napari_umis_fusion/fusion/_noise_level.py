"""The noise of a stack at each pixel, from what changes between neighbouring planes.

Texture out of focus hardly changes from plane to plane, nor does the pattern of a sensor; noise
does. So its level is that of the two planes that differ least there.
"""

import numpy as np
from numba import njit

from napari_umis_fusion.focus_measure import gaussian_taps, smooth
from napari_umis_fusion.runtime import (
    AnyArray,
    BoolMap,
    FloatMap,
    Tile,
    with_halo,
)

WINDOW_SIGMA_PX = 3.5
"""Window over which changes are averaged: narrower ones find too little noise by chance."""

_SCALE = np.float32(np.sqrt(np.pi / 2) / 6 / np.sqrt(2))
"""From the mean size of the response to a difference of planes, to the deviation of one."""


class NoiseLevel:
    """Measures the standard deviation of the noise of one plane, as planes arrive.

    The detail that is looked at is the finest there is [1]_.

    Parameters
    ----------
    level : ndarray of shape (Y, X), float32
        In grey levels, infinite before the second plane; it is lowered in place.

    References
    ----------
    .. [1] J. Immerkær, "Fast noise variance estimation", Computer Vision and Image Understanding
       64(2), 1996. https://doi.org/10.1006/cviu.1996.0060
    """

    def __init__(self, level: FloatMap) -> None:
        self._level = level
        self._taps = gaussian_taps(WINDOW_SIGMA_PX)

    def measure(
        self, grey: FloatMap, before: FloatMap, invalid: BoolMap | None, tile: Tile
    ) -> None:
        """Compare a tile of a plane with the plane before; not where it is invalid."""
        halo_px = self._taps.size
        new, old = (with_halo(image, tile, halo_px) for image in (grey, before))
        changes = np.empty((new.shape[0] - 2, new.shape[1] - 2), np.float32)
        _finest_changes(new, old, changes)
        found = smooth(changes, self._taps)
        found *= _SCALE
        # Planes that are equal to the bit are copies, which say nothing about noise.
        counts = found > 0
        if invalid is not None:
            counts &= ~invalid[tile.window]
        level = self._level[tile.window]
        np.minimum(level, found, out=level, where=counts)


@njit(nogil=True, cache=True)
def _finest_changes(new: AnyArray, old: AnyArray, out: AnyArray) -> None:
    """Fill `out` with |second difference along both axes| of a difference of planes; radius 1."""
    two = np.float32(2)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total = np.float32(0)
            for k in range(3):
                row, was = new[y + k], old[y + k]
                part = (row[x] - was[x]) + (row[x + 2] - was[x + 2])
                part -= two * (row[x + 1] - was[x + 1])
                total += part if k != 1 else -two * part
            out[y, x] = abs(total)
