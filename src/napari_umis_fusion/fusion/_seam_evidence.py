"""A new plane against the planes chosen so far: who is sharper, and where would a border show."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.fusion._decision import Array, Bounds, Decision, Map
from napari_umis_fusion.fusion._seams import padded_width
from napari_umis_fusion.runtime import ScratchMemory, Tile

HIDING_SLOPE_RATIO = 2.5
"""A step of this many times the slope beside it, in any channel, is hidden by it."""

NOISE_SHARE = 0.15
"""Focus that differs by this share counts half, by less counts little: noise does as much."""

COUPLING_FLOOR = 0.2
"""Coupling between pixels whose border would be invisible, in grey levels."""

COUPLING_CEILING = 24.0
"""Steps above this many grey levels count alike."""

UNDECIDED = 1e-4
"""Evidence of a pixel whose planes are equally sharp, in grey levels."""


@dataclass(frozen=True, slots=True)
class GreyScales:
    """What brings values to grey levels, of which the stack spans about 255.

    Attributes
    ----------
    focus : float
        Grey levels of the default focus measure for each unit of the measure in use.
    value : float
        Grey levels for each unit of the recorded values.
    """

    focus: float
    value: float


@dataclass(slots=True)
class SeamEvidence:
    """Maps of shape (Y, X or more), float32, that the solver works on; see `seams`.

    Attributes
    ----------
    wish, evidence : ndarray
        How strongly a pixel asks for the new plane, and for either. Once `conclude` has run,
        `wish` is the takeover, 0 to 1.
    visible : ndarray
        How many grey levels of a border at this pixel would show.
    """

    wish: Map
    evidence: Map
    visible: Map

    @classmethod
    def blank(cls, height: int, width: int, workspace: ScratchMemory) -> "SeamEvidence":
        """Make the maps before the first plane, when all pixels are taken over."""
        shape = (height, padded_width(width))
        return cls(*(workspace.full(shape, np.float32, 1) for _ in range(3)))

    def add_focus_evidence(
        self, focus: Map, decision: Decision, grey_levels: float, tile: Tile
    ) -> None:
        """Fill a tile of wish and evidence from amounts of contrast.

        Parameters
        ----------
        focus : ndarray of shape (Y, X)
            Of the new plane.
        decision : Decision
            The choice so far.
        grey_levels : float
            For each unit of focus.
        tile : Tile
            Which part to fill.
        """
        _add_focus_evidence(
            focus, decision.chosen, self.wish, self.evidence, grey_levels, tile.bounds
        )

    def add_share_evidence(self, focus: Map, decision: Decision, contrast: Map, tile: Tile) -> None:
        """Fill a tile of wish and evidence from shares of belief.

        Parameters
        ----------
        focus : ndarray of shape (Y, X)
            Of the new plane.
        decision : Decision
            The choice so far.
        contrast : ndarray of shape (Y, X)
            How much detail the two planes differ by, in grey levels: what is at stake.
        tile : Tile
            Which part to fill.
        """
        _add_share_evidence(focus, decision.chosen, contrast, self.wish, self.evidence, tile.bounds)

    def measure_visibility(
        self, planes: tuple[Array, Array], grey_levels: float, tile: Tile
    ) -> None:
        """Fill a tile of `visible`.

        Parameters
        ----------
        planes : pair of ndarray of shape (Y, X) or (Y, X, C)
            The new plane, and the all-in-focus image so far.
        grey_levels : float
            For each unit of their values.
        tile : Tile
            Which part to fill.
        """
        for channel, (new, chosen) in enumerate(zip(*map(_channels, planes), strict=True)):
            _measure_visibility(new, chosen, self.visible, grey_levels, channel == 0, tile.bounds)

    def conclude(self, tile: Tile) -> None:
        """Turn what the solver left into the takeover."""
        window = tile.window
        np.divide(self.wish[window], self.evidence[window], out=self.wish[window])

    def settle(
        self, focus: Map, decision: Decision, takeover: NDArray[np.bool_], tile: Tile
    ) -> None:
        """Decide which pixels the new plane takes over."""
        _settle(self.wish, focus, decision.chosen, takeover, tile.bounds)


def _channels(plane: Array) -> list[Array]:
    return [plane] if plane.ndim == 2 else [plane[..., c] for c in range(plane.shape[2])]


@njit(nogil=True, cache=True, error_model="numpy")
def _add_focus_evidence(
    focus: Array, chosen: Array, wish: Array, evidence: Array, scale: float, bounds: Bounds
) -> None:
    top, bottom, left, right = bounds
    grey_levels, zero = np.float32(scale), np.float32(0)
    share, tiny, undecided = np.float32(NOISE_SHARE), np.float32(1e-12), np.float32(UNDECIDED)
    for y in range(top, bottom):
        for x in range(left, right):
            gain = focus[y, x] - chosen[y, x]
            noise = share * min(focus[y, x], chosen[y, x])
            trust = gain * gain / (gain * gain + noise * noise + tiny)
            strength = abs(gain) * grey_levels * trust + undecided
            evidence[y, x] = strength
            wish[y, x] = strength if gain > zero else zero


@njit(nogil=True, cache=True, error_model="numpy")
def _add_share_evidence(
    focus: Array, chosen: Array, contrast: Array, wish: Array, evidence: Array, bounds: Bounds
) -> None:
    top, bottom, left, right = bounds
    zero, tiny, undecided = np.float32(0), np.float32(1e-30), np.float32(UNDECIDED)
    for y in range(top, bottom):
        for x in range(left, right):
            new, old = max(focus[y, x], zero), max(chosen[y, x], zero)  # invalid is no share
            gain = new - old
            lead = gain / (new + old + tiny)
            strength = contrast[y, x] * lead * lead + undecided
            evidence[y, x] = strength
            wish[y, x] = strength if gain > zero else zero


@njit(nogil=True, cache=True, error_model="numpy")
def _measure_visibility(
    plane: Array, composite: Array, visible: Array, scale: float, is_first: bool, bounds: Bounds
) -> None:
    """Fill `visible` from one channel, or raise it where this channel shows more."""
    top, bottom, left, right = bounds
    height, width = plane.shape
    grey_levels = np.float32(scale)
    first, last = max(left, 1), min(right, width - 1)  # these columns have both neighbours
    for y in range(top, bottom):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        if is_first:
            visible[y, left:right] = COUPLING_FLOOR
        shown = visible[y, first:last]
        new, old = plane[y, first:last], composite[y, first:last]
        new_west, old_west = plane[y, first - 1 : last - 1], composite[y, first - 1 : last - 1]
        new_east, old_east = plane[y, first + 1 : last + 1], composite[y, first + 1 : last + 1]
        new_north, old_north = plane[above, first:last], composite[above, first:last]
        new_south, old_south = plane[below, first:last], composite[below, first:last]
        for i in range(last - first):
            new_slope = _slope(new_west[i], new_east[i], new_north[i], new_south[i])
            old_slope = _slope(old_west[i], old_east[i], old_north[i], old_south[i])
            value = _coupling(new[i], old[i], max(new_slope, old_slope), grey_levels)
            if value > shown[i]:  # false where a value is NaN
                shown[i] = value
        for x in (0, width - 1):
            if left <= x < right:
                w, e = max(x - 1, 0), min(x + 1, width - 1)
                new_slope = _slope(plane[y, w], plane[y, e], plane[above, x], plane[below, x])
                old_slope = _slope(
                    composite[y, w], composite[y, e], composite[above, x], composite[below, x]
                )
                slope = max(new_slope, old_slope)
                value = _coupling(plane[y, x], composite[y, x], slope, grey_levels)
                if value > visible[y, x]:
                    visible[y, x] = value


@njit(nogil=True, cache=True, error_model="numpy")
def _slope(west: float, east: float, north: float, south: float) -> np.float32:
    """Return the slope at a pixel from its four neighbours, by differences across it."""
    dx = np.float32(east) - np.float32(west)
    dy = np.float32(south) - np.float32(north)
    half: np.float32 = np.float32(0.5) * np.sqrt(dx * dx + dy * dy)
    return half


@njit(nogil=True, cache=True, error_model="numpy")
def _coupling(new: float, old: float, slope: np.float32, grey_levels: np.float32) -> np.float32:
    """Return how much of the step between two planes its surroundings do not hide."""
    step = abs(np.float32(new) - np.float32(old)) - np.float32(HIDING_SLOPE_RATIO) * slope
    bounded = min(step * grey_levels, np.float32(COUPLING_CEILING))
    return np.float32(COUPLING_FLOOR) + bounded


@njit(nogil=True, cache=True, error_model="numpy")
def _settle(wish: Array, focus: Array, chosen: Array, takeover: Array, bounds: Bounds) -> None:
    """Take over where the takeover, smoothed by 1 2 1 along both axes, exceeds a half."""
    top, bottom, left, right = bounds
    height, width = takeover.shape
    two = np.float32(2)
    for y in range(top, bottom):
        above, row, below = wish[max(y - 1, 0)], wish[y], wish[min(y + 1, height - 1)]
        for x in range(left, right):
            w, e = max(x - 1, 0), min(x + 1, width - 1)
            middle = above[x] + two * row[x] + below[x]
            sides = above[w] + two * row[w] + below[w] + above[e] + two * row[e] + below[e]
            wanted = two * middle + sides > np.float32(8)
            takeover[y, x] = chosen[y, x] < 0 or (wanted and focus[y, x] >= 0)
