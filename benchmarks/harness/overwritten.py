"""Planes that show something else than the specimen, in part or as a whole."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Stack = NDArray[Any]

Spoil = Callable[[Stack, float, int], Stack]
"""What becomes of a plane, given the highest value that the camera knows and its number."""


def block_lost(plane: Stack, top: float, _: int) -> Stack:
    """Put six blocks of the middle value into a plane, as packets that were lost leave them."""
    lost = plane.copy()
    places = np.random.default_rng(0).integers(0, np.subtract(plane.shape[:2], 24), (6, 2))
    for row, column in places:
        lost[row : row + 24, column : column + 24] = round(top / 2)
    return lost


def with_scale_bar(plane: Stack, top: float, _: int) -> Stack:
    shown = plane.copy()
    shown[-20:-14, -60:-16] = top
    return shown


def cut_short(plane: Stack, _: float, __: int) -> Stack:
    """Repeat a line to the end, as readers do with files that end early."""
    cut = plane.copy()
    start = round(0.6 * len(plane))
    cut[start:] = plane[start]
    return cut


def part_lit(gain: float) -> Spoil:
    def spoil(plane: Stack, _: float, __: int) -> Stack:
        lit = plane.copy()
        lit[len(plane) // 3 :] = np.rint(gain * plane[len(plane) // 3 :])
        return lit

    return spoil


def moved_and_padded(plane: Stack, _: float, __: int) -> Stack:
    moved = np.roll(plane, (6, -9), (0, 1))
    moved[:6], moved[:, -9:] = 0, 0
    return moved


def another_texture(plane: Stack, top: float, z: int) -> Stack:
    """Return fine texture of the same mean and contrast."""
    blur = (1, 1, 0)[: plane.ndim]
    detail = gaussian_filter(np.random.default_rng(z).normal(0, 1, plane.shape), blur)
    values = plane.mean() + detail / detail.std() * plane.std()
    return np.clip(np.rint(values), 0, top).astype(plane.dtype)


def speckled(plane: Stack, top: float, z: int) -> Stack:
    rng, spoilt = np.random.default_rng(z), plane.copy()
    places = rng.choice(plane.shape[0] * plane.shape[1], 20)
    spoilt.reshape(-1, *plane.shape[2:])[places] = top
    return spoilt


def hit(sides: tuple[int, int]) -> Spoil:
    """Put ten blocks of pixels of the highest value into a plane."""

    def spoil(plane: Stack, top: float, z: int) -> Stack:
        places, spoilt = np.subtract(plane.shape[:2], sides), plane.copy()
        for row, column in np.random.default_rng(z).integers(0, places, (10, 2)):
            spoilt[row : row + sides[0], column : column + sides[1]] = top
        return spoilt

    return spoil


def salted(share: float) -> Spoil:
    def spoil(plane: Stack, top: float, z: int) -> Stack:
        drawn, spoilt = np.random.default_rng(z).random(plane.shape[:2]), plane.copy()
        spoilt[drawn < share / 2], spoilt[drawn > 1 - share / 2] = 0, top
        return spoilt

    return spoil
