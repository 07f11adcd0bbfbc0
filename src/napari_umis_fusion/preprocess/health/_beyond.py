"""Pixels that lie beyond what the planes before and after show, among which all specks are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Places = NDArray[np.int64]


def places_beyond(planes: Sequence[NDArray[Any]], least: float, first: int, last: int) -> Places:
    """Return the pixels of some rows that differ from both planes around by more than `least`.

    One quick look, so that the looks at what they are see few pixels. Some that cannot be compared,
    since a plane is NaN there, may be among them.

    Parameters
    ----------
    planes : sequence of ndarray of shape (Y, X), float32 or an integer of up to 16 bits
        A part of the plane, and of those before and after it.
    least : float
        In units of the plane.
    first, last : int
        Rows of the part.

    Returns
    -------
    ndarray of shape (N,), int64
        Indices of the flattened part, ascending.
    """
    bound = np.float32(least)
    if float(bound) > least:  # or rounding would hide some
        bound = np.nextafter(bound, np.float32(-np.inf))
    here, before, after = (np.ascontiguousarray(one[first:last]) for one in planes)
    found = np.empty(here.shape, np.bool_)
    _mark_beyond(here, before, after, bound, found)
    places: Places = np.flatnonzero(found) + first * here.shape[1]
    return places


@njit(nogil=True, cache=True, error_model="numpy")
def _mark_beyond(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    least: np.float32,
    found: NDArray[np.bool_],
) -> None:
    for y in range(found.shape[0]):
        values, ones, others, marks = here[y], before[y], after[y], found[y]
        for x in range(marks.size):
            value = np.float32(values[x])
            one, other = np.float32(ones[x]), np.float32(others[x])
            above = value - max(one, other)
            below = min(one, other) - value
            marks[x] = not (above <= least and below <= least)
