"""Planes that creep: each is shifted, turned or magnified by too little to be told, all are not.

The focus that travels over a slope looks alike, so that what is found here is a first idea only.
"""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._profiles import BANDS, Profiles, shifts_between

Table = NDArray[np.float64]

MIN_ALIKE, MIN_KNOWN = 0.8, 0.7
"""Correlation of parts of profiles from which on their shift counts, and the least share of them
that tells of a motion."""


class Creep:
    """Takes the profiles of planes in focal order, and adds up how each moved against the last."""

    def __init__(self) -> None:
        self._last: Profiles | None = None
        self._ways = [np.zeros((2, 3))]

    def add(self, plane: Profiles | None) -> None:
        """Take the next plane; None tells nothing."""
        if plane is None:
            return
        last, self._last = self._last, plane
        if last is not None and last.shape == plane.shape:
            axes = shifts_between(plane, last)
            self._ways.append(self._ways[-1] + np.stack([_motion(*axis) for axis in axes]))

    @property
    def reach_px(self) -> float:
        """About how far the corners of some planes are apart at most."""
        return float(np.ptp(self._ways, axis=0).sum(axis=1).max())


def _motion(shift: Table, alike: Table) -> Table:
    """Return shift, and what it is more at the edges: none where parts do not tell."""
    known = alike > MIN_ALIKE
    if known.mean() < MIN_KNOWN:
        return np.zeros(3)
    bands, parts = np.indices(shift.shape)
    count = shift.shape[1]
    places = np.stack(
        [np.ones(shift.shape), (2 * bands + 1) / BANDS - 1, (2 * parts + 1) / count - 1], axis=-1
    )[known]
    values = shift[known]
    found = np.linalg.lstsq(places, values, rcond=None)[0]
    weights = 1 / (np.abs(values - places @ found) + 0.1)  # a part in which something else moved
    return np.asarray(np.linalg.lstsq(places * weights[:, None], values * weights, rcond=None)[0])
