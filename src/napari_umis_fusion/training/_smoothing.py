"""Smooth noisy curves, in a time that hardly grows with their length."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from napari_umis_fusion.errors import ConfigError

MAX_POINTS = 1024
"""Length of a smoothed curve: more than the width of a chart in pixels."""

WIDEST_SHARE = 0.1
"""Sigma of the strongest smoothing, as a share of the curve's length."""

Floats = NDArray[np.float64]


def finite_only(steps: NDArray[Any], values: Floats) -> tuple[NDArray[Any], Floats]:
    """Drop values that are not finite, and their steps; shape (N,) each."""
    finite = np.isfinite(values)
    if finite.all():  # nearly always; indexing 100,000 values takes a millisecond
        return steps, values
    return steps[finite], values[finite]


def smoothed(steps: ArrayLike, values: ArrayLike, amount: float) -> tuple[Floats, Floats]:
    """Smooth values by step.

    A Gaussian mean without lag: at the ends it uses the existing values only, and all values have
    the same weight. Long curves are first averaged in bins of equal length.

    Parameters
    ----------
    steps, values : array-like of shape (N,)
        Values that are not finite are skipped.
    amount : float
        From 0, for the means of the bins alone, to 1.

    Returns
    -------
    steps, means : ndarray of shape (M,)
        Middle and mean of each bin; M is at most 1,024.

    Raises
    ------
    ConfigError
        If the amount is out of bounds.

    Examples
    --------
    >>> smoothed([1, 2, 3], [4.0, 4.0, 4.0], 0.5)[1].tolist()
    [4.0, 4.0, 4.0]
    """
    if not 0 <= amount <= 1:
        raise ConfigError(f"amount={amount}; accepted is 0 to 1.")
    at, shown = finite_only(np.asarray(steps), np.asarray(values, np.float64))
    if not len(shown):
        return at.astype(np.float64), shown
    # a power of two: bins keep their positions while the curve grows, so that it does not flicker
    width = 1 << max(0, (len(shown) - 1).bit_length() - (MAX_POINTS - 1).bit_length())
    starts = np.arange(0, len(shown), width)
    ends = np.append(starts[1:], len(shown))
    sums, counts = np.add.reduceat(shown, starts), np.asarray(ends - starts, np.float64)
    sigma = WIDEST_SHARE * amount**2 * len(starts)
    if sigma >= 0.1:  # a smaller sigma has no effect
        sums, counts = (gaussian_filter1d(part, sigma, mode="constant") for part in (sums, counts))
    return (at[starts] + at[ends - 1]) / 2, sums / counts
