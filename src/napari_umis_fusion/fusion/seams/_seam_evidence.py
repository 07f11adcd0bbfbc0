"""Evidence for seams: whether a new plane or the composite is sharper, and where borders show."""

from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.fusion.decision import Bounds, Decision
from napari_umis_fusion.fusion.seams._seams import padded_width
from napari_umis_fusion.runtime import (
    AnyArray,
    BoolMap,
    FloatMap,
    ScratchMemory,
    Tile,
    kernel,
)

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
        top, _, left, _ = tile.bounds
        self.visibility[tile.window] = COUPLING_FLOOR
        for new, chosen in zip(*(_bordered(plane, tile) for plane in planes), strict=True):
            _measure_visibility(new, chosen, self.visibility, np.float32(grey_levels), top, left)

    def threshold_takeover(
        self, focus: FloatMap, decision: Decision, takeover: BoolMap, tile: Tile
    ) -> None:
        """Decide for which pixels the new plane is chosen."""
        sums = np.empty(tile.columns.stop - tile.columns.start + 2, np.float32)
        _threshold_takeover(self.target, focus, decision.chosen, takeover, sums, tile.bounds)


def _bordered(plane: AnyArray, tile: Tile) -> AnyArray:
    """Return the channels (C, Y + 2, X + 2) of a tile, float32, the border of the plane repeated.

    In one piece, channels are worked on twice as fast as pixel by pixel.
    """
    top, bottom, left, right = tile.bounds
    part = plane[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
    channels = np.moveaxis(part.reshape(*part.shape[:2], -1), -1, 0)
    found = np.empty((len(channels), bottom - top + 2, right - left + 2), np.float32)
    above, before = int(top == 0), int(left == 0)
    found[:, above : above + part.shape[0], before : before + part.shape[1]] = channels
    if above:
        found[:, 0] = found[:, 1]
    if above + part.shape[0] < found.shape[1]:
        found[:, -1] = found[:, -2]
    if before:
        found[:, :, 0] = found[:, :, 1]
    if before + part.shape[1] < found.shape[2]:
        found[:, :, -1] = found[:, :, -2]
    return found


@kernel
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


@kernel
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


@kernel
def _measure_visibility(
    plane: AnyArray,
    composite: AnyArray,
    visibility: AnyArray,
    grey_levels: np.float32,
    top: int,
    left: int,
) -> None:
    """Raise `visibility`, from `top` and `left` on, where a channel with its border shows more."""
    width = plane.shape[1] - 2
    ratio, most = np.float32(HIDING_SLOPE_RATIO), np.float32(COUPLING_CEILING)
    for y in range(plane.shape[0] - 2):
        shown = visibility[top + y, left : left + width]
        new_above, new, new_below = plane[y], plane[y + 1], plane[y + 2]
        old_above, old, old_below = composite[y], composite[y + 1], composite[y + 2]
        for x in range(width):
            new_slope = _slope(new[x], new[x + 2], new_above[x + 1], new_below[x + 1])
            old_slope = _slope(old[x], old[x + 2], old_above[x + 1], old_below[x + 1])
            # The part of the step between two planes that the slope does not hide.
            step = abs(new[x + 1] - old[x + 1]) - ratio * max(new_slope, old_slope)
            value = np.float32(COUPLING_FLOOR) + min(step * grey_levels, most)
            if value > shown[x]:  # False where a value is NaN
                shown[x] = value


@kernel
def _slope(west: np.float32, east: np.float32, north: np.float32, south: np.float32) -> np.float32:
    """Return the slope at a pixel from central differences of its four neighbours."""
    dx, dy = east - west, south - north
    half: np.float32 = np.float32(0.5) * np.sqrt(dx * dx + dy * dy)
    return half


@kernel
def _threshold_takeover(
    target: AnyArray,
    focus: AnyArray,
    chosen: AnyArray,
    takeover: AnyArray,
    sums: AnyArray,
    bounds: Bounds,
) -> None:
    """Choose the new plane where the takeover, smoothed by 1 2 1 along both axes, exceeds 1/2.

    `sums` is space for a row of the tile and a pixel on either side.
    """
    top, bottom, left, right = bounds
    height, width = takeover.shape
    two = np.float32(2)
    # Sums along columns, with those left and right of the tile.
    west, east = max(left - 1, 0), min(right + 1, width)
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
