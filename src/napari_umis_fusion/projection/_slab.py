"""The planes that lie in a slab around a surface, pixel by pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import BoolMap, Float64Array, FloatMap

TOLERANCE = 1e-4
"""Share of a z step by which a plane may lie outside and still count: depths are rounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Slab:
    """Planes in a slab, as a span of each pixel.

    Attributes
    ----------
    first, last : ndarray of shape (Y, X), int32
        Its first and last plane; where there is none, `last` is below `first`.
    middle_um : ndarray of shape (Y, X), float32
        Middle of the slab, in µm.
    positions_um : ndarray of shape (Z,), float64
        Position of each plane on the same scale, in µm.
    """

    first: NDArray[np.int32]
    last: NDArray[np.int32]
    middle_um: FloatMap
    positions_um: Float64Array

    @property
    def shown(self) -> BoolMap:
        """Where the slab holds a plane."""
        return self.last >= self.first

    @property
    def most(self) -> int:
        """Largest number of planes at a pixel."""
        return max(int((self.last - self.first).max()) + 1, 0)

    @property
    def planes(self) -> range:
        """Planes that some pixel needs."""
        shown = self.shown
        if not shown.any():
            return range(0)
        return range(int(self.first[shown].min()), int(self.last[shown].max()) + 1)

    def rows(self, rows: slice) -> "Slab":
        """Return the slab of some rows."""
        return Slab(self.first[rows], self.last[rows], self.middle_um[rows], self.positions_um)

    def holds(self, z: int) -> BoolMap:
        """Return where plane `z` lies in the slab."""
        return (self.first <= z) & (z <= self.last)

    def distance_um(self, z: int) -> FloatMap:
        """Return the distance of plane `z` from the middle of the slab, in µm."""
        distance: FloatMap = np.abs(self.middle_um - np.float32(self.positions_um[z]))
        return distance


def slab_of(
    depth_um: FloatMap,
    positions_um: Sequence[float] | Float64Array,
    *,
    offset_um: float = 0.0,
    thickness_um: float = 0.0,
) -> Slab:
    """Return the planes within half a thickness of a surface.

    Parameters
    ----------
    depth_um : ndarray of shape (Y, X)
        The surface, in µm, finite.
    positions_um : sequence of float
        Position of each plane on the scale of the depths, in µm, rising or falling.
    offset_um : float
        From the surface to the middle of the slab, in µm.
    thickness_um : float
        Thickness of the slab, in µm.

    Returns
    -------
    Slab
        Where no plane lies in the slab, the plane that is nearest to its middle; none where that
        is more than half a step beyond the first or last plane.

    Raises
    ------
    StackError
        If the positions neither rise nor fall throughout.
    """
    places = np.asarray(positions_um, np.float64)
    steps = np.diff(places)
    if places.size == 0 or not np.isfinite(places).all() or not _go_one_way(steps):
        raise StackError(
            "the positions of the planes neither rise nor fall throughout: correct them, or give "
            "a z step."
        )
    middle = np.asarray(depth_um, np.float32) + np.float32(offset_um)
    rising = places if steps.size == 0 or steps[0] > 0 else places[::-1]
    first, last = _span(middle, rising, thickness_um / 2)
    if rising is not places:
        first, last = len(places) - 1 - last, len(places) - 1 - first
    return Slab(first.astype(np.int32), last.astype(np.int32), middle, places)


def _go_one_way(steps: Float64Array) -> bool:
    return bool((steps > 0).all() or (steps < 0).all())


def _span(
    middle: FloatMap, places: Float64Array, half_um: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first and last plane of each pixel, of planes whose positions rise."""
    steps = np.diff(places)
    step = float(steps.mean()) if steps.size else 0.0
    reach = half_um + TOLERANCE * step
    first = np.searchsorted(places, middle - reach, side="left")
    last = np.searchsorted(places, middle + reach, side="right") - 1
    empty = last < first
    if empty.any():
        around = (places[1:] + places[:-1]) / 2
        before, after = (steps[0] / 2, steps[-1] / 2) if steps.size else (np.inf, np.inf)
        margin = TOLERANCE * step
        lowest, highest = places[0] - before - margin, places[-1] + after + margin
        near = empty & (middle >= lowest) & (middle <= highest)
        first[near] = last[near] = np.searchsorted(around, middle[near])
    return first, last
