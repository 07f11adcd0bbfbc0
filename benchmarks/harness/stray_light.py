"""Light of another origin in a plane: glare, shadows, second exposures, ghosts, other colours."""

import numpy as np
from scipy.ndimage import gaussian_filter

from harness.overwritten import Spoil, Stack

PLACE, SIZE = (0.4, 0.6), 0.2
"""Where glare is brightest, and its sigma, as shares of the sides of a plane."""


def glare(level: float, size: float = SIZE) -> Spoil:
    """Add a smooth spot of light, as a share of the camera's range."""
    return lambda plane, top, _: _recorded(plane, plane + level * top * _spot(plane, size), top)


def shadow(share: float) -> Spoil:
    """Take a share of the light away in a smooth spot."""
    return lambda plane, top, _: _recorded(plane, plane * (1 - share * _spot(plane, SIZE)), top)


def vignette(share: float) -> Spoil:
    """Take a share of the light away in the corners."""

    def spoil(plane: Stack, top: float, _: int) -> Stack:
        rows, columns = (np.linspace(-1, 1, side) ** 2 / 2 for side in plane.shape[:2])
        lost = share * (rows[:, None] + columns)
        return _recorded(plane, plane * (1 - _like(lost, plane)), top)

    return spoil


def exposed_twice(rows: int, columns: int) -> Spoil:
    """Return the mean of a plane and of itself at another place."""

    def spoil(plane: Stack, top: float, _: int) -> Stack:
        return _recorded(
            plane, (plane + np.roll(plane.astype(float), (rows, columns), (0, 1))) / 2, top
        )

    return spoil


def ghost(share: float) -> Spoil:
    """Add a blurred reflection of a plane, turned by 180°."""

    def spoil(plane: Stack, top: float, _: int) -> Stack:
        reflected = plane[::-1, ::-1].astype(np.float64)
        blurred = gaussian_filter(reflected, (1, 1, 0)[: plane.ndim])
        return _recorded(plane, plane + share * blurred, top)

    return spoil


def tinted(*gains: float) -> Spoil:
    """Give each channel a gain; grey planes stay."""
    return lambda plane, top, _: (
        plane if plane.ndim == 2 else _recorded(plane, plane * np.array(gains), top)
    )


def _spot(plane: Stack, size: float) -> Stack:
    rows, columns = (
        (np.arange(side) / side - place) / size
        for side, place in zip(plane.shape[:2], PLACE, strict=True)
    )
    return _like(np.exp(-(rows[:, None] ** 2 + columns**2) / 2), plane)


def _like(values: Stack, plane: Stack) -> Stack:
    return values if plane.ndim == 2 else values[..., None]


def _recorded(plane: Stack, values: Stack, top: float) -> Stack:
    return np.clip(np.rint(values), 0, top).astype(plane.dtype)
