"""Planes compared pair by pair through the means of their tiles."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LAGS = (1, 4, 16, 64)
"""Which neighbours are compared; the far ones keep errors from adding up along the stack."""

TUKEY = 4.685
"""Tiles farther from the line than this many standard deviations do not count."""

MIN_SPREAD = 1e-3
"""Tiles nearer to the line than this, in grey levels, count alike."""

MAX_CHANGE = 0.9
"""Of (b - a) / (b + a): gains up to 19 between two planes."""

MIN_FLICKER = 0.0025
"""Root mean square of (b - a) / (b + a), by half a percent of light, below which pairs tell
nothing of the dark: defocus and shifts alone make up to that."""

MIN_PAIRS = 4
"""Fewer pairs do not tell what is common to them."""


@dataclass(frozen=True, slots=True)
class LineFits:
    """Robust lines ``b - a = change * (b + a)`` through the tiles of P pairs of planes.

    A sum and a difference rather than two planes, since noise and defocus are in both.

    Attributes
    ----------
    change, error : ndarray of shape (P,)
        And its standard error.
    intercept, intercept_error : ndarray of shape (P,)
        Of the line that need not pass through 0, through the same tiles.
    level : ndarray of shape (P,)
        Weighted mean of ``b + a``, each weighted by itself too, as the first line weighs them.
    """

    change: Floats
    error: Floats
    intercept: Floats
    intercept_error: Floats
    level: Floats


def log_gains(tiles: Floats, reference: int) -> tuple[Floats, Floats, float]:
    """Return how planes are lit relative to one of them.

    Parameters
    ----------
    tiles : ndarray of shape (Z, T)
        Means of tiles, NaN where unknown, 0 about where there is no light.
    reference : int
        Its gain is 1.

    Returns
    -------
    logs, errors : ndarray of shape (Z,)
        Natural logarithms of the gains, and their standard errors along the chain of neighbours.
    dark : float
        Grey level where there is no light: 0 unless the pairs tell otherwise.
    """
    lags = [lag for lag in LAGS if lag < len(tiles)]
    first = np.concatenate([np.arange(len(tiles) - lag) for lag in lags])
    second = np.concatenate([np.arange(lag, len(tiles)) for lag in lags])
    dark = estimate_dark_level(fit_lines(tiles[first], tiles[second]))
    lines = fit_lines(tiles[first] - dark, tiles[second] - dark)
    steps = 2 * np.arctanh(np.clip(lines.change, -MAX_CHANGE, MAX_CHANGE))
    variances = (2 * lines.error) ** 2 + 1e-8
    logs = _reconcile(first, second, steps, variances, len(tiles))
    chain = np.concatenate([[0.0], np.cumsum(variances[: len(tiles) - 1])])
    return logs - logs[reference], np.sqrt(np.abs(chain - chain[reference])), dark


def fit_lines(a: Floats, b: Floats, rounds: int = 20) -> LineFits:
    """Fit lines to tiles (P, T) of pairs of planes by Tukey's biweight."""
    known = np.isfinite(a) & np.isfinite(b)
    total, step = np.where(known, a + b, 0), np.where(known, b - a, 0)
    weights = known.astype(np.float64)
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
    """Return the grey level where there is no light, 0 where the pairs do not tell.

    With ``b - dark = gain * (a - dark)`` the intercept of a pair's line grows with its change.
    Defocus flattens the lines and gives them intercepts too, but by no rule of the change: so
    all pairs are asked at once, and have to agree.
    """
    if lines.change.size < MIN_PAIRS or np.sqrt(np.mean(lines.change**2)) < MIN_FLICKER:
        return 0.0
    weights = 1 / (lines.intercept_error**2 + MIN_SPREAD)
    square = float((weights * lines.change**2).sum())
    rise = float((weights * lines.change * lines.intercept).sum()) / square
    off = lines.intercept - rise * lines.change
    error = np.sqrt((weights * off**2).sum() / (lines.change.size - 1) / square)
    level = float(np.median(lines.level))
    # No light is darker than the tiles (rise -inf), and no line is steeper than rise = level.
    if abs(rise) < 4 * error or rise > 0.9 * level:
        return 0.0
    return rise * level / (2 * (rise - level))


def _reconcile(first: Any, second: Any, steps: Floats, variances: Floats, count: int) -> Floats:
    """Return the values (Z,) whose differences suit the steps best, by least squares."""
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    weights = 1 / variances
    rows = np.concatenate([first, second, first, second, [0]])
    columns = np.concatenate([first, second, second, first, [0]])
    # Differences leave the common level open: the last entry holds the first value at 0.
    entries = np.concatenate([weights, weights, -weights, -weights, [weights.max()]])
    matrix = coo_array((entries, (rows, columns)), (count, count)).tocsc()
    pull = np.bincount(second, weights * steps, count) - np.bincount(first, weights * steps, count)
    return np.asarray(spsolve(matrix, pull))


def _sum(values: Floats) -> Floats:
    return np.asarray(values.sum(axis=1, keepdims=True))
