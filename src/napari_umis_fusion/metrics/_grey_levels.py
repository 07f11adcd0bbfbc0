"""Grey images, levels and edges on which the metrics are computed."""

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
        If a float image has no range, or the range is empty.
    """
    if given is not None:
        low, high = given
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ConfigError(f"grey_range is {given!r}; accepted is (black, white), black first.")
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
        If the number of axes differs, a side is shorter than `smallest_px`, or values are not
        finite.
    """
    pixels = np.asarray(image)
    if pixels.ndim not in (2, 3) or min(pixels.shape[:2]) < smallest_px:
        raise StackError(
            f"the image has shape {pixels.shape}; accepted is (Y, X[, C]) "
            f"of at least {smallest_px} x {smallest_px} px."
        )
    check_finite("the image", pixels)
    return pixels


def to_grey_levels(pixels: NDArray[Any], grey_range: BlackWhite) -> NDArray[np.float32]:
    """Convert to grey from 0 to 255: luminance of RGB and RGBA, the mean of other channels."""
    low, high = grey_range
    values = pixels.astype(np.float32)
    if values.ndim == 3:
        colour = values.shape[2] in (3, 4)
        values = values[..., :3] @ _ITU_R_601 if colour else values.mean(axis=2)
    return np.asarray((values - np.float32(low)) * np.float32(255 / (high - low)))


def to_levels(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round grey to the nearest of 256 levels, clipped to black and white."""
    return np.clip(np.rint(grey), 0, LEVELS - 1).astype(np.uint8)


def bits(counts: NDArray[np.integer[Any]]) -> float:
    """Return the Shannon entropy of a histogram, in bits."""
    share = counts[counts > 0] / counts.sum()
    return float((share * np.log2(1 / share)).sum())


def sobel(grey: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the Sobel gradient along y and x, in grey levels per pixel; edges are extended."""
    along_y, along_x = (scipy.ndimage.sobel(grey, axis, mode="nearest") for axis in (0, 1))
    # The kernel's weights of one side sum to 4, over a distance of 2 px.
    return along_y / np.float32(8), along_x / np.float32(8)


def check_same_shape(
    name: str, shape: tuple[int, ...], other: str, accepted: tuple[int, ...]
) -> None:
    """Raise `StackError` if two shapes differ."""
    if shape != accepted:
        raise StackError(f"{name} has shape {shape}; accepted is that of {other}, {accepted}.")


def check_finite(name: str, values: NDArray[Any]) -> None:
    """Raise `StackError` if values are infinite or not a number."""
    if not np.isfinite(values).all():
        raise StackError(
            f"{name} has values that are infinite or not a number; replace them, "
            "for instance with numpy.nan_to_num."
        )
