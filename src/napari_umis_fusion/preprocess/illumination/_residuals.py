"""Residuals of pixels relative to their eight neighbours, as running minimum and maximum."""

from typing import Any

import numpy as np

from napari_umis_fusion.runtime import AnyArray, kernel


@kernel
def update_extremes(padded: AnyArray, lowest: AnyArray, highest: AnyArray) -> None:
    """Update the running minimum and maximum of residuals with those of a plane.

    A residual is the distance of a pixel above the second highest of its neighbours or, negative,
    below the second lowest, reduced by the range between those two. It is 0 on edges, ridges and
    lines, and at the tip of any detail that optics can form, but not at one of two adjacent
    defects.

    Parameters
    ----------
    padded : ndarray of shape (Y + 2, X + 2), float32
        A grey image with a border of 1 px.
    lowest, highest : ndarray of shape (Y, X), float32
        Updated in place.
    """
    # In float32: with Python's floats, the kernel would compute in double precision.
    zero = np.float32(0)
    for y in range(lowest.shape[0]):
        above, row, below = padded[y], padded[y + 1], padded[y + 2]
        for x in range(1, lowest.shape[1] + 1):
            most, more = max(above[x - 1], above[x]), min(above[x - 1], above[x])
            least, less = more, most
            most, more, least, less = _insert(above[x + 1], most, more, least, less)
            most, more, least, less = _insert(row[x - 1], most, more, least, less)
            most, more, least, less = _insert(row[x + 1], most, more, least, less)
            most, more, least, less = _insert(below[x - 1], most, more, least, less)
            most, more, least, less = _insert(below[x], most, more, least, less)
            most, more, least, less = _insert(below[x + 1], most, more, least, less)
            high, low = more + (more - less), less - (more - less)
            residual = max(row[x] - high, zero) + min(row[x] - low, zero)
            lowest[y, x - 1] = min(lowest[y, x - 1], residual)
            highest[y, x - 1] = max(highest[y, x - 1], residual)


@kernel
def _insert(value: Any, most: Any, more: Any, least: Any, less: Any) -> tuple[Any, Any, Any, Any]:
    """Insert a value into the two highest (most, more) and the two lowest (least, less)."""
    more, most = max(more, min(most, value)), max(most, value)
    less, least = min(less, max(least, value)), min(least, value)
    return most, more, least, less


@kernel
def bin_twofold(grey: AnyArray, out: AnyArray) -> None:
    """Fill `out` (Y // 2, X // 2) with the means of 2 x 2 pixels."""
    quarter = np.float32(0.25)
    for y in range(out.shape[0]):
        upper, lower = grey[2 * y], grey[2 * y + 1]
        for x in range(out.shape[1]):
            left, right = upper[2 * x] + lower[2 * x], upper[2 * x + 1] + lower[2 * x + 1]
            out[y, x] = quarter * (left + right)
