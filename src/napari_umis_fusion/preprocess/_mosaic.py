"""Colours side by side, as a camera records them behind a Bayer filter."""

from collections.abc import Sequence

import numpy as np

from napari_umis_fusion.runtime import Float64Array, FloatMap
from napari_umis_fusion.stack import Plane

MIN_LEVELS = 16
"""Different values in a tile: fewer are a drawing, or dithered."""

TILE_PX = 32
"""Side of the tiles whose colours are compared: even, so that each begins with the same colour."""

MIN_CONTRAST = 0.03
"""Difference between two colours, as a share of what the plane spans."""

MIN_RATIO = 4.0
"""The same, relative to the difference between the two pixels of one colour, green."""


def is_mosaic(tiles: Sequence[Plane]) -> bool:
    """Whether a plane shows a Bayer mosaic: of 2 x 2 pixels, two on a diagonal have one colour.

    Other patterns with a period of two pixels, such as columns or lines of a camera that reads them
    alternately, have no such diagonal.

    Parameters
    ----------
    tiles : sequence of ndarray of shape (Y, X)
        Parts of it as recorded, all beginning on even rows and columns, or all of it; at least 64
        px high and wide. Planes with channels are no mosaics.
    """
    if not tiles or any(not _can_tell(tile) for tile in tiles):
        return False
    parts = [_even(tile) for tile in tiles]
    low, high = np.percentile(np.concatenate([part.ravel() for part in parts]), (1, 99))
    if not high > low:
        return False
    if len(np.unique(parts[0][:TILE_PX, :TILE_PX])) < MIN_LEVELS:
        return False
    falling, rising, across = np.mean([_differences(part) for part in parts], axis=0)
    same, colours = min(falling, rising), max(falling, rising, across)
    return bool(colours > MIN_CONTRAST * (high - low) and colours > MIN_RATIO * same)


def grey_of_mosaic(grey: FloatMap, period: int = 2) -> FloatMap:
    """Return grey of a mosaic: without the waves that its colours draw.

    Colours change slowly from cell to cell, of which pixels at the same place have one colour. So
    what those around a pixel differ by from the mean of all colours, as they occur, is that of its
    colour, and is taken off: detail stays as fine as it was recorded.

    Parameters
    ----------
    grey : ndarray of shape (Y, X), float32
        Grey levels of the mosaic.
    period : int
        Pixels after which colours repeat; even.

    Returns
    -------
    ndarray of shape (Y, X), float32
        Of a Bayer mosaic of one colour, a quarter red, half green and a quarter blue. Continued
        beyond the border in the order of colours.

    References
    ----------
    .. [1] Alleysson, D., Susstrunk, S., Herault, J., "Linear demosaicing inspired by the human
       visual system", IEEE Transactions on Image Processing 14 (2005).
       https://doi.org/10.1109/TIP.2004.841200
    """
    all_colours = np.full(period + 1, 1 / period, np.float32)
    all_colours[[0, -1]] /= 2
    same_colour = np.zeros(2 * period + 1, np.float32)
    same_colour[::period] = 0.25, 0.5, 0.25
    colour = np.subtract(grey, _convolved(grey, all_colours, period), dtype=np.float32)
    return np.ascontiguousarray(grey - _convolved(colour, same_colour, period), np.float32)


def _convolved(grey: FloatMap, kernel: FloatMap, period: int) -> FloatMap:
    """Convolve along y and x; no longer to either side than the colours need to repeat."""
    from scipy.ndimage import convolve1d

    half = len(kernel) // 2
    for axis in (0, 1):
        size = grey.shape[axis]
        places = np.arange(-half, size + half)
        if size >= period:
            places[:half] += period
            places[size + half :] -= period
        continued = np.take(grey, np.clip(places, 0, size - 1), axis=axis)
        inner = convolve1d(continued, kernel, axis=axis)
        grey = inner[half : half + size] if axis == 0 else inner[:, half : half + size]
    return grey


def _can_tell(tile: Plane) -> bool:
    is_large = tile.ndim == 2 and min(tile.shape) >= 2 * TILE_PX and tile.dtype != np.bool_
    return is_large and bool(np.isfinite(tile).all())


def _even(tile: Plane) -> Float64Array:
    """Return whole tiles of `TILE_PX`."""
    height, width = (size - size % TILE_PX for size in tile.shape)
    return tile[:height, :width].astype(np.float64)


def _differences(values: Float64Array) -> tuple[float, float, float]:
    """Return those between the pixels of one diagonal, of the other, and between diagonals."""
    first, second, third, fourth = (
        values[down::2, along::2] for down in (0, 1) for along in (0, 1)
    )
    across = _usual(first + fourth - second - third) / 2
    return _usual(first - fourth), _usual(second - third), across


def _usual(differences: Float64Array) -> float:
    """Return the mean over tiles of the size of their median, which lines do not change."""
    side = TILE_PX // 2
    down, along = differences.shape[0] // side, differences.shape[1] // side
    tiles = differences.reshape(down, side, along, side)
    return float(np.abs(np.median(tiles, axis=(1, 3))).mean())
