"""Pixels that lie beyond what the planes before and after show, among which all specks are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.runtime import kernel

Places = NDArray[np.int64]
Table = NDArray[np.float64]

FAR_PX = 6
"""Distance of pixels that give a first idea of the noise."""

NEAR = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
"""Row and column of the pixels next to one, in the order of their indices."""

SINGLE, PEAK, EVEN = 1, 2, 4
"""Pixels that exceed all next to them but one, and the planes around; that no pixel next to them
exceeds, of equal ones the first, nor noise explains; and that are equal to those to their right and
below."""


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
    kinds : ndarray of shape (N,), uint8
        What they may be, one bit each: `SINGLE`, `PEAK` and `EVEN`.
    highest : ndarray of shape (N, 2), float64
        The highest value next to them, and by how much they exceed all others and the planes
        around.
    """

    planes: tuple[NDArray[np.float32], ...]
    places: Places
    signs: NDArray[np.float32]
    kinds: NDArray[np.uint8]
    highest: Table

    @classmethod
    def among(
        cls,
        planes: Sequence[NDArray[np.float32]],
        places: Places,
        least: tuple[float, float],
        noises: tuple[float, float],
    ) -> "Beyond":
        """Return those of some pixels that may be specks, or of some.

        Parameters
        ----------
        planes : sequence of ndarray
            As of the attribute.
        places : ndarray of shape (N,), int64
            The pixels.
        least : tuple of float
            Least height above the planes around: of a speck, and of a peak.
        noises : tuple of float
            Least height of a bright and of a dark one, in mean differences between planes.
        """
        signs, kinds = np.empty(places.size, np.float32), np.zeros(places.size, np.uint8)
        highest = np.empty((places.size, 2))
        here, before, after = planes
        _look(here, before, after, places, least, noises, signs, kinds, highest)
        return cls((here, before, after), places, signs, kinds, highest).where(kinds > 0)

    def of_kind(self, kind: int) -> "Beyond":
        """Return those that may be of a kind."""
        return self.where((self.kinds & kind) > 0)

    def __len__(self) -> int:
        return len(self.places)

    def where(self, kept: NDArray[np.bool_]) -> "Beyond":
        """Return some of them."""
        kinds, highest = self.kinds[kept], self.highest[kept]
        return Beyond(self.planes, self.places[kept], self.signs[kept], kinds, highest)

    @cached_property
    def excess(self) -> Table:
        """By how much they exceed the planes around (N,)."""
        return self.excess_at(((0, 0),))[:, 0]

    def excess_at(self, steps: Sequence[tuple[int, int]]) -> Table:
        """Return by how much pixels some rows and columns away do (N, K), NaN beyond the border."""
        here, before, after = (self.at(plane, steps) for plane in range(3))
        with np.errstate(invalid="ignore"):
            # The first of those around where they cannot be compared, as kernels take it.
            return np.asarray(here - np.where(after > before, after, before), np.float64)

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


@kernel
def _look(
    here: NDArray[np.float32],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    places: Places,
    least: tuple[float, float],
    noises: tuple[float, float],
    signs: NDArray[np.float32],
    kinds: NDArray[np.uint8],
    highest: Table,
) -> None:
    """Fill what is known of pixels; of those that do not differ so much, kinds stay 0."""
    height, width = here.shape
    for k in range(places.size):
        y, x = places[k] // width, places[k] % width
        value, one, other = here[y, x], before[y, x], after[y, x]
        excess, sign, many = value - max(one, other), np.float32(1), noises[0]
        if not excess > least[0]:
            excess, sign, many = min(one, other) - value, np.float32(-1), noises[1]
        if not excess > least[0]:
            continue
        own, first, second, others = np.float64(sign * value), -np.inf, -np.inf, -np.inf
        equals, is_peak = 1, excess > least[1]
        for i in range(max(0, y - 1), min(height, y + 2)):
            for j in range(max(0, x - 1), min(width, x + 2)):
                others = max(others, sign * before[i, j], sign * after[i, j])
                if i == y and j == x:
                    continue
                near = np.float64(sign * here[i, j])
                if near > first:
                    first, second = near, first
                elif near > second:
                    second = near
                is_later = i > y or (i == y and j > x)
                is_peak &= not (near > own or (near == own and not is_later))
                equals += near == own and i >= y and j >= x
        highest[k, 0], highest[k, 1] = first, own - max(second, others)
        signs[k] = sign
        if is_peak:  # what a few pixels at a distance differ by is a first idea of the noise
            noise, count = 0.0, 0
            for i in range(y - FAR_PX, y + FAR_PX + 1, FAR_PX):
                for j in range(x - FAR_PX, x + FAR_PX + 1, FAR_PX):
                    if (i != y or j != x) and 0 <= i < height and 0 <= j < width:
                        noise += abs(here[i, j] - (before[i, j] + after[i, j]) / 2)
                        count += 1
            is_peak = count * np.float64(excess) > many / 2 * noise
        kinds[k] = SINGLE * (highest[k, 1] > least[0]) + PEAK * is_peak + EVEN * (equals == 4)
