"""Positions of the focus peak between planes, and their standard errors.

Near focus, the logarithm of sharpness is a parabola along z. Noise moves its peak; where it moves
it further than the surface rises and falls, a plane through the peaks around is nearer to the
truth. Two errors are known: what noise does, and what a window does that averages over a slope.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.focus_measure import gaussian_taps
from napari_umis_fusion.fusion._decision import Decision, Window
from napari_umis_fusion.runtime import (
    AnyArray,
    BoolMap,
    FloatMap,
    Tile,
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

LEAST_ERROR = 0.03
"""Standard error in planes of the best peaks; of both renderers without noise."""

PLANE_SIGMA_PX = 4.0
"""Window of the plane that is fitted to peaks around. Wider ones flatten hills."""

NOISE_SHARE, SLOPE_SHARE = 0.5, 0.6
"""Share of the variance of the fitted plane, and of the rise within a window, that is left in a
position: 68 % of errors are within one standard error then."""

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
        _settle(peaks, variances, index, self._taps, rise, position, error)
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


@njit(nogil=True, cache=True)
def _fit_plainly(before: AnyArray, peak: AnyArray, after: AnyArray, shift: AnyArray) -> None:
    """Fill the peak of a parabola through three planes; 0 where there is none."""
    for y in range(peak.shape[0]):
        for x in range(peak.shape[1]):
            bend = before[y, x] - 2 * peak[y, x] + after[y, x]
            if before[y, x] >= 0 and after[y, x] >= 0 and bend < 0:
                at = (before[y, x] - after[y, x]) / (2 * bend)
                shift[y, x] = min(max(at, -0.5), 0.5)


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def _settle(
    position: AnyArray,
    variance: AnyArray,
    index: AnyArray,
    taps: AnyArray,
    rise: float,
    settled: AnyArray,
    error: AnyArray,
) -> None:
    """Fill settled positions and their standard errors; inputs but `index` have a halo."""
    rows = _row_moments(position, variance, taps, index.shape[1])
    radius = taps.size - 1
    for y in range(index.shape[0]):
        sums = _window_moments(rows, taps, y)
        for x in range(index.shape[1]):
            here = position[y + radius, x + radius]
            plane, slope, scatter, known = _fitted_plane(sums, x)
            if known <= 0:
                settled[y, x], error[y, x] = here, np.nan
                continue
            share = 1 / (known * scatter) if known * scatter > 1 else 1.0
            share *= share
            found = share * plane + (1 - share) * here
            settled[y, x] = min(max(found, index[y, x] - 0.5), index[y, x] + 0.5)
            slanted = rise * slope
            error[y, x] = np.sqrt(NOISE_SHARE / known + slanted * slanted + LEAST_ERROR**2)


@njit(nogil=True, cache=True)
def _add(total: AnyArray, row: AnyArray, factor: float) -> None:
    """Add a multiple of a row to another, in place."""
    for x in range(total.size):
        total[x] += factor * row[x]


@njit(nogil=True, cache=True)
def _row_moments(position: AnyArray, variance: AnyArray, taps: AnyArray, width: int) -> AnyArray:
    """Return moments along rows: of weights (3), of weighted positions (2), of their squares."""
    radius = taps.size - 1
    moments = np.zeros((6, position.shape[0], width))
    weight, depth, square = np.empty((3, position.shape[1]))
    floor = (LEAST_ERROR * LEAST_ERROR) / 2
    for y in range(position.shape[0]):
        for x in range(position.shape[1]):
            weight[x] = 1 / (variance[y, x] + floor)
            depth[x] = weight[x] * position[y, x]
            square[x] = depth[x] * position[y, x]
        # Taps outside, pixels inside: the inner loops run along a row, and vectorise.
        for j in range(-radius, radius + 1):
            tap, seen = np.float64(taps[abs(j)]), slice(radius + j, radius + j + width)
            _add(moments[0, y], weight[seen], tap)
            _add(moments[1, y], weight[seen], j * tap)
            _add(moments[2, y], weight[seen], j * j * tap)
            _add(moments[3, y], depth[seen], tap)
            _add(moments[4, y], depth[seen], j * tap)
            _add(moments[5, y], square[seen], tap)
    return moments


@njit(nogil=True, cache=True)
def _window_moments(rows: AnyArray, taps: AnyArray, y: int) -> AnyArray:
    """Return the moments of a row of windows: 1, x, y, xx, xy, yy, then d, dx, dy, dd."""
    radius = taps.size - 1
    sums = np.zeros((10, rows.shape[2]))
    for j in range(-radius, radius + 1):
        tap, row = np.float64(taps[abs(j)]), y + radius + j
        _add(sums[0], rows[0, row], tap)
        _add(sums[1], rows[1, row], tap)
        _add(sums[2], rows[0, row], j * tap)
        _add(sums[3], rows[2, row], tap)
        _add(sums[4], rows[1, row], j * tap)
        _add(sums[5], rows[0, row], j * j * tap)
        _add(sums[6], rows[3, row], tap)
        _add(sums[7], rows[4, row], tap)
        _add(sums[8], rows[3, row], j * tap)
        _add(sums[9], rows[5, row], tap)
    return sums


@njit(nogil=True, cache=True)
def _fitted_plane(sums: AnyArray, at: int) -> tuple[float, float, float, float]:
    """Return height at the centre, slope, scatter about it (a variance), and sum of weights."""
    known = sums[0, at]
    if not known > 0:
        return 0.0, 0.0, 0.0, 0.0
    x, y, depth = sums[1, at] / known, sums[2, at] / known, sums[6, at] / known
    # A little more than there is, so that a single column or row has no slope across it.
    xx, yy = sums[3, at] / known - x * x + 1e-3, sums[5, at] / known - y * y + 1e-3
    xy = sums[4, at] / known - x * y
    dx, dy = sums[7, at] / known - depth * x, sums[8, at] / known - depth * y
    determinant = xx * yy - xy * xy
    rise_x, rise_y = (dx * yy - dy * xy) / determinant, (dy * xx - dx * xy) / determinant
    scatter = max(sums[9, at] / known - depth * depth - rise_x * dx - rise_y * dy, 0.0)
    return depth - rise_x * x - rise_y * y, np.hypot(rise_x, rise_y), scatter, known
