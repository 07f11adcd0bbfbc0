"""Separable convolution with symmetric taps, as numba kernels.

Inputs include the border that the taps need; outputs are the valid part. Every output value is
the same sum in the same order wherever it is, so that tiles equal the whole to the last bit.
"""

import math

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.runtime import AnyArray, FloatMap, kernel

Taps = FloatMap
"""The centre tap and those to its right; those to its left are equal."""

TRUNCATE = 4.0
"""Gaussians are truncated at this many sigmas, as in `scipy.ndimage`."""


def gaussian_radius(sigma_px: float) -> int:
    """Return the radius of the taps of a Gaussian, in px."""
    return math.floor(TRUNCATE * sigma_px + 0.5)


def gaussian_taps(sigma_px: float) -> Taps:
    """Return the taps of a Gaussian whose sum is 1."""
    taps = _gaussian(sigma_px)
    return taps.astype(np.float32)


def gaussian_second_derivative_taps(sigma_px: float) -> Taps:
    """Return the taps of the second derivative of a Gaussian, with sum 0."""
    x = np.arange(gaussian_radius(sigma_px) + 1)
    taps = _gaussian(sigma_px) * (x**2 / sigma_px**2 - 1) / sigma_px**2
    # Sampling and truncation leave a small sum, which would respond to constant brightness.
    taps[0] -= taps[0] + 2 * taps[1:].sum()
    return taps.astype(np.float32)


def _gaussian(sigma_px: float) -> NDArray[np.float64]:
    x = np.arange(gaussian_radius(sigma_px) + 1)
    taps = np.exp(-0.5 * (x / sigma_px) ** 2)
    total: NDArray[np.float64] = taps / (taps[0] + 2 * taps[1:].sum())
    return total


@kernel
def convolve_rows(image: AnyArray, taps: AnyArray, out: AnyArray) -> None:
    """Convolve along x: `image` (H, W + 2 r) to `out` (H, W), r = taps.size - 1."""
    # Taps outside, pixels inside: the inner loop runs along a row, and vectorises. With two taps at
    # once, a sum is loaded and stored half as often; it is the same, in the same order.
    radius = taps.size - 1
    width = out.shape[1]
    for y in range(out.shape[0]):
        row = image[y]
        target = out[y]
        centre = row[radius : radius + width]
        for x in range(width):
            target[x] = taps[0] * centre[x]
        for j in range(1, radius, 2):
            tap, next_tap = taps[j], taps[j + 1]
            left = row[radius - j - 1 : radius - j + width]
            right = row[radius + j : radius + j + 1 + width]
            for x in range(width):
                near = target[x] + tap * (left[x + 1] + right[x])
                target[x] = near + next_tap * (left[x] + right[x + 1])
        if radius % 2:
            tap, right = taps[radius], row[2 * radius : 2 * radius + width]
            for x in range(width):
                target[x] += tap * (row[x] + right[x])


@kernel
def convolve_columns(image: AnyArray, taps: AnyArray, out: AnyArray) -> None:
    """Convolve along y: `image` (H + 2 r, W) to `out` (H, W), r = taps.size - 1."""
    radius = taps.size - 1
    width = out.shape[1]
    for y in range(out.shape[0]):
        target = out[y]
        middle = y + radius
        centre = image[middle]
        for x in range(width):
            target[x] = taps[0] * centre[x]
        for j in range(1, radius, 2):
            tap, next_tap = taps[j], taps[j + 1]
            above, below = image[middle - j], image[middle + j]
            far_above, far_below = image[middle - j - 1], image[middle + j + 1]
            for x in range(width):
                near = target[x] + tap * (above[x] + below[x])
                target[x] = near + next_tap * (far_above[x] + far_below[x])
        if radius % 2:
            tap, above, below = taps[radius], image[y], image[middle + radius]
            for x in range(width):
                target[x] += tap * (above[x] + below[x])


def smooth(image: FloatMap, taps: Taps) -> FloatMap:
    """Convolve (H + 2 r, W + 2 r) with the taps along both axes, to (H, W)."""
    reach = 2 * (taps.size - 1)
    height, width = image.shape
    rows = np.empty((height, width - reach), np.float32)
    out = np.empty((height - reach, width - reach), np.float32)
    convolve_rows(image, taps, rows)
    convolve_columns(rows, taps, out)
    return out
