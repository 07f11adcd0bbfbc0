"""The noise of a stack at each pixel, from what changes between neighbouring planes.

Texture out of focus hardly changes from plane to plane, nor does the pattern of a sensor; noise
does. So its level is that of the two planes that differ least there.
"""

import numpy as np

from napari_umis_fusion.focus_measure import gaussian_taps, smooth
from napari_umis_fusion.runtime import (
    AnyArray,
    BoolMap,
    FloatMap,
    Tile,
    kernel,
    with_halo,
)

WINDOW_SIGMA_PX = 3.5
"""Window over which changes are averaged: narrower ones find too little noise by chance."""

ALL_PAIRS = 2
"""Pairs of planes after which every second one is compared: to lower a level takes as long as to
measure focus, and neighbouring pairs find about the same one."""

REACH_PX = 2
"""Pixels on either side that a second difference sees."""

_SCALE = np.float32(np.sqrt(np.pi / 2) / 6 / np.sqrt(2))
"""From the mean size of the response to a difference of planes, to the deviation of one."""


class NoiseLevel:
    """Measures the standard deviation of the noise of one plane, as planes arrive.

    By second differences along both axes [1]_, between every other pixel: that is the detail which
    sharpness responds to, and compression takes less of it than of the finest.

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
        self._pairs = 0

    def begin_pair(self) -> None:
        """Count the pair of planes that `measure` gets next, to leave out every second one."""
        self._pairs += 1

    def measure(
        self, grey: FloatMap, before: FloatMap, invalid: BoolMap | None, tile: Tile
    ) -> None:
        """Compare a tile of a plane with the plane before; not where it is invalid."""
        if self._pairs > ALL_PAIRS and self._pairs % 2 == 0:
            return
        halo_px = self._taps.size - 1 + REACH_PX
        new, old = (with_halo(image, tile, halo_px) for image in (grey, before))
        changes = np.empty([side - 2 * REACH_PX for side in new.shape], np.float32)
        # Of each row once, in turn.
        bends = np.empty((2 * REACH_PX + 1, changes.shape[1]), np.float32)
        _measure_changes(new, old, bends, changes)
        found = smooth(changes, self._taps)
        if invalid is not None:
            found[invalid[tile.window]] = 0
        found *= _SCALE
        level = self._level[tile.window]
        # Planes that are equal to the bit are copies, which say nothing about noise.
        np.copyto(level, found, where=(found > 0) & (found < level))


@kernel
def _measure_changes(new: AnyArray, old: AnyArray, bends: AnyArray, out: AnyArray) -> None:
    """Fill `out` with |second difference along both axes| of a difference of planes; radius 2."""
    two, count, width = np.float32(2), 2 * REACH_PX + 1, out.shape[1]
    for y in range(new.shape[0]):
        row, was, bend = new[y], old[y], bends[y % count]
        for x in range(width):
            ends = (row[x] - was[x]) + (row[x + 4] - was[x + 4])
            bend[x] = ends - two * (row[x + 2] - was[x + 2])
        if y < count - 1:
            continue
        above, middle = bends[(y + 1) % count], bends[(y - REACH_PX) % count]
        target = out[y - count + 1]
        for x in range(width):
            target[x] = abs(above[x] - two * middle[x] + bend[x])
