"""Positions of the focus peak between planes, and their standard errors.

Near focus, the logarithm of sharpness is a parabola along z. Noise moves its peak; where it moves
it further than the surface rises and falls, a plane through the peaks around is nearer to the
truth. Two errors are known: what noise does, and what a window does that averages over a slope.
"""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.focus_measure import gaussian_taps
from napari_umis_fusion.fusion.decision import Decision, Window
from napari_umis_fusion.fusion.depth._local_planes import settle_positions
from napari_umis_fusion.runtime import (
    AnyArray,
    BoolMap,
    FloatMap,
    Tile,
    kernel,
    with_halo,
)

LEAST_SHARPNESS = 0.02
"""Grey levels below which sharpness is none, so that flat parts have no peak."""

MISFIT = 2.5
"""Error of peaks per error that noise alone explains: a wrong neighbour is chosen by noise, too."""

MOST_ERROR = 0.5
"""Standard error in planes at which nothing is known but the chosen plane."""

USUAL_BEND = 0.4
"""Bend of the parabola where there is none to be measured."""

PLANE_SIGMA_PX = 4.0
"""Window of the plane that is fitted to peaks around. Wider ones flatten hills."""

SLOPE_SHARE = 0.6
"""Share of the rise of a surface within a window that is left in a position."""

OPEN_ERROR = 0.29
"""Least standard error in planes where no peak was fitted: that of any depth of the plane."""


class DepthFit:
    """Fits positions once all planes are decided.

    Parameters
    ----------
    decision : Decision
        Of all planes; its maps of noise and of the plane before serve as memory.
    index_map : ndarray of shape (Y, X), uint16
        The planes, after verification.
    overruled : ndarray of shape (Y, X), bool
        Where verification chose another plane than the decision, and no peak is known.
    planes : int
        How many there are. Of two, both are ends, and there is no peak between them.
    """

    def __init__(
        self,
        decision: Decision,
        index_map: NDArray[np.uint16],
        overruled: BoolMap,
        planes: int,
    ) -> None:
        self._decision, self._index_map, self._overruled = decision, index_map, overruled
        self._has_peaks = planes > 2
        self._position, self._variance = decision.previous, decision.noise
        self._taps = gaussian_taps(PLANE_SIGMA_PX)[: int(2.5 * PLANE_SIGMA_PX) + 1]

    def fit(self, tile: Tile) -> None:
        """Fit the peak of each pixel of a tile."""
        decision, window = self._decision, tile.window
        shift, variance = fit_peaks(decision, window)
        wrong = self._overruled[window]
        shift[wrong], variance[wrong] = 0, MOST_ERROR**2
        # What no plane shows says nothing about its surroundings.
        variance[decision.best[window] < 0] = np.inf
        self._position[window] = self._index_map[window] + shift
        self._variance[window] = variance

    def settle(self, tile: Tile) -> tuple[FloatMap, FloatMap]:
        """Return positions and their standard errors, in planes, once all tiles are fitted."""
        window, model = tile.window, self._decision.model
        if model is None or not self._has_peaks:
            position = self._position[window].copy()
            return position, np.full_like(position, np.nan)
        halo_px = self._taps.size - 1
        peaks, variances = (
            with_halo(one, tile, halo_px) for one in (self._position, self._variance)
        )
        position, error = (np.empty_like(self._position[window]) for _ in range(2))
        rise = SLOPE_SHARE * model.window_sigma_px
        index = self._index_map[window]
        settle_positions(peaks, variances, index, self._taps, rise, position, error)
        before, after = (m[window] for m in (self._decision.peak_before, self._decision.peak_after))
        is_open = (before < 0) | (after < 0) | self._overruled[window]
        error[is_open] = np.maximum(error[is_open], OPEN_ERROR)
        return position, error


def fit_peaks(decision: Decision, window: Window) -> tuple[FloatMap, FloatMap]:
    """Return the peaks of a part, relative to the chosen planes, and their variances.

    A parabola through three planes: through the logarithms of sharpness, or through focus itself
    where its unit is unknown, and so is what noise does to it.
    """
    maps = (decision.peak_before, decision.peak, decision.peak_after)
    before, peak, after = (one[window] for one in maps)
    shift, variance = np.zeros_like(peak), np.zeros_like(peak)
    if decision.model is None:
        _fit_plainly(before, peak, after, shift)
        return shift, variance
    noise = np.float32(decision.model.noise_gain) * decision.noise[window]
    _fit_logarithms(before, peak, after, noise, shift, variance)
    return shift, variance


@kernel
def _fit_plainly(before: AnyArray, peak: AnyArray, after: AnyArray, shift: AnyArray) -> None:
    """Fill the peak of a parabola through three planes; 0 where there is none."""
    for y in range(peak.shape[0]):
        for x in range(peak.shape[1]):
            bend = before[y, x] - 2 * peak[y, x] + after[y, x]
            if before[y, x] >= 0 and after[y, x] >= 0 and bend < 0:
                at = (before[y, x] - after[y, x]) / (2 * bend)
                shift[y, x] = min(max(at, -0.5), 0.5)


@kernel
def _fit_logarithms(
    before: AnyArray,
    peak: AnyArray,
    after: AnyArray,
    noise: AnyArray,
    shift: AnyArray,
    variance: AnyArray,
) -> None:
    """Fill the peak of a parabola through three logarithms, and its variance due to noise.

    Parameters
    ----------
    before, peak, after : ndarray of shape (Y, X)
        Sharpness of the chosen plane and its neighbours; negative where there is none.
    noise : ndarray of shape (Y, X)
        Standard deviation of sharpness.
    shift, variance : ndarray of shape (Y, X)
        Outputs, in planes and squared planes.
    """
    least = np.float32(LEAST_SHARPNESS)
    most = np.float32(MOST_ERROR * MOST_ERROR)
    for y in range(peak.shape[0]):
        for x in range(peak.shape[1]):
            middle = peak[y, x] + least
            below, above = before[y, x] + least, after[y, x] + least
            relative = MISFIT * noise[y, x] / middle
            shift[y, x] = 0
            variance[y, x] = min(most, (relative / np.float32(USUAL_BEND)) ** 2)
            if before[y, x] < 0 or after[y, x] < 0:
                variance[y, x] = np.float32(OPEN_ERROR * OPEN_ERROR)
                continue
            low, high = np.log(below / middle), np.log(above / middle)
            bend = low + high
            if not bend < 0:
                continue
            # Beyond half a plane, a neighbour would be the chosen plane: it does not fit.
            at = min(max(np.float32(0.5) * (low - high) / bend, -0.5), 0.5)
            of_low = (np.float32(0.5) - at) / bend * (middle / below)
            of_high = (np.float32(-0.5) - at) / bend * (middle / above)
            of_middle = 2 * at / bend
            gain = of_low * of_low + of_middle * of_middle + of_high * of_high
            shift[y, x] = at
            variance[y, x] = min(most, relative * relative * gain)
