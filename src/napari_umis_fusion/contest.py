"""A new plane against the planes chosen so far: who is sharper, and where would a border show."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.decision import Array, Bounds, Decision, Map
from napari_umis_fusion.tiles import Tile
from napari_umis_fusion.workspace import Workspace

HIDING = 2.5
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
class Scales:
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
class Contest:
    """Maps of shape (Y, X), float32, that the solver works on; see `seams`.

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
    def blank(cls, height: int, width: int, workspace: Workspace) -> "Contest":
        """Make the maps before the first plane, when all pixels are taken over."""
        return cls(*(workspace.full((height, width), np.float32, 1) for _ in range(3)))

    def weigh(
        self,
        focus: Map,
        decision: Decision,
        planes: tuple[Array, Array],
        scales: Scales,
        tile: Tile,
    ) -> None:
        """Fill a tile of the maps.

        Parameters
        ----------
        focus : ndarray of shape (Y, X)
            Of the new plane.
        decision : Decision
            The choice so far.
        planes : pair of ndarray of shape (Y, X, C)
            The new plane, and the all-in-focus image so far.
        scales : Scales
            What brings focus and values to grey levels.
        tile : Tile
            Which part to fill.
        """
        _weigh_focus(focus, decision.chosen, self.wish, self.evidence, scales.focus, tile.bounds)
        _weigh_border(*planes, self.visible, scales.value, tile.bounds)

    def conclude(self, tile: Tile) -> None:
        """Turn what the solver left into the takeover."""
        window = tile.window
        np.divide(self.wish[window], self.evidence[window], out=self.wish[window])

    def settle(
        self, focus: Map, decision: Decision, takeover: NDArray[np.bool_], tile: Tile
    ) -> None:
        """Decide which pixels the new plane takes over."""
        _settle(self.wish, focus, decision.chosen, takeover, tile.bounds)


@njit(nogil=True, cache=True)
def _weigh_focus(
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


@njit(nogil=True, cache=True)
def _weigh_border(
    plane: Array, composite: Array, visible: Array, scale: float, bounds: Bounds
) -> None:
    top, bottom, left, right = bounds
    height, width, channels = plane.shape
    grey_levels, hiding = np.float32(scale), np.float32(HIDING / 2)
    ceiling, floor = np.float32(COUPLING_CEILING), np.float32(COUPLING_FLOOR)
    for y in range(top, bottom):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(left, right):
            before, after = max(x - 1, 0), min(x + 1, width - 1)
            shown = np.float32(0)
            for channel in range(channels):
                new = np.float32(plane[y, x, channel])
                step = abs(new - np.float32(composite[y, x, channel]))
                squared = max(
                    _squared_slope(plane, y, x, above, below, before, after, channel),
                    _squared_slope(composite, y, x, above, below, before, after, channel),
                )
                step -= hiding * np.sqrt(squared)
                if step > shown:  # false where a value is NaN
                    shown = step
            visible[y, x] = min(shown * grey_levels, ceiling) + floor


@njit(nogil=True, cache=True)
def _squared_slope(
    image: Array, y: int, x: int, above: int, below: int, before: int, after: int, channel: int
) -> np.float32:
    """Square of twice the slope, by differences across the pixel."""
    dx = np.float32(image[y, after, channel]) - np.float32(image[y, before, channel])
    dy = np.float32(image[below, x, channel]) - np.float32(image[above, x, channel])
    return dx * dx + dy * dy


@njit(nogil=True, cache=True)
def _settle(wish: Array, focus: Array, chosen: Array, takeover: Array, bounds: Bounds) -> None:
    """Take over where the takeover, smoothed by 1 2 1 along both axes, exceeds a half."""
    top, bottom, left, right = bounds
    height, width = wish.shape
    two = np.float32(2)
    for y in range(top, bottom):
        above, row, below = wish[max(y - 1, 0)], wish[y], wish[min(y + 1, height - 1)]
        for x in range(left, right):
            w, e = max(x - 1, 0), min(x + 1, width - 1)
            middle = above[x] + two * row[x] + below[x]
            sides = above[w] + two * row[w] + below[w] + above[e] + two * row[e] + below[e]
            wanted = two * middle + sides > np.float32(8)
            takeover[y, x] = chosen[y, x] < 0 or (wanted and focus[y, x] >= 0)
