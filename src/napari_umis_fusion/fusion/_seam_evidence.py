"""Evidence for seams: whether a new plane or the composite is sharper, and where borders show."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from napari_umis_fusion.fusion._decision import Bounds, Decision
from napari_umis_fusion.fusion._seams import padded_width
from napari_umis_fusion.runtime import AnyArray, BoolMap, FloatMap, ScratchMemory, Tile

HIDING_SLOPE_RATIO = 2.5
"""Largest step between two planes, relative to the slope of the image there, that is invisible.
Costs on raw steps would push borders away from the edges to which they belong."""

NOISE_SHARE = 0.15
"""Relative difference in focus whose evidence counts half, since noise causes as much."""

COUPLING_FLOOR = 0.2
"""Coupling between pixels whose border would be invisible, in grey levels."""

COUPLING_CEILING = 24.0
"""Largest step that counts, in grey levels, so that detail wins where every path is visible."""

UNDECIDED = 1e-4
"""Evidence of a pixel whose planes are equally sharp, in grey levels; avoids division by 0."""


@dataclass(frozen=True, slots=True)
class GreyScales:
    """Factors to grey levels, of which the stack spans about 255.

    Attributes
    ----------
    focus : float
        Grey levels of 'laplacian' per unit of the focus measure in use.
    value : float
        Grey levels per unit of the recorded values.
    """

    focus: float
    value: float


@dataclass(slots=True)
class SeamEvidence:
    """Input of the solver, maps of shape (Y, X or more), float32; see `_seams`.

    Attributes
    ----------
    target, evidence : ndarray
        Evidence for the new plane, and for either plane. Once it is solved, `target` is the
        takeover, 0 to 1.
    visibility : ndarray
        Visible part of a border at this pixel, in grey levels.
    """

    target: FloatMap
    evidence: FloatMap
    visibility: FloatMap

    @classmethod
    def blank(cls, height: int, width: int, workspace: ScratchMemory) -> "SeamEvidence":
        """Create the maps before the first plane, which is chosen for all pixels."""
        shape = (height, padded_width(width))
        return cls(*(workspace.full(shape, np.float32, 1) for _ in range(3)))

    def add_focus_evidence(
        self, focus: FloatMap, decision: Decision, grey_levels: float, tile: Tile
    ) -> None:
        """Fill a tile of target and evidence, for focus that is an amount of contrast.

        Parameters
        ----------
        focus : ndarray of shape (Y, X)
            Focus of the new plane.
        decision : Decision
            The decision so far.
        grey_levels : float
            Grey levels per unit of focus.
        tile : Tile
            The part to fill.
        """
        _add_focus_evidence(
            focus, decision.chosen, self.target, self.evidence, grey_levels, tile.bounds
        )

    def add_share_evidence(
        self, focus: FloatMap, decision: Decision, contrast: FloatMap, tile: Tile
    ) -> None:
        """Fill a tile of target and evidence, for focus that is a share.

        Parameters
        ----------
        focus : ndarray of shape (Y, X)
            Focus of the new plane.
        decision : Decision
            The decision so far.
        contrast : ndarray of shape (Y, X)
            Detail by which the two planes differ, in grey levels: how much the decision matters.
        tile : Tile
            The part to fill.
        """
        _add_share_evidence(
            focus, decision.chosen, contrast, self.target, self.evidence, tile.bounds
        )

    def measure_visibility(
        self, planes: tuple[AnyArray, AnyArray], grey_levels: float, tile: Tile
    ) -> None:
        """Fill a tile of `visibility`.

        Parameters
        ----------
        planes : pair of ndarray of shape (Y, X) or (Y, X, C)
            The new plane, and the all-in-focus image so far.
        grey_levels : float
            Grey levels per unit of their values.
        tile : Tile
            The part to fill.
        """
        parts, bounds, origin = _parts(planes, tile)
        for channel, (new, chosen) in enumerate(zip(*parts, strict=True)):
            _measure_visibility(
                new, chosen, self.visibility, grey_levels, channel == 0, bounds, origin
            )

    def threshold_takeover(
        self, focus: FloatMap, decision: Decision, takeover: BoolMap, tile: Tile
    ) -> None:
        """Decide for which pixels the new plane is chosen."""
        _threshold_takeover(self.target, focus, decision.chosen, takeover, tile.bounds)


def _parts(
    planes: tuple[AnyArray, AnyArray], tile: Tile
) -> tuple[list[list[AnyArray]], Bounds, tuple[int, int]]:
    """Return the channels of two planes around a tile, where it lies in them, and where they begin.

    Channels that lie pixel by pixel are copied: in one piece, they are worked on twice as fast.
    """
    if planes[0].ndim == 2:
        return [[plane] for plane in planes], tile.bounds, (0, 0)
    top, bottom, left, right = tile.bounds
    first, before = max(top - 1, 0), max(left - 1, 0)
    around = slice(first, bottom + 1), slice(before, right + 1)
    parts = [list(np.ascontiguousarray(np.moveaxis(plane[around], -1, 0))) for plane in planes]
    return parts, (top - first, bottom - first, left - before, right - before), (first, before)


@njit(nogil=True, cache=True, error_model="numpy")
def _add_focus_evidence(
    focus: AnyArray,
    chosen: AnyArray,
    target: AnyArray,
    evidence: AnyArray,
    scale: float,
    bounds: Bounds,
) -> None:
    top, bottom, left, right = bounds
    # Constants as float32: with Python's floats, kernels would compute in double precision.
    grey_levels, zero = np.float32(scale), np.float32(0)
    share, tiny, undecided = np.float32(NOISE_SHARE), np.float32(1e-12), np.float32(UNDECIDED)
    for y in range(top, bottom):
        new, old = focus[y, left:right], chosen[y, left:right]
        wanted, weight = target[y, left:right], evidence[y, left:right]
        for i in range(right - left):
            gain = new[i] - old[i]
            noise = share * min(new[i], old[i])
            # Near 0 for differences that noise can cause, near 1 for clear ones.
            trust = gain * gain / (gain * gain + noise * noise + tiny)
            strength = abs(gain) * grey_levels * trust + undecided
            weight[i] = strength
            wanted[i] = strength if gain > zero else zero


@njit(nogil=True, cache=True, error_model="numpy")
def _add_share_evidence(
    focus: AnyArray,
    chosen: AnyArray,
    contrast: AnyArray,
    target: AnyArray,
    evidence: AnyArray,
    bounds: Bounds,
) -> None:
    top, bottom, left, right = bounds
    zero, tiny, undecided = np.float32(0), np.float32(1e-30), np.float32(UNDECIDED)
    for y in range(top, bottom):
        shares, others = focus[y, left:right], chosen[y, left:right]
        wanted, weight = target[y, left:right], evidence[y, left:right]
        detail = contrast[y, left:right]
        for i in range(right - left):
            # Invalid pixels have a negative focus, which is not a share.
            new, old = max(shares[i], zero), max(others[i], zero)
            gain = new - old
            lead = gain / (new + old + tiny)
            # Where planes do not differ in detail, no lead in shares matters.
            strength = detail[i] * lead * lead + undecided
            weight[i] = strength
            wanted[i] = strength if gain > zero else zero


@njit(nogil=True, cache=True, error_model="numpy")
def _measure_visibility(
    plane: AnyArray,
    composite: AnyArray,
    visibility: AnyArray,
    scale: float,
    is_first: bool,
    bounds: Bounds,
    origin: tuple[int, int],
) -> None:
    """Fill `visibility` from the first channel, or raise it where another one shows more.

    `bounds` are those of the tile within `plane` and `composite`, which begin at `origin`.
    """
    top, bottom, left, right = bounds
    height, width = plane.shape
    grey_levels = np.float32(scale)
    # Columns with both neighbours, in a loop without branches; the others are handled below.
    first, last = max(left, 1), min(right, width - 1)
    for y in range(top, bottom):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        row = visibility[origin[0] + y, origin[1] :]
        if is_first:
            row[left:right] = COUPLING_FLOOR
        shown = row[first:last]
        new, old = plane[y, first:last], composite[y, first:last]
        new_west, old_west = plane[y, first - 1 : last - 1], composite[y, first - 1 : last - 1]
        new_east, old_east = plane[y, first + 1 : last + 1], composite[y, first + 1 : last + 1]
        new_north, old_north = plane[above, first:last], composite[above, first:last]
        new_south, old_south = plane[below, first:last], composite[below, first:last]
        for i in range(last - first):
            new_slope = _slope(new_west[i], new_east[i], new_north[i], new_south[i])
            old_slope = _slope(old_west[i], old_east[i], old_north[i], old_south[i])
            value = _coupling(new[i], old[i], max(new_slope, old_slope), grey_levels)
            if value > shown[i]:  # False where a value is NaN
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
                if value > row[x]:
                    row[x] = value


@njit(nogil=True, cache=True, error_model="numpy")
def _slope(west: float, east: float, north: float, south: float) -> np.float32:
    """Return the slope at a pixel from central differences of its four neighbours."""
    dx = np.float32(east) - np.float32(west)
    dy = np.float32(south) - np.float32(north)
    half: np.float32 = np.float32(0.5) * np.sqrt(dx * dx + dy * dy)
    return half


@njit(nogil=True, cache=True, error_model="numpy")
def _coupling(new: float, old: float, slope: np.float32, grey_levels: np.float32) -> np.float32:
    """Return the part of the step between two planes that the slope does not hide."""
    step = abs(np.float32(new) - np.float32(old)) - np.float32(HIDING_SLOPE_RATIO) * slope
    bounded = min(step * grey_levels, np.float32(COUPLING_CEILING))
    return np.float32(COUPLING_FLOOR) + bounded


@njit(nogil=True, cache=True, error_model="numpy")
def _threshold_takeover(
    target: AnyArray, focus: AnyArray, chosen: AnyArray, takeover: AnyArray, bounds: Bounds
) -> None:
    """Choose the new plane where the takeover, smoothed by 1 2 1 along both axes, exceeds 1/2."""
    top, bottom, left, right = bounds
    height, width = takeover.shape
    two = np.float32(2)
    # Sums along columns, with those left and right of the tile.
    west, east = max(left - 1, 0), min(right + 1, width)
    sums = np.empty(right - left + 2, np.float32)
    inner = sums[west - left + 1 : east - left + 1]
    for y in range(top, bottom):
        above, below = target[max(y - 1, 0), west:east], target[min(y + 1, height - 1), west:east]
        row = target[y, west:east]
        for i in range(east - west):
            inner[i] = above[i] + two * row[i] + below[i]
        if left == 0:
            sums[0] = sums[1]
        if right == width:
            sums[right - left + 1] = sums[right - left]
        new, old, taken = focus[y, left:right], chosen[y, left:right], takeover[y, left:right]
        for i in range(right - left):
            wanted = two * sums[i + 1] + (sums[i] + sums[i + 2]) > np.float32(8)
            # Anything replaces an invalid pixel, and an invalid pixel replaces nothing.
            taken[i] = (old[i] < 0) | (wanted & (new[i] >= 0))
