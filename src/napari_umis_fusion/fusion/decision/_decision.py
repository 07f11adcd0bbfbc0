"""The decision: the plane chosen for each pixel, updated with each plane.

The maps have the size of one plane, whatever the number of planes.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.fusion.decision._peak_model import PeakModel
from napari_umis_fusion.runtime import AnyArray, BoolMap, FloatMap, ScratchMemory, Tile, kernel
from napari_umis_fusion.stack import Plane

Bounds = tuple[int, int, int, int]
"""Top, bottom, left and right; see `Tile`."""

Window = slice | tuple[slice, slice]
"""Rows, or rows and columns."""


INVALID = -1.0
"""Focus of a pixel that is NaN or infinite: lower than any focus, which is 0 or more."""


@dataclass(slots=True)
class Decision:
    """The plane chosen for each pixel so far, and its focus; every map has shape (Y, X).

    Attributes
    ----------
    index : ndarray, uint16
        The chosen plane.
    chosen, best, second : ndarray, float32
        Focus of the chosen plane, and the highest and second highest of all planes.
    peak : ndarray, float32
        What the focus peak is fitted to, of the chosen plane: its focus, or its sharpness where
        focus is a share, whose peak is not that of sharpness (see `PeakSharpness`).
    peak_before, peak_after : ndarray, float32
        The same of the planes before and after the chosen one; negative if there is none yet.
    previous : ndarray, float32
        The same of the plane before the current one.
    noise : ndarray, float32
        Standard deviation of the noise of planes, in grey levels; infinite where it is unknown.
    model : PeakModel or None
        How noise changes what peaks are fitted to; None where its unit is unknown.
    """

    index: NDArray[np.uint16]
    chosen: FloatMap
    best: FloatMap
    second: FloatMap
    peak: FloatMap
    peak_before: FloatMap
    peak_after: FloatMap
    previous: FloatMap
    noise: FloatMap
    model: PeakModel | None = None

    @classmethod
    def blank(
        cls,
        height: int,
        width: int,
        workspace: ScratchMemory,
        *,
        peak_is_focus: bool = True,
        model: PeakModel | None = None,
    ) -> "Decision":
        """Create the maps before the first plane, with a focus that any plane exceeds."""
        index = workspace.full((height, width), np.uint16, 0)
        blank = partial(workspace.full, (height, width), np.float32, INVALID)
        chosen = blank()
        peak = chosen if peak_is_focus else blank()
        noise = workspace.full((height, width), np.float32, np.inf)
        around = (blank(), blank(), blank())
        return cls(index, chosen, blank(), blank(), peak, *around, noise, model)

    def of_other_planes(self, workspace: ScratchMemory) -> "Decision":
        """Create a decision on other planes of the stack, to be taken over by `take`.

        It shares what is known of all planes, whichever decision they belong to.
        """
        blank = partial(workspace.full, self.index.shape, np.float32, INVALID)
        chosen = blank()
        peak = chosen if self.peak is self.chosen else blank()
        return replace(
            self,
            index=workspace.full(self.index.shape, np.uint16, 0),
            chosen=chosen,
            # As in `beside`, where a decision is not ranked.
            best=chosen if self.best is self.chosen else self.best,
            second=chosen if self.second is self.chosen else self.second,
            peak=peak,
            peak_before=blank(),
            peak_after=blank(),
        )

    def beside(self, workspace: ScratchMemory) -> "Decision":
        """Create another decision on the same planes, which shares the noise of this one."""
        index = workspace.full(self.index.shape, np.uint16, 0)
        blank = partial(workspace.full, self.index.shape, np.float32, INVALID)
        chosen, around = blank(), (blank(), blank(), blank())
        # It is not ranked: a pixel that some plane shows is a pixel that is chosen.
        return Decision(index, chosen, chosen, chosen, blank(), *around, self.noise, self.model)

    def rank(self, focus: FloatMap, tile: Tile) -> None:
        """Update the highest and second highest focus with that of a new plane."""
        window = tile.window
        new, best, second = focus[window], self.best[window], self.second[window]
        np.maximum(second, np.minimum(new, best), out=second)
        np.maximum(best, new, out=best)

    def assign(
        self,
        focus: FloatMap,
        takeover: BoolMap,
        z: int,
        tile: Tile,
        peak: FloatMap | None = None,
    ) -> None:
        """Assign pixels to plane `z`, and record what the neighbouring planes have to be fitted to.

        That is `peak`, by default focus itself.
        """
        around = (self.peak_before, self.peak_after, self.previous)
        fitted = focus if peak is None else peak
        _assign(focus, fitted, takeover, z, self.index, self.chosen, *around, tile.bounds)
        # Apart: a loop that may write the same map twice is not compiled to vector operations.
        if self.peak is not self.chosen:
            _take(fitted, takeover, self.peak, tile)

    def see(self, peak: FloatMap, z: int, tile: Tile) -> None:
        """Record what plane `z` has to be fitted to, which belongs to a decision after this one."""
        window = tile.window
        np.copyto(self.peak_after[window], peak[window], where=self.index[window] == z - 1)

    def take(self, other: "Decision", takeover: BoolMap, tile: Tile) -> None:
        """Take the pixels for which another decision is chosen."""
        maps = ["index", "chosen", "peak_before", "peak_after"]
        if self.peak is not self.chosen:
            maps.append("peak")
        for name in maps:
            _take(getattr(other, name), takeover, getattr(self, name), tile)


def copy_pixels(plane: Plane, takeover: BoolMap, image: Plane, tile: Tile) -> None:
    """Copy the pixels for which a plane is chosen into the image, all channels, bit by bit."""
    _take(as_pixels(plane), takeover, as_pixels(image), tile)


def as_pixels(image: Plane) -> AnyArray:
    """View an image as (Y, X) of pixels with all their channels."""
    pixels = image.reshape(*image.shape[:2], -1)
    return pixels.view(f"V{pixels.shape[2] * image.dtype.itemsize}")[..., 0]


def _take(new: AnyArray, takeover: BoolMap, values: AnyArray, tile: Tile) -> None:
    np.copyto(values[tile.window], new[tile.window], where=takeover[tile.window])


@dataclass(frozen=True, slots=True)
class Verified:
    """A verified index map, to be followed in a second pass over the planes.

    Attributes
    ----------
    index_map : ndarray of shape (Y, X), uint16
        The plane to choose for each pixel. Where that plane is NaN or infinite, it is changed
        back to `decided`.
    decided : ndarray of shape (Y, X), uint16
        The decision map before verification.
    """

    index_map: NDArray[np.uint16]
    decided: NDArray[np.uint16]

    def follow(
        self, focus: FloatMap, decision: Decision, takeover: BoolMap, z: int, tile: Tile
    ) -> None:
        """Choose as `take_sharper` does, up to the plane of the index map, and no later one.

        Where verification changed nothing, the same planes are chosen as in the first pass.
        """
        maps = focus, decision.chosen, self.index_map, self.decided, takeover
        _follow(*maps, z, tile.bounds)


def take_sharper(focus: FloatMap, decision: Decision, takeover: BoolMap, tile: Tile) -> None:
    """Choose the new plane where its focus is at least as high: on a tie the later plane wins."""
    window = tile.window
    np.greater_equal(focus[window], decision.chosen[window], out=takeover[window])


@kernel
def _follow(
    focus: AnyArray,
    chosen: AnyArray,
    index_map: AnyArray,
    decided: AnyArray,
    takeover: AnyArray,
    z: int,
    bounds: Bounds,
) -> None:
    top, bottom, left, right = bounds
    for y in range(top, bottom):
        for x in range(left, right):
            # An invalid pixel cannot be chosen.
            if index_map[y, x] == z and focus[y, x] < 0:
                index_map[y, x] = decided[y, x]
            wanted = index_map[y, x]
            takeover[y, x] = wanted == z or (wanted > z and focus[y, x] >= chosen[y, x])


@kernel
def _assign(
    focus: AnyArray,
    fitted: AnyArray,
    takeover: AnyArray,
    z: int,
    index: AnyArray,
    chosen: AnyArray,
    before: AnyArray,
    after: AnyArray,
    last: AnyArray,
    bounds: Bounds,
) -> None:
    top, bottom, left, right = bounds
    unknown = np.float32(INVALID)
    for y in range(top, bottom):
        new, value, taken = focus[y, left:right], fitted[y, left:right], takeover[y, left:right]
        planes, shares = index[y, left:right], chosen[y, left:right]
        earlier, later, seen = before[y, left:right], after[y, left:right], last[y, left:right]
        # All are read and written, chosen or not, in single precision: so the loop vectorises.
        for i in range(right - left):
            is_new, plane, last_one = taken[i], planes[i], seen[i]
            one, share = value[i], shares[i]
            earlier_one, later_one = earlier[i], later[i]
            follower = one if plane + 1 == z else later_one
            earlier[i] = last_one if is_new else earlier_one
            shares[i] = new[i] if is_new else share
            # Unknown until the next plane.
            later[i] = unknown if is_new else follower
            planes[i] = z if is_new else plane
            seen[i] = one
