"""Gains by robust comparison of pairs of planes through the means of their tiles."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_umis_fusion.runtime import Float64Array

LAGS = (1, 4, 16, 64)
"""Distances in z at which planes are compared; without the larger ones, errors would accumulate
along the stack."""

TUKEY = 4.685
"""Distance from the line, in standard deviations, from which on tiles have no weight: the usual
constant of Tukey's biweight, 95 % efficient for normal errors."""

MIN_SPREAD = 1e-3
"""Distances below this, in grey levels, are not distinguished; avoids division by 0."""

MAX_CHANGE = 0.9
"""Limit of (b - a) / (b + a): a gain of 19 between two planes."""

MIN_FLICKER = 0.0025
"""Smallest root mean square of (b - a) / (b + a), half a percent of light, for which the dark level
is estimated: defocus and shifts alone cause as much."""

MIN_PAIRS = 4
"""Smallest number of pairs from which the dark level is estimated."""


@dataclass(frozen=True, slots=True)
class LineFits:
    """Robust lines ``b - a = change * (b + a)`` through the tiles of P pairs of planes.

    Lines are fitted to a sum and a difference rather than to two planes, since both planes have
    noise and defocus.

    Attributes
    ----------
    change, error : ndarray of shape (P,)
        Slope of the line through 0, and its standard error.
    intercept, intercept_error : ndarray of shape (P,)
        Intercept of a line with one, through the same tiles, and its standard error.
    level : ndarray of shape (P,)
        Mean of ``b + a``, weighted by itself as in the line through 0.
    """

    change: Float64Array
    error: Float64Array
    intercept: Float64Array
    intercept_error: Float64Array
    level: Float64Array


def log_gains(tiles: Float64Array, reference: int) -> tuple[Float64Array, Float64Array, float]:
    """Estimate the gains of planes relative to one of them.

    Parameters
    ----------
    tiles : ndarray of shape (Z, T)
        Means of tiles, NaN where unknown; about 0 without light.
    reference : int
        The plane whose gain is 1.

    Returns
    -------
    logs, errors : ndarray of shape (Z,)
        Natural logarithms of the gains, and their standard errors along the chain of neighbours.
    dark : float
        Grey level without light: 0 unless the pairs allow an estimate.
    """
    lags = [lag for lag in LAGS if lag < len(tiles)]
    first = np.concatenate([np.arange(len(tiles) - lag) for lag in lags])
    second = np.concatenate([np.arange(lag, len(tiles)) for lag in lags])
    dark = estimate_dark_level(fit_lines(tiles[first], tiles[second]))
    lines = fit_lines(tiles[first] - dark, tiles[second] - dark)
    # With r = (b - a) / (b + a), the logarithm of b / a is 2 artanh(r).
    steps = 2 * np.arctanh(np.clip(lines.change, -MAX_CHANGE, MAX_CHANGE))
    variances = (2 * lines.error) ** 2 + 1e-8
    logs = _least_squares(first, second, steps, variances, len(tiles))
    chain = np.concatenate([[0.0], np.cumsum(variances[: len(tiles) - 1])])
    return logs - logs[reference], np.sqrt(np.abs(chain - chain[reference])), dark


def fit_lines(a: Float64Array, b: Float64Array, rounds: int = 20) -> LineFits:
    """Fit lines to tiles (P, T) of pairs of planes by Tukey's biweight."""
    known = np.isfinite(a) & np.isfinite(b)
    total, step = np.where(known, a + b, 0), np.where(known, b - a, 0)
    weights = known.astype(np.float64)
    # Iteratively reweighted least squares; 1.4826 times the median distance estimates sigma.
    for _ in range(rounds):
        square = _sum(weights * total**2)
        change = _sum(weights * total * step) / square
        off = step - change * total
        spread = np.nanmedian(np.where(known, np.abs(off), np.nan), axis=1, keepdims=True)
        far = off / (TUKEY * (1.4826 * spread + MIN_SPREAD))
        weights = np.where(known & (np.abs(far) < 1), (1 - far**2) ** 2, 0)
    error = np.sqrt(_sum((weights * off * total) ** 2)) / square
    count = _sum(weights)
    mean, mean_step = _sum(weights * total) / count, _sum(weights * step) / count
    centred = total - mean
    spread_of_totals = _sum(weights * centred**2) + 1e-12
    slope = _sum(weights * centred * step) / spread_of_totals
    off = step - mean_step - slope * centred
    variance = _sum(weights * off**2) / count * (1 / count + mean**2 / spread_of_totals)
    level = square / (count * mean)
    values = change, error, mean_step - slope * mean, np.sqrt(variance), level
    return LineFits(*(value[:, 0] for value in values))


def estimate_dark_level(lines: LineFits) -> float:
    """Estimate the grey level without light; 0 if the pairs do not allow it.

    With ``b - dark = gain * (a - dark)`` the intercept of a pair's line is proportional to its
    change. Defocus flattens the lines and causes intercepts too, but not in proportion to the
    change: therefore all pairs are fitted together, and must agree.
    """
    if lines.change.size < MIN_PAIRS or np.sqrt(np.mean(lines.change**2)) < MIN_FLICKER:
        return 0.0
    weights = 1 / (lines.intercept_error**2 + MIN_SPREAD)
    square = float((weights * lines.change**2).sum())
    rise = float((weights * lines.change * lines.intercept).sum()) / square
    off = lines.intercept - rise * lines.change
    error = np.sqrt((weights * off**2).sum() / (lines.change.size - 1) / square)
    level = float(np.median(lines.level))
    # The dark level is below the tiles (rise -inf), and no line is steeper than rise = level.
    if abs(rise) < 4 * error or rise > 0.9 * level:
        return 0.0
    return rise * level / (2 * (rise - level))


def _least_squares(
    first: Any, second: Any, steps: Float64Array, variances: Float64Array, count: int
) -> Float64Array:
    """Return the values (Z,) whose differences fit the steps best, by least squares."""
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    weights = 1 / variances
    rows = np.concatenate([first, second, first, second, [0]])
    columns = np.concatenate([first, second, second, first, [0]])
    # Differences do not determine the common level: the last entry fixes the first value at 0.
    entries = np.concatenate([weights, weights, -weights, -weights, [weights.max()]])
    matrix = coo_array((entries, (rows, columns)), (count, count)).tocsc()
    pull = np.bincount(second, weights * steps, count) - np.bincount(first, weights * steps, count)
    return np.asarray(spsolve(matrix, pull))


def _sum(values: Float64Array) -> Float64Array:
    return np.asarray(values.sum(axis=1, keepdims=True))
