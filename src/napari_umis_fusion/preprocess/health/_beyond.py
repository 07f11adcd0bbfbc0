"""Pixels that lie beyond what the planes before and after show, among which all specks are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Table = NDArray[np.float64]

NEAR = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
"""Row and column of the pixels next to one, in the order of their indices."""

EARLIER = 4
"""How many of them come before it."""


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
    here, before, after = (np.ascontiguousarray(one[first:last]) for one in planes)
    nearest = np.minimum(here, np.maximum(before, after))
    np.maximum(nearest, np.minimum(before, after), out=nearest)
    # Integers without a sign have no negative differences.
    farther = np.maximum(here, nearest)
    np.minimum(here, nearest, out=nearest)
    with np.errstate(invalid="ignore"):
        np.subtract(farther, nearest, out=farther)
    places = np.flatnonzero(~(farther <= _bound(least, here.dtype)))
    return np.asarray(places + first * here.shape[1])


def _bound(least: float, dtype: np.dtype[Any]) -> Any:
    """Return the largest value of a dtype that is no larger; rounding up would hide some."""
    if dtype.kind != "f":
        return dtype.type(min(least, np.iinfo(dtype).max))
    bound = dtype.type(least)
    return bound if float(bound) <= least else np.nextafter(bound, dtype.type(-np.inf))


@dataclass(frozen=True, eq=False)
class Beyond:
    """Pixels that differ from both planes around, all taken as bright ones.

    Attributes
    ----------
    planes : tuple of ndarray of shape (Y, X), float32
        A part of the plane, and of those before and after it; contiguous.
    places : ndarray of shape (N,), int64
        Which pixels, as indices of the flattened part.
    signs : ndarray of shape (N,), float32
        1 for bright ones, -1 for dark ones, whose surroundings are seen with their sign changed.
    """

    planes: tuple[NDArray[np.float32], ...]
    places: Places
    signs: NDArray[np.float32]

    @classmethod
    def among(cls, planes: Sequence[NDArray[np.float32]], places: Places, least: float) -> "Beyond":
        """Return those of some pixels that differ by more than `least`."""
        here, before, after = (one.reshape(-1)[places] for one in planes)
        with np.errstate(invalid="ignore"):
            is_bright = (here - higher(before, after)).astype(np.float64) > least
            is_dark = (-higher(-before, -after) - here).astype(np.float64) > least
        signs = np.where(is_bright, np.float32(1), np.float32(-1))
        return cls(tuple(planes), places, signs).where(is_bright | is_dark)

    def __len__(self) -> int:
        return len(self.places)

    def where(self, kept: NDArray[np.bool_] | Places) -> "Beyond":
        """Return some of them, by a mask or by their indices."""
        return Beyond(self.planes, self.places[kept], self.signs[kept])

    @cached_property
    def near(self) -> NDArray[np.float32]:
        """The pixels next to them (N, 8), NaN beyond the border."""
        return self.at(0, NEAR)

    @cached_property
    def excess(self) -> Table:
        """By how much they exceed the planes around (N,)."""
        return self.excess_at(((0, 0),))[:, 0]

    def excess_at(self, steps: Sequence[tuple[int, int]]) -> Table:
        """Return by how much pixels some rows and columns away do (N, K), NaN beyond the border."""
        here, before, after = (self.at(plane, steps) for plane in range(3))
        with np.errstate(invalid="ignore"):
            return np.asarray(here - higher(before, after), np.float64)

    def at(self, plane: int, steps: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
        """Return values of a plane some rows and columns away (N, K), NaN beyond the border."""
        down, along = np.array(steps, np.int64).T
        values = self.planes[plane]
        indices = self.places[:, None] + (down * values.shape[1] + along)
        found = self.signs[:, None] * values.reshape(-1).take(indices, mode="clip")
        found[~self.has(steps)] = np.nan
        return np.asarray(found)

    def has(self, steps: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
        """Return whether the part has these pixels (N, K)."""
        height, width = self.planes[0].shape
        down, along = np.array(steps, np.int64).T
        y, x = np.divmod(self.places, width)
        is_row = (y[:, None] >= -down) & (y[:, None] < height - down)
        return np.asarray(is_row & (x[:, None] >= -along) & (x[:, None] < width - along))

    def total(self, values: NDArray[Any], steps: Sequence[tuple[int, int]]) -> Table:
        """Return the sum over what lies some rows and columns away (N,), without the border."""
        # One after the other, so that it is the same however many pixels are looked at.
        known = np.where(self.has(steps), values, 0)
        return np.asarray(known.cumsum(axis=1, dtype=np.float64)[:, -1])


def higher(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return the higher of two values, the first where they cannot be compared."""
    return np.where(other > one, other, one)
