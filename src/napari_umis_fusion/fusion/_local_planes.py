"""Planes fitted to the peaks around each pixel, as numba kernels.

Sums are in double precision: squares of positions differ by far less than they are.
"""

import numpy as np
from numba import njit

from napari_umis_fusion.runtime import AnyArray

LEAST_ERROR = 0.03
"""Standard error in planes of the best peaks; of both renderers without noise."""

NOISE_SHARE = 0.5
"""Share of the variance of the fitted plane that is left: 68 % of errors are within one standard
error then, with that of the slope."""


@njit(nogil=True, cache=True)
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
def _row_moments(position: AnyArray, variance: AnyArray, taps: AnyArray, width: int) -> AnyArray:
    """Return moments along rows: of weights (3), of weighted positions (2), of their squares."""
    moments = np.empty((6, position.shape[0], width))
    parts = np.empty((3, position.shape[1]))
    floor = (LEAST_ERROR * LEAST_ERROR) / 2
    for y in range(position.shape[0]):
        for x in range(position.shape[1]):
            weight, depth = 1 / (variance[y, x] + floor), np.float64(position[y, x])
            parts[0, x] = weight
            parts[1, x] = weight * depth
            parts[2, x] = weight * depth * depth
        _fold(parts[0], taps, 3, moments[:, y])
        _fold(parts[1], taps, 2, moments[3:, y])
        _fold(parts[2], taps, 1, moments[5:, y])
    return moments


@njit(nogil=True, cache=True)
def _fold(line: AnyArray, taps: AnyArray, orders: int, moments: AnyArray) -> None:
    """Fill up to three moments of the windows along a line: of order 0, 1 and 2."""
    radius = taps.size - 1
    width = line.size - 2 * radius
    zeroth, first, second = moments[0], moments[min(1, orders - 1)], moments[orders - 1]
    centre = line[radius : radius + width]
    for order in range(1, orders):
        moments[order, :] = 0
    for x in range(width):
        zeroth[x] = taps[0] * centre[x]
    # Taps outside, pixels inside: the inner loops run along a line, and vectorise.
    for j in range(1, radius + 1):
        tap = np.float64(taps[j])
        left, right = line[radius - j :], line[radius + j :]
        if orders == 3:
            for x in range(width):
                both = tap * (left[x] + right[x])
                zeroth[x] += both
                first[x] += j * tap * (right[x] - left[x])
                second[x] += j * j * both
        elif orders == 2:
            for x in range(width):
                zeroth[x] += tap * (left[x] + right[x])
                first[x] += j * tap * (right[x] - left[x])
        else:
            for x in range(width):
                zeroth[x] += tap * (left[x] + right[x])


@njit(nogil=True, cache=True)
def _window_moments(rows: AnyArray, taps: AnyArray, y: int) -> AnyArray:
    """Return the moments of a row of windows: 1, x, y, xx, xy, yy, then d, dx, dy, dd."""
    radius = taps.size - 1
    middle = y + radius
    sums = np.zeros((10, rows.shape[2]))
    for into, out in ((0, 0), (1, 1), (3, 2), (6, 3), (7, 4), (9, 5)):
        total, row = sums[into], rows[out, middle]
        for x in range(total.size):
            total[x] = taps[0] * row[x]
    for j in range(1, radius + 1):
        tap = np.float64(taps[j])
        _add_pair(rows[0], middle, j, tap, sums[0], sums[2], sums[5])
        _add_two(rows[1], middle, j, tap, sums[1], sums[4])
        _add_two(rows[3], middle, j, tap, sums[6], sums[8])
        for into, out in ((3, 2), (7, 4), (9, 5)):
            total, above, below = sums[into], rows[out, middle - j], rows[out, middle + j]
            for x in range(total.size):
                total[x] += tap * (above[x] + below[x])
    return sums


@njit(nogil=True, cache=True)
def _add_pair(
    rows: AnyArray,
    middle: int,
    j: int,
    tap: float,
    zeroth: AnyArray,
    first: AnyArray,
    second: AnyArray,
) -> None:
    """Add the rows above and below to moments of order 0, 1 and 2 along columns."""
    above, below = rows[middle - j], rows[middle + j]
    for x in range(zeroth.size):
        both = tap * (above[x] + below[x])
        zeroth[x] += both
        first[x] += j * tap * (below[x] - above[x])
        second[x] += j * j * both


@njit(nogil=True, cache=True)
def _add_two(
    rows: AnyArray, middle: int, j: int, tap: float, zeroth: AnyArray, first: AnyArray
) -> None:
    """Add the rows above and below to moments of order 0 and 1 along columns."""
    above, below = rows[middle - j], rows[middle + j]
    for x in range(zeroth.size):
        zeroth[x] += tap * (above[x] + below[x])
        first[x] += j * tap * (below[x] - above[x])


@njit(nogil=True, cache=True, error_model="numpy")
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
