"""Deep spatial frequency: how much the network's features change around each pixel.

The published method sums differences over a window by one convolution for each channel. A
running sum over the sum of the channels is the same number for a thousandth of the work. It
runs in fixed point, whose sums are exact: planes that are equal in a window tie, as they should.
"""

import math
from collections.abc import Generator
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import bands, iter_parts, run_to_end, thread_count

REFERENCE_WINDOW_PX = 31

FRACTION_BITS = 40
"""Bits after the binary point, enough for 1e-12; fewer where sums would overflow."""


def deep_spatial_frequency(
    features: NDArray[np.float32], window_px: int = REFERENCE_WINDOW_PX
) -> NDArray[np.float32]:
    """Compute the focus map of one plane from its features.

    Parameters
    ----------
    features : ndarray of shape (C, Y, X), float32
        What the network makes of the plane: 16 channels, 0 to 6.
    window_px : int
        Side of the window that the changes are summed over, in px; odd, 1 or more.

    Returns
    -------
    ndarray of shape (Y, X), float32
        0 or more; greater where the plane is in focus. Outside the plane all counts as zero.

    Raises
    ------
    ConfigError
        If `window_px` is even or less than 1.

    References
    ----------
    Ma et al., SESF-Fuse: an unsupervised deep model for multi-focus image fusion, Neural
    Computing and Applications 2021. https://doi.org/10.1007/s00521-020-05358-9
    """
    return run_to_end(iter_deep_spatial_frequency(features, window_px))


def iter_deep_spatial_frequency(
    features: NDArray[np.float32], window_px: int = REFERENCE_WINDOW_PX
) -> Generator[None, None, NDArray[np.float32]]:
    """Compute `deep_spatial_frequency`, yielding every 50 ms."""
    change = yield from iter_feature_change(features)
    return (yield from iter_box_sum(change, window_px))


def iter_feature_change(
    features: NDArray[np.float32],
) -> Generator[None, None, NDArray[np.float32]]:
    """Sum up over the channels how each feature differs from its left and upper neighbours.

    Parameters
    ----------
    features : ndarray of shape (C, Y, X), float32
        Fastest where the channels lie together in memory.

    Yields
    ------
    None
        Every 50 ms.

    Returns
    -------
    ndarray of shape (Y, X), float32
        Sum of sqrt((left - f)^2 + (upper - f)^2), with zeros outside the plane.
    """
    pixels = np.ascontiguousarray(np.moveaxis(features, 0, -1), np.float32)
    out = np.empty(pixels.shape[:2], np.float32)
    yield from iter_parts(
        lambda band: _feature_change(pixels, *band, out), bands(len(out), 4 * thread_count())
    )
    return out


def iter_box_sum(
    values: NDArray[np.float32], window_px: int
) -> Generator[None, None, NDArray[np.float32]]:
    """Sum over a square window around each pixel, with zeros outside.

    Parameters
    ----------
    values : ndarray of shape (Y, X), float32
        0 or more.
    window_px : int
        Side of the window in px; odd, 1 or more. It may exceed the plane.

    Yields
    ------
    None
        Every 50 ms.

    Returns
    -------
    ndarray of shape (Y, X), float32
        The sums. Those of equal windows are equal, wherever they lie.

    Raises
    ------
    ConfigError
        If `window_px` is even or less than 1.
    """
    if window_px < 1 or window_px % 2 == 0:
        raise ConfigError(
            f"the window is {window_px} px wide: it accepts odd numbers of 1 and more"
        )
    height, width = values.shape
    radius, unit = window_px // 2, _unit(values, window_px)
    sums = np.empty((height, width), np.int64)
    out = np.empty((height, width), np.float32)
    parts = 4 * thread_count()
    yield from iter_parts(
        lambda band: _sum_along_rows(values, radius, unit, *band, sums), bands(height, parts)
    )
    yield from iter_parts(
        lambda span: _sum_along_columns(sums, radius, unit, *span, out), bands(width, parts)
    )
    return out


def _unit(values: NDArray[np.float32], window_px: int) -> float:
    """Choose what 1 stands for in fixed point: as little as the largest sum allows."""
    largest = float(values.max()) * window_px**2
    bits = min(FRACTION_BITS, 61 - math.frexp(largest)[1])
    return 2.0**-bits


@njit(nogil=True, cache=True)
def _feature_change(pixels: NDArray[Any], start: int, stop: int, out: NDArray[Any]) -> None:
    """Fill rows `start` to `stop` of `out` (Y, X) from `pixels` (Y, X, C)."""
    _, width, channels = pixels.shape
    for y in range(start, stop):
        for x in range(width):
            total = 0.0
            for c in range(channels):
                here = pixels[y, x, c]
                left = pixels[y, x - 1, c] if x else np.float32(0)
                upper = pixels[y - 1, x, c] if y else np.float32(0)
                total += np.sqrt((left - here) ** 2 + (upper - here) ** 2)
            out[y, x] = total


@njit(nogil=True, cache=True)
def _sum_along_rows(
    values: NDArray[Any], radius: int, unit: float, start: int, stop: int, sums: NDArray[Any]
) -> None:
    """Fill rows `start` to `stop` with sums of 2 `radius` + 1 neighbours, in units of `unit`."""
    width = values.shape[1]
    scale = 1.0 / unit
    for y in range(start, stop):
        running = np.int64(0)
        for x in range(min(radius, width)):
            running += np.int64(np.rint(values[y, x] * scale))
        for x in range(width):
            if x + radius < width:
                running += np.int64(np.rint(values[y, x + radius] * scale))
            if x - radius > 0:
                running -= np.int64(np.rint(values[y, x - radius - 1] * scale))
            sums[y, x] = running


@njit(nogil=True, cache=True)
def _sum_along_columns(
    sums: NDArray[Any], radius: int, unit: float, start: int, stop: int, out: NDArray[Any]
) -> None:
    """Fill columns `start` to `stop` of `out` with sums of 2 `radius` + 1 rows."""
    height = sums.shape[0]
    running = np.zeros(stop - start, np.int64)
    for y in range(min(radius, height)):
        for x in range(start, stop):
            running[x - start] += sums[y, x]
    for y in range(height):
        for x in range(start, stop):
            if y + radius < height:
                running[x - start] += sums[y + radius, x]
            if y - radius > 0:
                running[x - start] -= sums[y - radius - 1, x]
            out[y, x] = running[x - start] * unit
