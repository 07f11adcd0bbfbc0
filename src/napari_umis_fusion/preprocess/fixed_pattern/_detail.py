"""The finest detail of a grey image, in two octaves."""

from typing import Any

import numpy as np

from napari_umis_fusion.runtime import FloatMap

OCTAVES = 2
"""Lenses pass little of the first; of the second, what shows lines and spots of a few pixels."""

REACH_PX = 2 * (2**OCTAVES - 1)
"""How far the detail of a pixel depends on others."""

_BINOMIAL = np.array((1, 4, 6, 4, 1), np.float32) / np.float32(16)


def octaves(grey: FloatMap) -> list[FloatMap]:
    """Return the detail between a grey image and a smooth one, and the next octave below.

    Parameters
    ----------
    grey : ndarray of shape (Y, X), float32
        Mirrored beyond its border.

    Returns
    -------
    list of ndarray of shape (Y, X), float32
        `OCTAVES` of them, the finest first.
    """
    found: list[FloatMap] = []
    for octave in range(OCTAVES):
        smooth = _smooth(grey, 2**octave)
        found.append(grey - smooth)
        grey = smooth
    return found


def finest(grey: FloatMap) -> FloatMap:
    """Return the first of `octaves`."""
    return grey - _smooth(grey, 1)


def alternation(grey: FloatMap, axis: int, step: int = 1) -> FloatMap:
    """Return the detail that changes its sign from pixel to pixel, which no lens shows.

    Parameters
    ----------
    grey : ndarray of shape (Y, X), float32
        Mirrored beyond its border.
    axis : int
        Along which it changes.
    step : int
        2: from every second pixel to the next but one; noise of pixels has as much of that.
    """
    from scipy.ndimage import convolve1d

    kernel = np.zeros(4 * step + 1, np.float32)
    kernel[::step] = np.array((1, -4, 6, -4, 1), np.float32) / np.float32(16)
    found: FloatMap = convolve1d(grey, kernel, axis=axis, mode="mirror")
    return found


def _smooth(grey: FloatMap, step: int) -> FloatMap:
    from scipy.ndimage import convolve1d

    kernel = np.zeros(4 * step + 1, np.float32)
    kernel[::step] = _BINOMIAL
    rows: Any = convolve1d(grey, kernel, axis=0, mode="mirror")
    smooth: FloatMap = convolve1d(rows, kernel, axis=1, mode="mirror")
    return smooth
