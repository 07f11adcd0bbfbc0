"""The finest detail of grey images, in two octaves.

Images may come in stacks: all functions take arrays of shape (Y, X) and (..., Y, X) alike. The
kernels add as `scipy.ndimage.convolve1d` does and give the same to the last bit; they are here
because the import of scipy takes longer than a look at a small stack.
"""

import math

import numpy as np

from napari_umis_fusion.runtime import AnyArray, FloatMap, kernel

BANDS = 3

OCTAVES = 2
"""Lenses pass little of the first; of the second, what shows lines and spots of a few pixels."""

REACH_PX = 2 * (2**OCTAVES - 1)
"""How far the detail of a pixel depends on others."""

_BINOMIAL = (6 / 16, 4 / 16, 1 / 16)
_ALTERNATING = (6 / 16, -4 / 16, 1 / 16)
"""The middle tap, and those on either side."""


def octaves(grey: FloatMap) -> list[FloatMap]:
    """Return the detail between a grey image and a smooth one, and the next octave below.

    Parameters
    ----------
    grey : ndarray of shape (..., Y, X), float32
        Mirrored beyond its border.

    Returns
    -------
    list of ndarray of that shape, float32
        `OCTAVES` of them, the finest first.
    """
    found: list[FloatMap] = []
    for octave in range(OCTAVES):
        smooth = _smooth(grey, 2**octave)
        found.append(grey - smooth)
        grey = smooth
    return found


def bands(grey: FloatMap) -> list[FloatMap]:
    """Return `octaves`, the first of them in two parts: what no lens shows, and the rest."""
    first, second = octaves(grey)
    sharpest = finest(first)
    return [sharpest, first - sharpest, second]


def finest(grey: FloatMap) -> FloatMap:
    """Return the first of `octaves`."""
    return grey - _smooth(grey, 1)


def alternation(grey: FloatMap, axis: int, step: int = 1) -> FloatMap:
    """Return the detail that changes its sign from pixel to pixel, which no lens shows.

    Parameters
    ----------
    grey : ndarray of shape (..., Y, X), float32
        Mirrored beyond its border.
    axis : int
        Along which it changes.
    step : int
        2: from every second pixel to the next but one; noise of pixels has as much of that.
    """
    return _convolved(grey, _ALTERNATING, step, axis)


def _smooth(grey: FloatMap, step: int) -> FloatMap:
    return _convolved(_convolved(grey, _BINOMIAL, step, 0), _BINOMIAL, step, 1)


def _convolved(grey: FloatMap, taps: tuple[float, float, float], step: int, axis: int) -> FloatMap:
    """Convolve along y (axis 0) or x (axis 1) with symmetric taps, `step` pixels apart."""
    images = np.ascontiguousarray(grey, np.float32)
    found = np.empty_like(images)
    middle, near, far = taps
    shape = (math.prod(images.shape[:-2]), *images.shape[-2:])
    given = images.reshape(shape), middle, near, far, step
    if axis:
        _along_x(*given, np.empty(shape[2] + 4 * step), found.reshape(shape))
    else:
        _along_y(*given, found.reshape(shape))
    return found


@kernel
def _along_y(
    images: AnyArray, middle: float, near: float, far: float, step: int, out: AnyArray
) -> None:
    height, width = images.shape[1:]
    for n in range(images.shape[0]):
        image = images[n]
        for y in range(height):
            one, two = image[_mirrored(y - 2 * step, height)], image[_mirrored(y - step, height)]
            here, line = image[y], out[n, y]
            four, five = image[_mirrored(y + step, height)], image[_mirrored(y + 2 * step, height)]
            for x in range(width):
                total = np.float64(here[x]) * middle
                total += (np.float64(one[x]) + np.float64(five[x])) * far
                line[x] = total + (np.float64(two[x]) + np.float64(four[x])) * near


@kernel
def _along_x(
    images: AnyArray,
    middle: float,
    near: float,
    far: float,
    step: int,
    line: AnyArray,
    out: AnyArray,
) -> None:
    width, reach = images.shape[2], 2 * step
    for n in range(images.shape[0]):
        for y in range(images.shape[1]):
            for x in range(reach):
                line[x] = images[n, y, _mirrored(x - reach, width)]
                line[reach + width + x] = images[n, y, _mirrored(width + x, width)]
            for x in range(width):
                line[reach + x] = images[n, y, x]
            for x in range(width):
                total = line[x + reach] * middle
                total += (line[x] + line[x + 2 * reach]) * far
                out[n, y, x] = total + (line[x + step] + line[x + 3 * step]) * near


@kernel
def _mirrored(place: int, size: int) -> int:
    """Return a place within a line of which the border pixel is not repeated."""
    if size == 1:
        return 0
    place = abs(place) % (2 * size - 2)
    return min(place, 2 * size - 2 - place)
