"""Which plane each pixel comes from, kept up to date as planes stream by.

The maps have the size of one plane, however many planes there are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.runtime import ScratchMemory, Tile
from napari_umis_fusion.stack import Plane

Array = NDArray[Any]
Bounds = tuple[int, int, int, int]
"""Top, bottom, left and right; see `Tile`."""

Map = NDArray[np.float32]

INVALID = -1.0
"""Focus of a pixel that is NaN or infinite: less than any focus."""


@dataclass(slots=True)
class Decision:
    """The choice so far and what it rests on; every map is of shape (Y, X).

    Attributes
    ----------
    index : ndarray, uint16
        The plane chosen.
    chosen, best, second : ndarray, float32
        Focus of the chosen plane, and the highest and second highest of all planes.
    before, after : ndarray, float32
        Focus of the planes next to the chosen one; negative where there is none yet.
    last : ndarray, float32
        Focus of the plane before the current one.
    """

    index: NDArray[np.uint16]
    chosen: Map
    best: Map
    second: Map
    before: Map
    after: Map
    last: Map

    @classmethod
    def blank(cls, height: int, width: int, workspace: ScratchMemory) -> "Decision":
        """Make the maps before the first plane, where any focus is welcome."""
        index = workspace.full((height, width), np.uint16, 0)
        maps = (workspace.full((height, width), np.float32, INVALID) for _ in range(6))
        return cls(index, *maps)

    def rank(self, focus: Map, tile: Tile) -> None:
        """Enter the focus of a new plane into the highest and second highest."""
        _rank(focus, self.best, self.second, tile.bounds)

    def switch(self, focus: Map, takeover: NDArray[np.bool_], z: int, tile: Tile) -> None:
        """Give plane `z` the pixels that it takes over, and keep its neighbours' focus."""
        maps = (self.index, self.chosen, self.before, self.after, self.last)
        _switch(focus, takeover, z, *maps, tile.bounds)


def copy_pixels(plane: Plane, takeover: NDArray[np.bool_], image: Plane, tile: Tile) -> None:
    """Copy the pixels that a plane takes over into the image, all channels, bit by bit."""
    _copy_pixels(_as_bits(plane), takeover, _as_bits(image), tile.bounds)


def _as_bits(image: Plane) -> Array:
    """View an image as (Y, X, C) of whole numbers, which numba knows for every dtype."""
    return image.view(f"u{image.dtype.itemsize}").reshape(*image.shape[:2], -1)


@dataclass(frozen=True, slots=True)
class Verified:
    """What verification made of a decision map, to be followed as planes stream by again.

    Attributes
    ----------
    index_map : ndarray of shape (Y, X), uint16
        The plane that each pixel shall come from. Where that plane is NaN or infinite it falls
        back to `decided`.
    decided : ndarray of shape (Y, X), uint16
        The decision map that was verified.
    """

    index_map: NDArray[np.uint16]
    decided: NDArray[np.uint16]

    def follow(
        self, focus: Map, decision: Decision, takeover: NDArray[np.bool_], z: int, tile: Tile
    ) -> None:
        """Take over as `take_sharper` does until the plane of the index map has, and no more.

        Where verification changed nothing, the takeovers are those of the decision.
        """
        maps = focus, decision.chosen, self.index_map, self.decided, takeover
        _follow(*maps, z, tile.bounds)


@dataclass(frozen=True, slots=True)
class FinalMaps:
    """What a finished decision tells, of shape (Y, X), float32; see `FusionResult`."""

    sub_plane: Map
    confidence: Map
    focus: Map

    @classmethod
    def blank(cls, shape: tuple[int, ...], workspace: ScratchMemory) -> "FinalMaps":
        """Make empty maps, which outlive the workspace."""
        return cls(*(workspace.lasting(shape, np.float32) for _ in range(3)))

    def fill(
        self,
        decision: Decision,
        index_map: NDArray[np.uint16],
        overruled: NDArray[np.bool_],
        rows: slice,
    ) -> None:
        """Fill some rows; where verification overruled the decision there is no peak to trust."""
        wrong = overruled[rows]
        self.focus[rows] = np.maximum(decision.best[rows], 0)
        self.confidence[rows] = np.where(wrong, 0, _confidence(decision, rows))
        self.sub_plane[rows] = index_map[rows] + np.where(wrong, 0, _peak_shift(decision, rows))


def _confidence(decision: Decision, rows: slice) -> Map:
    """Return 1 - (best other) / chosen, within 0 to 1; who is not the best has no lead."""
    chosen, rival = decision.chosen[rows], decision.second[rows]
    compared = (chosen > 0) & (rival >= 0)
    with np.errstate(over="ignore"):  # shares of a badly trained network; infinity means no lead
        ratio = np.divide(rival, chosen, out=np.ones_like(chosen), where=compared)
    contrast: Map = np.clip(1 - ratio, 0, 1)
    return contrast


def _peak_shift(decision: Decision, rows: slice) -> Map:
    """Return where a parabola through three planes peaks, from the chosen one, in planes."""
    before, after = decision.before[rows], decision.after[rows]
    bend = before - 2 * decision.chosen[rows] + after
    peaks = (before >= 0) & (after >= 0) & (bend < 0)
    shift = np.divide(before - after, 2 * bend, out=np.zeros_like(bend), where=peaks)
    bounded: Map = np.clip(shift, -0.5, 0.5)
    return bounded


def take_sharper(focus: Map, decision: Decision, takeover: NDArray[np.bool_], tile: Tile) -> None:
    """Take over where the new plane is at least as sharp: on a tie the later plane wins."""
    window = tile.window
    np.greater_equal(focus[window], decision.chosen[window], out=takeover[window])


@njit(nogil=True, cache=True)
def _follow(
    focus: Array,
    chosen: Array,
    index_map: Array,
    decided: Array,
    takeover: Array,
    z: int,
    bounds: Bounds,
) -> None:
    top, bottom, left, right = bounds
    for y in range(top, bottom):
        for x in range(left, right):
            if index_map[y, x] == z and focus[y, x] < 0:
                index_map[y, x] = decided[y, x]
            wanted = index_map[y, x]
            takeover[y, x] = wanted == z or (wanted > z and focus[y, x] >= chosen[y, x])


@njit(nogil=True, cache=True)
def _rank(focus: Array, best: Array, second: Array, bounds: Bounds) -> None:
    top, bottom, left, right = bounds
    for y in range(top, bottom):
        for x in range(left, right):
            value = focus[y, x]
            if value > best[y, x]:
                second[y, x] = best[y, x]
                best[y, x] = value
            elif value > second[y, x]:
                second[y, x] = value


@njit(nogil=True, cache=True)
def _switch(
    focus: Array,
    takeover: Array,
    z: int,
    index: Array,
    chosen: Array,
    before: Array,
    after: Array,
    last: Array,
    bounds: Bounds,
) -> None:
    top, bottom, left, right = bounds
    for y in range(top, bottom):
        for x in range(left, right):
            if takeover[y, x]:
                before[y, x] = last[y, x]
                chosen[y, x] = focus[y, x]
                after[y, x] = INVALID
                index[y, x] = z
            elif index[y, x] + 1 == z:
                after[y, x] = focus[y, x]
            last[y, x] = focus[y, x]


@njit(nogil=True, cache=True)
def _copy_pixels(plane: Array, takeover: Array, image: Array, bounds: Bounds) -> None:
    top, bottom, left, right = bounds
    for y in range(top, bottom):
        for x in range(left, right):
            if takeover[y, x]:
                for channel in range(plane.shape[2]):
                    image[y, x, channel] = plane[y, x, channel]
