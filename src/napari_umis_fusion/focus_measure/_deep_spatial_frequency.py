"""Deep spatial frequency: local differences of a network's features, summed over a window.

The published method sums differences over a window by one convolution for each channel. A
running sum over the sum of the channels gives the same number for a thousandth of the operations.
It is computed in fixed point, whose sums are exact: planes that are equal in a window tie.
"""

import math
from collections.abc import Generator

import numpy as np

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import (
    AnyArray,
    FloatMap,
    bands,
    iter_parts,
    kernel,
    run_to_end,
    thread_count,
)

REFERENCE_WINDOW_PX = 31
"""Window of the published method."""

FRACTION_BITS = 40
"""Bits after the binary point, a resolution of 1e-12; fewer if sums would overflow."""


def deep_spatial_frequency(features: FloatMap, window_px: int = REFERENCE_WINDOW_PX) -> FloatMap:
    """Compute the focus map of one plane from its features.

    Parameters
    ----------
    features : ndarray of shape (C, Y, X), float32
        Features of the plane: 16 channels, 0 to 6.
    window_px : int
        Side of the window over which differences are summed, in px; odd, 1 or more.

    Returns
    -------
    ndarray of shape (Y, X), float32
        0 or more; higher where the plane is in focus. Features are 0 outside the plane.

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
    features: FloatMap, window_px: int = REFERENCE_WINDOW_PX
) -> Generator[None, None, FloatMap]:
    """Compute `deep_spatial_frequency`, yielding every 50 ms."""
    change = yield from iter_feature_change(features)
    return (yield from iter_box_sum(change, window_px))


def iter_feature_change(
    features: FloatMap,
) -> Generator[None, None, FloatMap]:
    """Sum the differences of each feature from its left and upper neighbours over the channels.

    Parameters
    ----------
    features : ndarray of shape (C, Y, X), float32
        Fastest if the channels of a pixel are contiguous in memory.

    Yields
    ------
    None
        Every 50 ms.

    Returns
    -------
    ndarray of shape (Y, X), float32
        Sum of sqrt((left - f)^2 + (upper - f)^2), with zeros outside the plane.
    """
    # The kernel sums over the channels of a pixel, so these must be contiguous.
    pixels = np.ascontiguousarray(np.moveaxis(features, 0, -1), np.float32)
    out = np.empty(pixels.shape[:2], np.float32)
    yield from iter_parts(
        lambda band: _feature_change(pixels, *band, out), bands(len(out), 4 * thread_count())
    )
    return out


def iter_box_sum(values: FloatMap, window_px: int) -> Generator[None, None, FloatMap]:
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
        The sums. Equal windows have equal sums, wherever they are.

    Raises
    ------
    ConfigError
        If `window_px` is even or less than 1.
    """
    if window_px < 1 or window_px % 2 == 0:
        raise ConfigError(
            f"window_px={window_px}; accepted is an odd number of 1 or more, so that the window "
            "has a centre."
        )
    height, width = values.shape
    radius, unit = window_px // 2, _unit(values, window_px)
    sums = np.empty((height, width), np.int64)
    out = np.empty((height, width), np.float32)
    # More parts than threads, so that a slow one does not delay the end by much.
    parts = 4 * thread_count()
    yield from iter_parts(
        lambda band: _sum_along_rows(values, radius, unit, *band, sums), bands(height, parts)
    )

    def sum_columns(span: tuple[int, int]) -> None:
        running = np.zeros(span[1] - span[0], np.int64)
        _sum_along_columns(sums, radius, unit, *span, running, out)

    yield from iter_parts(sum_columns, bands(width, parts))
    return out


def _unit(values: FloatMap, window_px: int) -> float:
    """Choose the unit of the fixed-point numbers: the smallest that the largest sum allows."""
    largest = float(values.max()) * window_px**2
    # An int64 has 63 bits besides its sign. Two are spare, since values are rounded and the running
    # sum adds a pixel before it subtracts one.
    bits = min(FRACTION_BITS, 61 - math.frexp(largest)[1])
    return 2.0**-bits


@kernel
def _feature_change(pixels: AnyArray, start: int, stop: int, out: AnyArray) -> None:
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


@kernel
def _sum_along_rows(
    values: AnyArray, radius: int, unit: float, start: int, stop: int, sums: AnyArray
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


@kernel
def _sum_along_columns(
    sums: AnyArray,
    radius: int,
    unit: float,
    start: int,
    stop: int,
    running: AnyArray,
    out: AnyArray,
) -> None:
    """Fill columns `start` to `stop` of `out` with sums of 2 `radius` + 1 rows, from zeros on."""
    height = sums.shape[0]
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
