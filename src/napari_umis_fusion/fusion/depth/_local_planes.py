"""Planes fitted to the peaks around each pixel, as numba kernels.

Sums are in double precision: squares of positions differ by far less than they are.
"""

import numpy as np

from napari_umis_fusion.runtime import AnyArray, kernel

LEAST_ERROR = 0.03
"""Standard error in planes of the best peaks; of both renderers without noise."""

NOISE_SHARE = 0.5
"""Share of the variance of the fitted plane that is left: 68 % of errors are within one standard
error then, with that of the slope."""


def settle_positions(
    position: AnyArray,
    variance: AnyArray,
    index: AnyArray,
    taps: AnyArray,
    rise: float,
    settled: AnyArray,
    error: AnyArray,
) -> None:
    """Fill settled positions and their standard errors, all in planes.

    Parameters
    ----------
    position, variance : ndarray of shape (Y + 2 r, X + 2 r)
        Peaks with a halo, and their variances; infinite where nothing is known.
    index : ndarray of shape (Y, X)
        The chosen planes; positions stay within half a plane of them.
    taps : ndarray of shape (r + 1,)
        The window, from its centre to its right.
    rise : float
        Pixels within which a surface rises by its slope's share of the error.
    settled, error : ndarray of shape (Y, X)
        Outputs.
    """
    width = index.shape[1]
    # Of the rows in the window only, one after the other in turn: they stay in the cache.
    rows = np.empty((2 * taps.size - 1, 6, width))
    parts, sums = np.empty((3, position.shape[1])), np.empty((10, width))
    _settle(position, variance, index, taps, rise, rows, parts, sums, settled, error)


@kernel
def _settle(
    position: AnyArray,
    variance: AnyArray,
    index: AnyArray,
    taps: AnyArray,
    rise: float,
    rows: AnyArray,
    parts: AnyArray,
    sums: AnyArray,
    settled: AnyArray,
    error: AnyArray,
) -> None:
    """Settle positions, in space for moments: of rows in the window, of a row, and of windows."""
    radius = taps.size - 1
    for y in range(2 * radius):
        _row_moments(position[y], variance[y], taps, parts, rows[y])
    for y in range(index.shape[0]):
        last = y + 2 * radius
        _row_moments(position[last], variance[last], taps, parts, rows[last % len(rows)])
        _window_moments(rows, taps, y + radius, sums)
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


@kernel
def _row_moments(
    position: AnyArray, variance: AnyArray, taps: AnyArray, parts: AnyArray, moments: AnyArray
) -> None:
    """Fill moments along a row: of weights (3), of weighted positions (2), of their squares."""
    floor = (LEAST_ERROR * LEAST_ERROR) / 2
    weights, firsts, seconds = parts[0], parts[1], parts[2]
    for x in range(position.size):
        weight, depth = 1 / (variance[x] + floor), np.float64(position[x])
        weights[x] = weight
        firsts[x] = weight * depth
        seconds[x] = weight * depth * depth
    _fold(weights, taps, moments[:3])
    _fold(firsts, taps, moments[3:5])
    _fold(seconds, taps, moments[5:])


@kernel
def _fold(line: AnyArray, taps: AnyArray, moments: AnyArray) -> None:
    """Fill up to three moments of the windows along a line: of order 0, 1 and 2."""
    radius = taps.size - 1
    width = line.size - 2 * radius
    orders = moments.shape[0]
    _begin(moments, line[radius : radius + width], taps[0])
    for j in range(1, radius + 1):
        left, right = line[radius - j : radius - j + width], line[radius + j :]
        tap = np.float64(taps[j])
        _add_even(left, right, tap, 1.0, moments[0])
        if orders > 1:
            _add_odd(left, right, j * tap, moments[1])
        if orders > 2:
            _add_even(left, right, tap, float(j * j), moments[2])


@kernel
def _window_moments(rows: AnyArray, taps: AnyArray, middle: int, sums: AnyArray) -> None:
    """Fill moments of a row of windows: 1, x, y, xx, xy, yy, then d, dx, dy, dd."""
    count = len(rows)
    for k in range(sums.shape[0]):
        for x in range(sums.shape[1]):
            sums[k, x] = 0
    for into, out in ((0, 0), (1, 1), (3, 2), (6, 3), (7, 4), (9, 5)):
        _begin(sums[into : into + 1], rows[middle % count, out], taps[0])
    for j in range(1, taps.size):
        tap, above, below = np.float64(taps[j]), (middle - j) % count, (middle + j) % count
        for into, out in ((0, 0), (1, 1), (3, 2), (6, 3), (7, 4), (9, 5)):
            _add_even(rows[above, out], rows[below, out], tap, 1.0, sums[into])
        for into, out in ((2, 0), (4, 1), (8, 3)):
            _add_odd(rows[above, out], rows[below, out], j * tap, sums[into])
        _add_even(rows[above, 0], rows[below, 0], tap, float(j * j), sums[5])


@kernel
def _begin(moments: AnyArray, centre: AnyArray, tap: float) -> None:
    """Begin moments with what lies in the centre of the windows, which only order 0 has."""
    for x in range(centre.size):
        moments[0, x] = tap * centre[x]
    for k in range(1, moments.shape[0]):
        for x in range(centre.size):
            moments[k, x] = 0


# One sum at a time, taps outside, pixels inside: the loops run along a line, and vectorise; with
# several sums, too many arrays might overlap.


@kernel
def _add_even(
    before: AnyArray, after: AnyArray, tap: float, factor: float, total: AnyArray
) -> None:
    for x in range(total.size):
        total[x] += factor * (tap * (before[x] + after[x]))


@kernel
def _add_odd(before: AnyArray, after: AnyArray, factor: float, total: AnyArray) -> None:
    for x in range(total.size):
        total[x] += factor * (after[x] - before[x])


@kernel
def _fitted_plane(sums: AnyArray, at: int) -> tuple[float, float, float, float]:
    """Return height at the centre, slope, scatter about it (a variance), and sum of weights."""
    known = sums[0, at]
    if not known > 0:
        return 0.0, 0.0, 0.0, 0.0
    share = 1 / known
    x, y, depth = sums[1, at] * share, sums[2, at] * share, sums[6, at] * share
    # A little more than there is, so that a single column or row has no slope across it.
    xx, yy = sums[3, at] * share - x * x + 1e-3, sums[5, at] * share - y * y + 1e-3
    xy = sums[4, at] * share - x * y
    dx, dy = sums[7, at] * share - depth * x, sums[8, at] * share - depth * y
    inverse = 1 / (xx * yy - xy * xy)
    rise_x, rise_y = (dx * yy - dy * xy) * inverse, (dy * xx - dx * xy) * inverse
    scatter = max(sums[9, at] * share - depth * depth - rise_x * dx - rise_y * dy, 0.0)
    slope = np.sqrt(rise_x * rise_x + rise_y * rise_y)
    return depth - rise_x * x - rise_y * y, slope, scatter, known
