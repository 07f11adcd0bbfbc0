"""The plane in focus at each time point, and a smooth way through them."""

from dataclasses import dataclass

import numpy as np
import scipy.interpolate
import scipy.ndimage
import scipy.stats

from napari_umis_fusion.runtime import BoolMap, Float64Array

FEWEST_FOR_SPLINE = 5
"""Time points below which a straight line is fitted instead."""

MEDIAN_POINTS = 7
"""Time points whose median is the first guess: up to three outliers in a row do not change it."""

OUTLIER_DEVIATIONS, LEAST_OUTLIER_PLANES = 3.5, 1.0
"""Robust standard deviations, and planes, beyond which a time point is an outlier."""

MOST_ROUNDS = 8


@dataclass(frozen=True, slots=True, eq=False)
class FocusTrack:
    """The plane in focus over time, at one position.

    Attributes
    ----------
    measured : ndarray of shape (T,), float64
        The plane with most detail at each time point, between planes; NaN if none shows any.
    smooth : ndarray of shape (T,), float64
        The way through them that is followed.
    outliers : ndarray of shape (T,), bool
        Time points that the way leaves aside.
    """

    measured: Float64Array
    smooth: Float64Array
    outliers: BoolMap

    def first_planes(self, around: int, planes: int) -> list[int]:
        """Return the first of ``2 * around + 1`` planes at each time point, within the stack."""
        nearest = np.rint(self.smooth).astype(int) - around
        return [int(first) for first in np.clip(nearest, 0, planes - 2 * around - 1)]

    def cut_off(self, around: int, planes: int) -> int:
        """Return at how many time points the plane in focus is nearer to an end than `around`."""
        nearest = np.rint(self.smooth)
        return int(np.count_nonzero((nearest < around) | (nearest > planes - 1 - around)))


def peak_of(curve: Float64Array) -> float:
    """Return where a curve of focus has its peak, by a parabola; NaN if it is flat.

    Parameters
    ----------
    curve : ndarray of shape (Z,)
        How much detail each plane shows; NaN for planes without values.
    """
    known = np.where(np.isfinite(curve), curve, -np.inf)
    top = int(known.argmax())
    if not known[top] > np.min(np.where(np.isfinite(curve), curve, np.inf)):
        return np.nan
    if not 0 < top < len(curve) - 1 or not np.isfinite(known[top - 1 : top + 2]).all():
        return float(top)
    before, peak, after = known[top - 1 : top + 2]
    return top + 0.5 * float((before - after) / (before - 2 * peak + after))


def track_focus(measured: Float64Array, smooth_over: int = 15) -> FocusTrack:
    """Find a smooth way through the planes in focus, which outliers do not change.

    It is a cubic smoothing spline [1]_, fitted again without outliers until these stay the same; of
    three or four time points a straight line with the median slope [2]_.

    Parameters
    ----------
    measured : ndarray of shape (T,)
        The plane in focus at each time point; NaN if unknown, but not everywhere.
    smooth_over : int
        Period, in time points, of which half the amplitude is left; shorter ones are smoothed away.

    Returns
    -------
    FocusTrack
        The way is known at all time points.

    References
    ----------
    .. [1] Reinsch, C. H., "Smoothing by spline functions", Numerische Mathematik 10, 1967.
       https://doi.org/10.1007/BF02162161
    .. [2] Sen, P. K., "Estimates of the regression coefficient based on Kendall's tau", Journal of
       the American Statistical Association 63(324), 1968. https://doi.org/10.2307/2285891
    """
    measured = np.asarray(measured, np.float64)
    times, known = np.arange(len(measured), dtype=np.float64), np.isfinite(measured)
    filled = np.interp(times, times[known], measured[known])
    if known.sum() < FEWEST_FOR_SPLINE:
        return FocusTrack(measured, _line(times, measured, known, filled), ~known)
    # Mirrored about the ends, which count once: an outlier there would win if it were repeated.
    guess = scipy.ndimage.median_filter(filled, min(MEDIAN_POINTS, len(filled)), mode="mirror")
    kept = known & ~_is_off(filled - guess, known)
    smooth = guess
    for _ in range(MOST_ROUNDS):
        smooth = _spline(times, measured, kept, smooth_over)
        again = known & ~_is_off(filled - smooth, kept)
        if again.sum() < FEWEST_FOR_SPLINE or np.array_equal(again, kept):
            break
        kept = again
    return FocusTrack(measured, smooth, ~kept)


def _line(
    times: Float64Array, measured: Float64Array, known: BoolMap, filled: Float64Array
) -> Float64Array:
    if known.sum() < 3:
        return filled
    slope, start, *_ = scipy.stats.theilslopes(measured[known], times[known])
    return np.asarray(start + slope * times, np.float64)


def _spline(
    times: Float64Array, measured: Float64Array, kept: BoolMap, smooth_over: int
) -> Float64Array:
    # A sine of this period keeps 1 / (1 + stiffness * (2 pi / period)**4) = half of its amplitude.
    stiffness = (smooth_over / (2 * np.pi)) ** 4
    spline = scipy.interpolate.make_smoothing_spline(times[kept], measured[kept], lam=stiffness)
    return np.asarray(spline(times), np.float64)


def _is_off(off: Float64Array, among: BoolMap) -> BoolMap:
    deviation = 1.4826 * np.median(np.abs(off[among]))
    far: BoolMap = np.abs(off) > max(OUTLIER_DEVIATIONS * deviation, LEAST_OUTLIER_PLANES)
    return far
