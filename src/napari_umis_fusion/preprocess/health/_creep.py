"""Places that creep from plane to plane: each step is too small to be told, all together are not.

Slow drift, rotation and magnification are added up. Planes are compared with one as far before as
they are still alike, so that the errors of few comparisons add up.
"""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._motion import MIN_LASTING, one_motion
from napari_umis_fusion.preprocess.health._profiles import Profiles, shifts_between

Table = NDArray[np.float64]

MIN_CREEP = 3.0
"""Way of a corner that is told, in points of a profile."""

MIN_ALIKE, MAX_REST = 0.8, 0.2
"""Correlation of parts of profiles from which on their shift counts, and points by which it may
differ from one motion of all: errors add up, too."""

STILL_ALIKE = 0.85
"""Correlation of parts of profiles from which on later planes may be compared with the same one."""


class Creep:
    """Takes the profiles of planes in focal order, and tells when the place has crept away."""

    def __init__(self) -> None:
        self._anchor: Profiles | None = None
        self._way = [np.zeros(3), np.zeros(3)]

    def restart(self, plane: Profiles | None) -> None:
        """Count from this plane on, as it was told that it is at another place."""
        self._anchor, self._way = plane, [np.zeros(3), np.zeros(3)]

    def add(self, plane: Profiles | None) -> float:
        """Take the next plane; returns by how many pixels it is shifted, 0 if that is little."""
        anchor = self._anchor
        if plane is None:
            return 0.0
        if anchor is None or anchor.shape != plane.shape:
            self.restart(plane)
            return 0.0
        pairs = shifts_between(plane, anchor)
        steps = [_step(shift, alike, plane.step) for shift, alike in pairs]
        ways = [way + step for way, step in zip(self._way, steps, strict=True)]
        if max(map(_reach, ways)) > MIN_CREEP * plane.step:
            self.restart(plane)
            return max(map(_reach, ways))
        if any((alike > STILL_ALIKE).mean() < MIN_LASTING for _, alike in pairs):
            self._anchor, self._way = plane, ways
        return 0.0


def _step(shift: Table, alike: Table, step: int) -> Table:
    """Return how a plane moved from another: none where they do not tell."""
    known = alike > MIN_ALIKE
    if known.mean() < MIN_LASTING:
        return np.zeros(3)
    motion, rest = one_motion(shift, known, step)
    return motion if rest < MAX_REST * step else np.zeros(3)


def _reach(way: Table) -> float:
    """Return how far a corner is moved along one axis."""
    shift, by_band, by_part = np.abs(way)
    return float(shift + by_band + by_part)
