"""Detail of planes that is not the specimen's."""

import numpy as np
from scipy.ndimage import gaussian_filter

from harness.overwritten import Spoil, Stack

PERIOD_PX = 6.0
"""Of fringes, on a slant of 30°."""


def coarse_noise(level: float) -> Spoil:
    """Add noise with a sigma of 1.5 px; its standard deviation is a share of the camera's range."""

    def spoil(plane: Stack, top: float, z: int) -> Stack:
        noise = gaussian_filter(np.random.default_rng(z).normal(0, 1, plane.shape[:2]), 1.5)
        return _added(plane, level * top * noise / noise.std(), top)

    return spoil


def fringes(level: float) -> Spoil:
    """Add interference fringes, whose amplitude is a share of the camera's range."""

    def spoil(plane: Stack, top: float, _: int) -> Stack:
        rows, columns = np.mgrid[: plane.shape[0], : plane.shape[1]]
        phase = (rows + np.sqrt(3) * columns) * np.pi / PERIOD_PX
        return _added(plane, level * top * np.sin(phase), top)

    return spoil


def row_noise(level: float) -> Spoil:
    """Make rows brighter or darker, each by itself, by a share of the camera's range."""

    def spoil(plane: Stack, top: float, z: int) -> Stack:
        noise = np.random.default_rng(z).normal(0, level * top, (len(plane), 1))
        return _added(plane, np.broadcast_to(noise, plane.shape[:2]), top)

    return spoil


def sharpened(plane: Stack, top: float, _: int) -> Stack:
    blur = (1.5, 1.5, 0)[: plane.ndim]
    values = plane + 2.0 * (plane - gaussian_filter(plane.astype(np.float64), blur))
    return np.clip(np.rint(values), 0, top).astype(plane.dtype)


def in_large_pixels(plane: Stack, _: float, __: int) -> Stack:
    """Return a plane as one that was recorded with 4 x 4 pixels in one."""
    large = plane[::4, ::4].repeat(4, 0).repeat(4, 1)
    return large[: plane.shape[0], : plane.shape[1]]


def _added(plane: Stack, values: Stack, top: float) -> Stack:
    added = plane + (values if plane.ndim == 2 else values[..., None])
    return np.clip(np.rint(added), 0, top).astype(plane.dtype)
