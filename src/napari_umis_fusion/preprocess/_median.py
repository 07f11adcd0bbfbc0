"""The 5 x 5 median that optionally smooths planes before focus is measured."""

import numpy as np

from napari_umis_fusion.runtime import AnyArray, FloatMap, kernel

REACH_PX = 2


def median_5x5(padded: FloatMap) -> FloatMap:
    """Return the median of each pixel's 5 x 5 window.

    Parameters
    ----------
    padded : ndarray of shape (H + 4, W + 4), float32
        An image with a border of 2 px.

    Returns
    -------
    ndarray of shape (H, W), float32
    """
    out = np.empty((padded.shape[0] - 2 * REACH_PX, padded.shape[1] - 2 * REACH_PX), np.float32)
    window = np.empty((2 * REACH_PX + 1) ** 2, np.float32)
    _median(np.ascontiguousarray(padded, np.float32), window, out)
    return out


@kernel
def _median(padded: AnyArray, window: AnyArray, out: AnyArray) -> None:
    side = 2 * REACH_PX + 1
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            for dy in range(side):
                for dx in range(side):
                    window[dy * side + dx] = padded[y + dy, x + dx]
            sort_first(window, window.size)
            out[y, x] = window[window.size // 2]


@kernel
def sort_first(values: AnyArray, count: int) -> None:
    """Sort the first values of a small window in place, by insertion: it has 25 of them at most."""
    for k in range(1, count):
        value, place = values[k], k
        while place > 0 and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value
