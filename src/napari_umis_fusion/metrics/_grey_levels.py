"""What the metrics see: grey from 0 to 255, its 256 levels, its edges."""

from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import ArrayLike, NDArray

from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.stack import LUMINANCE

BlackWhite = tuple[float, float]

LEVELS = 256

_ITU_R_601 = np.array(LUMINANCE, np.float32)


def grey_range_of(image: NDArray[Any], given: BlackWhite | None) -> BlackWhite:
    """Return the black and white of an image: those given, else the limits of its dtype.

    Raises
    ------
    ConfigError
        For a float image without a range, or a range that is empty.
    """
    if given is not None:
        low, high = given
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ConfigError(f"grey_range is {given!r}; give (black, white), black first.")
        return float(low), float(high)
    if image.dtype == bool:
        return 0.0, 1.0
    if not np.issubdtype(image.dtype, np.integer):
        raise ConfigError(
            f"the image is {image.dtype}, whose black and white are unknown; "
            "give grey_range=(black, white)."
        )
    return float(np.iinfo(image.dtype).min), float(np.iinfo(image.dtype).max)


def read_pixels(image: ArrayLike, *, smallest_px: int = 1) -> NDArray[Any]:
    """Return an image (Y, X[, C]) as an array.

    Raises
    ------
    StackError
        For another number of axes, a side below `smallest_px`, or values that are not finite.
    """
    pixels = np.asarray(image)
    if pixels.ndim not in (2, 3) or min(pixels.shape[:2]) < smallest_px:
        raise StackError(
            f"the image has shape {pixels.shape}; accepted is (Y, X[, C]) "
            f"from {smallest_px} x {smallest_px}."
        )
    check_finite("the image", pixels)
    return pixels


def to_grey_levels(pixels: NDArray[Any], grey_range: BlackWhite) -> NDArray[np.float32]:
    """Scale to 0..255; luminance of RGB and RGBA, the mean of any other channels."""
    low, high = grey_range
    values = pixels.astype(np.float32)
    if values.ndim == 3:
        colour = values.shape[2] in (3, 4)
        values = values[..., :3] @ _ITU_R_601 if colour else values.mean(axis=2)
    return np.asarray((values - np.float32(low)) * np.float32(255 / (high - low)))


def to_levels(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round grey to the nearest of the 256 levels; beyond black and white counts as those."""
    return np.clip(np.rint(grey), 0, LEVELS - 1).astype(np.uint8)


def bits(counts: NDArray[np.integer[Any]]) -> float:
    """Return the Shannon entropy of a histogram, in bits."""
    share = counts[counts > 0] / counts.sum()
    return float((share * np.log2(1 / share)).sum())


def sobel(grey: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the Sobel gradient along y and x, in grey levels per pixel; borders are repeated."""
    along_y, along_x = (scipy.ndimage.sobel(grey, axis, mode="nearest") for axis in (0, 1))
    return along_y / np.float32(8), along_x / np.float32(8)


def check_same_shape(
    name: str, shape: tuple[int, ...], other: str, accepted: tuple[int, ...]
) -> None:
    """Raise a `StackError` for two shapes that differ."""
    if shape != accepted:
        raise StackError(f"{name} has shape {shape}; accepted is that of {other}, {accepted}.")


def check_finite(name: str, values: NDArray[Any]) -> None:
    """Raise a `StackError` for values that are infinite or not a number."""
    if not np.isfinite(values).all():
        raise StackError(
            f"{name} has values that are infinite or not a number; replace them, "
            "for instance with numpy.nan_to_num."
        )
