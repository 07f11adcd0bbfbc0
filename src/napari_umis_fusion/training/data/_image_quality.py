"""The quality of a training image: sharpness, brightness, and share of detail."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, uniform_filter

Grey = NDArray[np.float32]

THUMBNAIL_PX = 32

_TILE_PX, _TILES = 128, 3
"""Side of the tiles in which sharpness is measured, and their largest number per side."""

_FINE, _MIDDLE, _COARSE = 0.8, 1.6, 3.2
"""Sigmas of Gaussians in px; their differences are the two bands that are compared."""

_NOISE_FINE, _NOISE_COARSE = 0.0577, 0.0143
"""Share of the variance of white noise in each of the two bands."""

_QUIET_BIAS = 0.65
"""Noise in the quietest tenth of windows, relative to all; measured on white noise."""

_MIN_ENERGY = (0.5 / 255) ** 2
"""Energy of the coarse band below which a tile has no detail to measure."""

_MIN_PX = 32
"""Smallest side of an image that can be measured."""

_BLOCK_PX = 16

_DETAIL = 2 / 255
"""Standard deviation above which a block has detail."""


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """Measurements of an image.

    Attributes
    ----------
    sharpness : float
        Fine detail relative to coarser detail; see `sharpness`. NaN without measurable detail.
    bright, dark : float
        Shares of the pixels at the upper and at the lower end of the range.
    span : float
        Difference of the 99th and the 1st percentile, 0 to 1.
    detail : float
        Share of the image with detail, 0 to 1.
    thumbnail : ndarray of shape (N,)
        Small copy without brightness and contrast, float32, of norm 1; 0 if the image is flat.
    """

    sharpness: float
    bright: float
    dark: float
    span: float
    detail: float
    thumbnail: Grey


def measure_quality(grey: Grey) -> Quality:
    """Measure an image.

    Parameters
    ----------
    grey : ndarray of shape (Y, X), float32
        0 to 1.
    """
    step = max(1, round((grey.size / 2**18) ** 0.5))
    sample = grey[::step, ::step]
    low, high = np.percentile(sample, (1, 99))
    return Quality(
        sharpness(grey),
        float(np.mean(sample >= 1 - 1e-4)),
        float(np.mean(sample <= 1e-4)),
        float(high - low),
        _detail(grey),
        thumbnail(grey),
    )


def sharpness(grey: Grey) -> float:
    """Compare fine detail with coarser detail.

    The ratio of the energies of two bands, between Gaussians of 0.8, 1.6 and 3.2 px, after
    subtracting the contribution of noise; it is independent of contrast and brightness. Defocus
    attenuates the fine band first. Of tiles across the image the upper quartile counts, because
    parts of a good image may be out of focus.

    Parameters
    ----------
    grey : ndarray of shape (Y, X), float32
        0 to 1.

    Returns
    -------
    float
        About 0.25 to 2 for images in focus, 0.08 to 0.16 for the same blurred by 3 px (sigma).
        NaN if no detail stands out from noise, or the image is smaller than 32 px.

    References
    ----------
    Noise is estimated as in J. Immerkær, "Fast noise variance estimation", Computer Vision and
    Image Understanding 64(2), 1996, doi:10.1006/cviu.1996.0060, in the quietest windows.
    """
    if min(grey.shape) < _MIN_PX:
        return float("nan")
    tiles = _tiles(grey)
    fine = gaussian_filter(tiles, (0, _FINE, _FINE))
    middle = _smoothed(fine, _FINE, _MIDDLE)
    coarse = _smoothed(middle, _MIDDLE, _COARSE)
    noise = _noise(tiles)
    upper = np.mean((fine - middle) ** 2, (1, 2)) - _NOISE_FINE * noise
    lower = np.mean((middle - coarse) ** 2, (1, 2)) - _NOISE_COARSE * noise
    stands_out = lower > np.maximum(_MIN_ENERGY, _NOISE_FINE * noise)
    if not stands_out.any():
        return float("nan")
    ratios = np.maximum(upper[stands_out], 0) / lower[stands_out]
    return float(np.percentile(ratios, 75))


def thumbnail(grey: Grey) -> Grey:
    """Return a small copy that does not depend on size, contrast and brightness of an image.

    The lowest frequencies are removed: many images of one microscope share its uneven illumination.
    """
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    tiny = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX), np.float32)
    detail = tiny - gaussian_filter(tiny, THUMBNAIL_PX / 8)
    length = float(np.linalg.norm(detail))
    flat = length < THUMBNAIL_PX * _DETAIL / 4
    return np.zeros(detail.size, np.float32) if flat else (detail / length).ravel()


def _tiles(grey: Grey) -> Grey:
    """Return evenly spaced tiles of the image: (N, Y, X)."""
    height, width = (min(_TILE_PX, side) for side in grey.shape)
    rows, columns = (
        np.linspace(0, side - size, min(_TILES, max(1, side // size))).astype(int)
        for side, size in zip(grey.shape, (height, width), strict=True)
    )
    return np.stack([grey[y : y + height, x : x + width] for y in rows for x in columns])


def _smoothed(tiles: Grey, before: float, after: float) -> Grey:
    """Smooth further, from one sigma to a larger one."""
    sigma = (after**2 - before**2) ** 0.5
    smooth: Grey = gaussian_filter(tiles, (0, sigma, sigma), truncate=3.0)
    return smooth


def _noise(tiles: Grey) -> Grey:
    """Return the variance of the noise in each tile."""
    across = tiles[:, :, 2:] - 2 * tiles[:, :, 1:-1] + tiles[:, :, :-2]
    both = across[:, 2:] - 2 * across[:, 1:-1] + across[:, :-2]
    variance = uniform_filter(both**2 / 36, (0, 9, 9))[:, 4::9, 4::9]
    quiet: Grey = np.percentile(variance, 10, axis=(1, 2)) / _QUIET_BIAS
    return quiet


def _detail(grey: Grey) -> float:
    block = min(_BLOCK_PX, *grey.shape)
    rows, columns = (side // block for side in grey.shape)
    height, width, shape = rows * block, columns * block, (rows, block, columns, block)
    # A quarter of the pixels is enough.
    blocks = grey[:height, :width].reshape(shape)[:, ::2, :, ::2]
    return float(np.mean(blocks.std(axis=(1, 3)) > _DETAIL))
