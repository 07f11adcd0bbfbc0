"""Preference along z: which of several planes in focus at one pixel is chosen.

A pixel may show two things in focus at different planes: layers of a transparent specimen, or an
opaque one whose defocused edge lets the background shine through. The focus measure then picks the
one with more contrast. A preference weighs focus before it is compared, so that every decision,
blend and map that follows sees the same, and nothing needs the planes twice.

Focus is followed along z, in logarithms. A plane is in focus besides an earlier one if its focus
has risen again after a dip, and to nearly the same height. Then it gains (the last plane is
preferred) or loses (the first) a factor, and all after it do. Where focus has a single peak it
never rises after a dip, and nothing changes.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from napari_umis_fusion.focus_measure import laplacian
from napari_umis_fusion.fusion.decision._decision import INVALID
from napari_umis_fusion.runtime import AnyArray, FloatMap, ScratchMemory, Tile, kernel, with_halo

LEAST_FOCUS = 1e-30
"""Focus that counts as none, as its logarithm must be finite."""

UNKNOWN = -1e30
"""State of a pixel before its first valid plane."""

LARGEST_LEVEL = 80.0
"""Logarithm up to which focus is within float32, and its ratios too."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a preference reaches, in natural logarithms of focus.

    Attributes
    ----------
    height : float
        Largest difference that a preference of 1 outweighs.
    least_dip, full_dip : float
        Dips between two planes from which they begin to count as two, and fully do.
    """

    height: float
    least_dip: float
    full_dip: float


CONTRAST_REACH = Reach(0.9, 0.2, 0.45)
"""Of measures that are an amount of contrast. Two layers of equal texture differ by less than 0.45
at 95 % of the pixels. Defocused texture and noise keep a third of it, so that dips are shallow."""

SHARE_REACH = Reach(18.0, 10.0, 20.0)
"""Of shares, whose logarithms are the scores of a network: two layers of equal texture differ by
less than 17 at 95 % of the pixels, over dips of 24 and more. Elsewhere scores rise by less than 6
after a dip."""

EVIDENCE_SIGMA_PX = 4.0
"""Window in which contrast is followed, whatever the measure: in narrower ones noise dips too."""


class Preference:
    """Weighs the focus of planes that arrive one after the other.

    Parameters
    ----------
    strength : float
        -1 to 1: below 0 the first of several planes in focus is preferred, above 0 the last.
    is_share : bool
        Whether focus compares only the planes of one pixel.
    shape : tuple of int
        (Y, X) of the planes.
    workspace : ScratchMemory
        Memory for seven maps.

    Attributes
    ----------
    measured : ndarray of shape (Y, X), float32
        Focus as it is measured; to be filled before `weigh`.
    highest : ndarray of shape (Y, X), float32
        The highest focus of all planes so far, as measured.
    """

    def __init__(
        self, strength: float, is_share: bool, shape: tuple[int, int], workspace: ScratchMemory
    ) -> None:
        reach = SHARE_REACH if is_share else CONTRAST_REACH
        self._limits = (strength * reach.height, reach.least_dip, reach.full_dip)
        # Scores are followed themselves; contrast in the same way for all measures.
        self._contrast = None if is_share else laplacian(1.0, EVIDENCE_SIGMA_PX)
        blank = partial(workspace.full, shape, np.float32)
        self.measured: FloatMap = blank(0)
        self.highest: FloatMap = blank(INVALID)
        self._state: tuple[FloatMap, ...] = tuple(blank(UNKNOWN) for _ in range(5))

    def weigh(self, grey: FloatMap, focus: FloatMap, weight: FloatMap, tile: Tile) -> None:
        """Fill a tile of `focus` from `measured`, and weigh `weight` likewise unless it is that.

        Parameters
        ----------
        grey : ndarray of shape (Y, X), float32
            Grey levels of the plane.
        focus : ndarray of shape (Y, X), float32
            Output: the focus that planes are compared by; negative where it is invalid.
        weight : ndarray of shape (Y, X), float32
            The focus of the weighted mean, changed in place.
        tile : Tile
            The part to fill.
        """
        window = tile.window
        measured, highest = self.measured[window], self.highest[window]
        levels = _levels(measured)
        evidence = levels
        if self._contrast is not None:
            evidence = _levels(self._contrast(with_halo(grey, tile, self._contrast.halo_px)))
        gains = np.zeros_like(levels)
        state = [part[window] for part in self._state]
        given: list[Any] = [measured, levels, evidence, gains, *state, *self._limits]
        _follow_focus(*given)
        np.maximum(highest, measured, out=highest)
        weighed = np.exp(np.clip(levels + gains, -LARGEST_LEVEL, LARGEST_LEVEL))
        focus[window] = np.where(gains == 0, measured, weighed)
        if weight is not focus:
            # The mean squares the weight, and compares focus as it is: half the gain is the same.
            weight[window] *= np.exp(np.float32(0.5) * gains)


def _levels(focus: FloatMap) -> FloatMap:
    levels: FloatMap = np.log(np.maximum(focus, np.float32(LEAST_FOCUS)))
    return levels


@kernel
def _follow_focus(
    measured: AnyArray,
    levels: AnyArray,
    evidence: AnyArray,
    gains: AnyArray,
    peak: AnyArray,
    valley: AnyArray,
    highest: AnyArray,
    gained: AnyArray,
    top: AnyArray,
    reach: float,
    least_dip: float,
    full_dip: float,
) -> None:
    """Fill `gains` of one plane, and update what is known of those before it.

    `peak` is the evidence of the plane preferred so far, `valley` the lowest since, and `highest`
    that of all planes; `gained` is what all planes gain since then, and `top` the weighed level of
    the preferred plane.
    """
    zero, one, two = np.float32(0), np.float32(1), np.float32(2)
    height, steep = np.float32(abs(reach)), np.float32(1 / (full_dip - least_dip))
    shallow, sign = np.float32(least_dip), np.float32(1 if reach > 0 else -1)
    for y in range(levels.shape[0]):
        for x in range(levels.shape[1]):
            if measured[y, x] < 0:
                continue
            level, seen = levels[y, x], evidence[y, x]
            if top[y, x] == np.float32(UNKNOWN):
                gained[y, x] = zero
                top[y, x] = level
                peak[y, x] = valley[y, x] = highest[y, x] = seen
                continue
            dip = min(peak[y, x], seen) - valley[y, x]
            step = height * min(max((dip - shallow) * steep, zero), one)
            near = one
            if sign > zero:
                # A rise that stays far below the highest focus is defocused light, or noise.
                below = two * (seen - highest[y, x]) / height
                near = min(max(np.float32(2.5) + below, zero), one)
            gain = gained[y, x] + sign * step * near
            if level + gain >= top[y, x]:
                # Its neighbours are part of the same peak, and gain as much. Twice the height is
                # enough for three peaks; more would leave the range of float32.
                gain = min(max(gained[y, x] + sign * step, -two * height), two * height)
                gained[y, x] = gain
                top[y, x] = level + gain
                peak[y, x] = valley[y, x] = seen
            else:
                valley[y, x] = min(valley[y, x], seen)
            gains[y, x] = gain
            highest[y, x] = max(highest[y, x], seen)
