"""Metrics of an all-in-focus image alone, which noise and false edges raise."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_umis_fusion.metrics._grey_levels import (
    LEVELS,
    BlackWhite,
    bits,
    grey_range_of,
    read_pixels,
    to_grey_levels,
    to_levels,
)


def average_gradient(image: ArrayLike, *, grey_range: BlackWhite | None = None) -> float:
    """Return the average gradient: mean of sqrt((dx^2 + dy^2) / 2), on grey from 0 to 255.

    Forward differences over the (Y - 1) x (X - 1) pixels that have both.

    Rewards wrongly: noise, false edges, ringing and sharpening.

    Parameters
    ----------
    image : array-like of shape (Y, X) or (Y, X, C)
        At least 2 x 2.
    grey_range : (float, float), optional
        Black and white. By default the limits of the dtype; needed for floats.

    Raises
    ------
    ConfigError
        If a float image has no `grey_range`, or the range is empty.
    StackError
        If the shape is another or smaller, or values are not finite.
    """
    grey = _read_grey(image, grey_range, smallest_px=2).astype(np.float64)
    along_x = grey[:-1, 1:] - grey[:-1, :-1]
    along_y = grey[1:, :-1] - grey[:-1, :-1]
    return float(np.sqrt((along_x**2 + along_y**2) / 2).mean())


def spatial_frequency(image: ArrayLike, *, grey_range: BlackWhite | None = None) -> float:
    """Return the spatial frequency: sqrt(RF^2 + CF^2), on grey from 0 to 255.

    RF^2 and CF^2 are the sums of squared differences to the left and to the top neighbour, over
    the pixels that have both, divided by Y X.

    Rewards wrongly: the same as `average_gradient`, and a few strong edges more than fine texture.

    Parameters
    ----------
    image : array-like of shape (Y, X) or (Y, X, C)
        At least 2 x 2.
    grey_range : (float, float), optional
        Black and white. By default the limits of the dtype; needed for floats.

    Raises
    ------
    ConfigError
        If a float image has no `grey_range`, or the range is empty.
    StackError
        If the shape is another or smaller, or values are not finite.
    """
    grey = _read_grey(image, grey_range, smallest_px=2).astype(np.float64)
    left = grey[1:, 1:] - grey[1:, :-1]
    top = grey[1:, 1:] - grey[:-1, 1:]
    return float(np.sqrt(((left**2).sum() + (top**2).sum()) / grey.size))


def entropy(image: ArrayLike, *, grey_range: BlackWhite | None = None) -> float:
    """Return the Shannon entropy of the grey levels, 0 to 8 bits.

    It is that of the histogram of grey rounded to 256 levels. If the image fills only a part of
    `grey_range`, as 12-bit values do in a 16-bit file, few levels are used: give the range that it
    fills.

    Rewards wrongly: noise, which fills the histogram, and uneven background. It does not depend on
    the positions of pixels: shuffled, they have the same entropy.

    Parameters
    ----------
    image : array-like of shape (Y, X) or (Y, X, C)
        Any image.
    grey_range : (float, float), optional
        Black and white. By default the limits of the dtype; needed for floats.

    Raises
    ------
    ConfigError
        If a float image has no `grey_range`, or the range is empty.
    StackError
        If the shape is another, or values are not finite.

    References
    ----------
    .. [1] C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948),
       https://doi.org/10.1002/j.1538-7305.1948.tb01338.x
    """
    levels = to_levels(_read_grey(image, grey_range))
    return bits(np.bincount(levels.ravel(), minlength=LEVELS))


def standard_deviation(image: ArrayLike, *, grey_range: BlackWhite | None = None) -> float:
    """Return the standard deviation of grey from 0 to 255, over all pixels: 0 to 127.5.

    Rewards wrongly: noise, stretched contrast and uneven illumination. It does not depend on the
    positions of pixels, and blur narrower than the structures hardly lowers it.

    Parameters
    ----------
    image : array-like of shape (Y, X) or (Y, X, C)
        Any image.
    grey_range : (float, float), optional
        Black and white. By default the limits of the dtype; needed for floats.

    Raises
    ------
    ConfigError
        If a float image has no `grey_range`, or the range is empty.
    StackError
        If the shape is another, or values are not finite.
    """
    return float(_read_grey(image, grey_range).std(dtype=np.float64))


def _read_grey(
    image: ArrayLike, grey_range: BlackWhite | None, *, smallest_px: int = 1
) -> NDArray[np.float32]:
    pixels = read_pixels(image, smallest_px=smallest_px)
    return to_grey_levels(pixels, grey_range_of(pixels, grey_range))
