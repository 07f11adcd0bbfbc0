"""What a new plane and the planes chosen so far look like where they would meet."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.decision import Array, Bounds, Decision, Map
from napari_umis_fusion.seams import COUPLING_CEILING, COUPLING_FLOOR, HIDING
from napari_umis_fusion.tiles import Tile
from napari_umis_fusion.workspace import Workspace

UNDECIDED = 1e-4
"""Evidence of a pixel whose planes are equally sharp, in grey levels."""


@dataclass(slots=True)
class Contest:
    """Maps of shape (Y, X) by which a new plane and the chosen ones are weighed at borders.

    Attributes
    ----------
    grey, gradient : ndarray, float32
        Of the chosen planes, in grey levels and grey levels per px (Sobel / 8).
    new_grey, new_gradient : ndarray, float32
        Of the new plane.
    wish, evidence, visible : ndarray, float32
        What the solver works on; see `seams`.
    """

    grey: Map
    gradient: Map
    new_grey: Map
    new_gradient: Map
    wish: Map
    evidence: Map
    visible: Map

    @classmethod
    def blank(cls, height: int, width: int, workspace: Workspace) -> "Contest":
        """Make the maps before the first plane."""
        return cls(*(workspace.full((height, width), np.float32, 0) for _ in range(7)))

    def measure_gradient(self, tile: Tile) -> None:
        """Fill `new_gradient` from `new_grey`."""
        _sobel_magnitude(self.new_grey, self.new_gradient, tile.bounds)

    def weigh(self, focus: Map, decision: Decision, scale: float, tile: Tile) -> None:
        """Fill what the solver works on; `scale` brings focus to grey levels."""
        _weigh(
            focus,
            decision.chosen,
            scale,
            (self.grey, self.gradient, self.new_grey, self.new_gradient),
            (self.wish, self.evidence, self.visible),
            tile.bounds,
        )

    def settle(
        self, focus: Map, decision: Decision, takeover: NDArray[np.bool_], tile: Tile
    ) -> None:
        """Take over where the solver says so, and keep the grey levels of who is chosen."""
        pairs = (self.grey, self.new_grey, self.gradient, self.new_gradient)
        _settle(self.wish, self.evidence, focus, decision.chosen, pairs, takeover, tile.bounds)


@njit(nogil=True, cache=True)
def _sobel_magnitude(grey: Array, out: Array, bounds: Bounds) -> None:
    top, bottom, left, right = bounds
    two, eighth = np.float32(2), np.float32(1 / 8)
    height, width = grey.shape
    for y in range(top, bottom):
        above, row, below = grey[max(y - 1, 0)], grey[y], grey[min(y + 1, height - 1)]
        target = out[y]
        for x in range(left, right):
            w, e = max(x - 1, 0), min(x + 1, width - 1)
            gx = above[e] + two * row[e] + below[e] - above[w] - two * row[w] - below[w]
            gy = below[w] + two * below[x] + below[e] - above[w] - two * above[x] - above[e]
            target[x] = np.sqrt(gx * gx + gy * gy) * eighth


@njit(nogil=True, cache=True)
def _weigh(
    focus: Array,
    chosen: Array,
    scale: float,
    greys: tuple[Array, ...],
    out: tuple[Array, ...],
    bounds: Bounds,
) -> None:
    top, bottom, left, right = bounds
    grey, gradient, new_grey, new_gradient = greys
    wish, evidence, visible = out
    gain_scale = np.float32(scale)
    hiding, ceiling = np.float32(HIDING), np.float32(COUPLING_CEILING)
    floor, zero, undecided = np.float32(COUPLING_FLOOR), np.float32(0), np.float32(UNDECIDED)
    for y in range(top, bottom):
        for x in range(left, right):
            gain = (focus[y, x] - chosen[y, x]) * gain_scale
            strength = abs(gain) + undecided
            evidence[y, x] = strength
            wish[y, x] = strength if gain > zero else zero
            step = abs(new_grey[y, x] - grey[y, x])
            step -= hiding * max(new_gradient[y, x], gradient[y, x])
            visible[y, x] = min(max(step, zero), ceiling) + floor


@njit(nogil=True, cache=True)
def _settle(
    wish: Array,
    evidence: Array,
    focus: Array,
    chosen: Array,
    pairs: tuple[Array, ...],
    takeover: Array,
    bounds: Bounds,
) -> None:
    top, bottom, left, right = bounds
    grey, new_grey, gradient, new_gradient = pairs
    for y in range(top, bottom):
        for x in range(left, right):
            wanted = np.float32(2) * wish[y, x] > evidence[y, x]
            takes = focus[y, x] >= 0 and (wanted or chosen[y, x] < 0)
            takeover[y, x] = takes
            if takes:
                grey[y, x] = new_grey[y, x]
                gradient[y, x] = new_gradient[y, x]
