"""Textures: photographs that scikit-image ships, and procedural ones."""

from typing import Literal, get_args

import numpy as np
import scipy.fft
import scipy.ndimage

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.stack import LUMINANCE

# All are in scikit-image's wheel, so that none needs a download.
Photograph = Literal[
    "astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel"
]  # fmt: skip


def photograph(
    name: Photograph, shape: tuple[int, int], channels: int | None = None
) -> Float32Array:
    """Return a photograph of scikit-image, cropped about its centre or mirrored to a size.

    Parameters
    ----------
    name : str
        One of `Photograph`.
    shape : tuple of int
        (Y, X).
    channels : int or None
        3: colour. None: grey. Any other number: that many times the grey.

    Returns
    -------
    ndarray of float32, shape (Y, X) or (Y, X, C)
        From 0 to 1.
    """
    from skimage import data

    if name not in get_args(Photograph):
        known = ", ".join(get_args(Photograph))
        raise ConfigError(f"photograph is {name!r}; accepted are {known}.")
    image = _fit(np.asarray(getattr(data, name)(), np.float32), shape) / np.float32(255)
    if image.ndim == 3 and channels != 3:
        image = np.asarray(image @ np.array(LUMINANCE, np.float32))
    if image.ndim == 2 and channels is not None:
        image = np.repeat(image[..., None], channels, axis=2)
    return image


def _fit(image: Float32Array, shape: tuple[int, int]) -> Float32Array:
    missing = [max(0, n - m) for n, m in zip(shape, image.shape, strict=False)]
    margins = [(n // 2, n - n // 2) for n in missing] + [(0, 0)] * (image.ndim - 2)
    image = np.pad(image, margins, mode="symmetric")
    top, left = ((m - n) // 2 for n, m in zip(shape, image.shape, strict=False))
    return image[top : top + shape[0], left : left + shape[1]]


def fractal_noise(
    rng: np.random.Generator, shape: tuple[int, int], exponent: float = 1.0
) -> Float32Array:
    """Return noise whose amplitude falls with frequency to the power of `exponent`, 0 to 1.

    0 is white, 1 looks like a natural texture, 2 like clouds; 5 and 95 % quantiles lie at about
    0.2 and 0.8.
    """
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    # Removes the mean, and avoids a division by 0.
    frequency[0, 0] = np.inf
    spectrum = scipy.fft.rfft2(rng.standard_normal(shape, np.float32)) / frequency**exponent
    noise = scipy.fft.irfft2(spectrum, shape)
    noise *= 0.18 / max(float(noise.std()), 1e-12)
    return np.asarray(np.clip(0.5 + noise, 0, 1), np.float32)


def tinted(
    rng: np.random.Generator, grey: Float32Array, channels: int | None, spread: float = 0.3
) -> Float32Array:
    """Return a grey picture in colour: each channel raised to a random power about 1."""
    if channels is None:
        return grey
    powers = np.exp(spread * rng.standard_normal(channels)).astype(np.float32)
    return grey[..., None] ** powers


def smooth_field(
    rng: np.random.Generator, shape: tuple[int, int], low: float, high: float, waves: float = 3
) -> Float32Array:
    """Return smooth hills (Y, X) from `low` to `high`, about `waves` of them across."""
    nodes = [2 + round(2 * waves * n / min(shape)) for n in shape]
    hills = enlarge(rng.standard_normal(nodes, np.float32), shape)
    spread = max(float(np.ptp(hills)), 1e-12)
    return np.asarray(low + (high - low) / spread * (hills - hills.min()), np.float32)


def enlarge(coarse: Float32Array, shape: tuple[int, ...]) -> Float32Array:
    """Return a coarse grid (Y, X) enlarged to `shape` by cubic splines."""
    zoom = [n / m for n, m in zip(shape, coarse.shape, strict=True)]
    smooth = scipy.ndimage.zoom(coarse, zoom, order=3, mode="nearest", grid_mode=True)
    return np.asarray(smooth, np.float32)
