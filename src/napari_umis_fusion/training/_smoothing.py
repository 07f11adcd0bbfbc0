"""The calm curve behind noisy values, at a cost that hardly grows with their number."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from napari_umis_fusion.errors import ConfigError

MAX_POINTS = 1024
"""Of a smoothed curve: more than a chart has pixels across."""

WIDEST_SHARE = 0.1
"""Of the curve's length: sigma of the strongest smoothing."""

Floats = NDArray[np.float64]


def finite_only(steps: NDArray[Any], values: Floats) -> tuple[NDArray[Any], Floats]:
    """Leave out values that are not finite, and their steps; shape (N,) each."""
    finite = np.isfinite(values)
    if finite.all():  # nearly always: picking 100,000 takes a millisecond
        return steps, values
    return steps[finite], values[finite]


def smoothed(steps: ArrayLike, values: ArrayLike, amount: float) -> tuple[Floats, Floats]:
    """Smooth values by step.

    A Gaussian mean without lag: near its ends it takes what there is, and no value counts more
    than another. Long curves are averaged in equal parts first.

    Parameters
    ----------
    steps, values : array-like of shape (N,)
        By step. Values that are not finite are left out.
    amount : float
        0, for the means of the parts alone, to 1.

    Returns
    -------
    steps, means : ndarray of shape (M,)
        The middle of each part, and the mean there; M is at most 1,024.

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
        raise ConfigError(f"got {amount} to smooth by; give 0 to 1.")
    at, shown = finite_only(np.asarray(steps), np.asarray(values, np.float64))
    if not len(shown):
        return at.astype(np.float64), shown
    # a power of two: parts keep their places while the curve grows, so that it does not flicker
    width = 1 << max(0, (len(shown) - 1).bit_length() - (MAX_POINTS - 1).bit_length())
    starts = np.arange(0, len(shown), width)
    ends = np.append(starts[1:], len(shown))
    sums, counts = np.add.reduceat(shown, starts), np.asarray(ends - starts, np.float64)
    sigma = WIDEST_SHARE * amount**2 * len(starts)
    if sigma >= 0.1:  # narrower ones change nothing
        sums, counts = (gaussian_filter1d(part, sigma, mode="constant") for part in (sums, counts))
    return (at[starts] + at[ends - 1]) / 2, sums / counts
