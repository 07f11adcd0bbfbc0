"""Parts of one value that one plane alone has: lost blocks, scale bars, labels, and large hits.

What a lens draws differs from the planes before and after on both sides of its edge, since defocus
spreads light across it. What overwrites a picture ends where it ends: the pixel next to it
shows what the other planes show.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._clusters import ALONG, NEAR

Mask = NDArray[np.bool_]

SEED_HEIGHT = 2.0
"""By so many times the least height of a speck, four equal pixels differ from the planes around."""

MIN_PX = 9
"""Pixels of a part at least."""

MIN_BLOCK_PX, MIN_FILL, MIN_BLOCK_STEPS = 12, 0.95, 0.5
"""Height and width of a rectangle from which on the pixels next to it need not be quiet, which
share of it is equal, and how many of them need a step: detail is nowhere so even but where values
are cut off, or in blocks of eight that a file compressed, which are as bright as the next ones."""

MIN_APART = 0.5
"""Share of the part that differs from the planes around, by the least height of a speck."""

MAX_BESIDE, MIN_QUIET = 0.2, 0.85
"""Of the pixels next to a part, so many differ from the planes around by less than this share of
what the part itself does..."""

MIN_STEP, MIN_STEPS = 0.5, 0.85
"""...and so many from the part itself by more than this share of it."""

MANY = 6.0
"""By so many times what those pixels differ from the planes around, the part does."""

MANY_IN_NOISE, MANY_BESIDE, MAX_LIT = 3.0, 1.5, 0.1
"""Noise makes no nine pixels equal, but where it is cut off: so many times suffice where each of
those pixels differs by up to so many times what they do in the mean, and all of them together by
less than this share of what the part does: next to a highlight that is cut off lies light."""


@njit(nogil=True, cache=True, error_model="numpy")
def mark_flat_parts(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    least: float,
    places: NDArray[np.int64],
    found: Mask,
) -> None:
    """Mark parts of one value that nothing but overwriting explains.

    Parameters
    ----------
    here, before, after : ndarray of shape (Y, X), float32
        A part of the plane, and of those around it.
    least : float
        Least height of a speck.
    places : ndarray of shape (N,), int64
        Where parts may begin: all pixels that differ by `least`, as indices of the flattened array.
        What begins there is followed to the ends of the array.
    found : ndarray of shape (Y, X), bool
        To be marked.
    """
    seen = np.zeros((0, 0), np.bool_)  # of planes without any such part, nothing is kept
    pixels = np.empty((256, 2), np.int64)
    height, width = here.shape
    for at in range(places.size):
        y, x = places[at] // width, places[at] % width
        if y == height - 1 or x == width - 1:
            continue
        value = here[y, x]
        if value != here[y, x + 1] or value != here[y + 1, x] or value != here[y + 1, x + 1]:
            continue
        if not _beyond(value, before[y, x], after[y, x]) > SEED_HEIGHT * least:
            continue
        if not seen.size:
            seen = np.zeros(here.shape, np.bool_)
        if seen[y, x]:
            continue
        size, pixels = _grow(here, y, x, seen, pixels)
        part, apart, total = pixels[:size], 0, 0.0
        for k in range(size):
            i, j = part[k, 0], part[k, 1]
            far = _beyond(value, before[i, j], after[i, j])
            apart += far > least
            total += max(far, 0.0)
        if size < MIN_PX or apart < MIN_APART * size:
            continue
        is_block = _is_block(part) and _is_between(here, value)
        if _ends_abruptly(here, before, after, total / size, part, is_block):
            for k in range(size):
                found[part[k, 0], part[k, 1]] = True


@njit(nogil=True, cache=True, error_model="numpy")
def _grow(
    here: NDArray[Any], y: int, x: int, seen: Mask, pixels: NDArray[np.int64]
) -> tuple[int, NDArray[np.int64]]:
    """Return how many pixels hang together and hold one value, and an array that holds them."""
    value = here[y, x]
    seen[y, x] = True
    pixels[0, 0], pixels[0, 1] = y, x
    size, done = 1, 0
    while done < size:
        for k in range(4):
            i, j = pixels[done, 0] + ALONG[k][0], pixels[done, 1] + ALONG[k][1]
            if not (0 <= i < here.shape[0] and 0 <= j < here.shape[1]):
                continue
            if seen[i, j] or here[i, j] != value:
                continue
            if size == len(pixels):
                more = np.empty((2 * size, 2), np.int64)
                more[:size] = pixels
                pixels = more
            seen[i, j] = True
            pixels[size, 0], pixels[size, 1] = i, j
            size += 1
        done += 1
    return size, pixels


@njit(nogil=True, cache=True, error_model="numpy")
def _is_block(part: NDArray[np.int64]) -> bool:
    """Whether a part is a large rectangle."""
    top, left = bottom, right = part[0, 0], part[0, 1]
    for k in range(len(part)):
        top, bottom = min(top, part[k, 0]), max(bottom, part[k, 0])
        left, right = min(left, part[k, 1]), max(right, part[k, 1])
    height, width = bottom - top + 1, right - left + 1
    is_wide = min(height, width) >= MIN_BLOCK_PX
    return bool(is_wide and len(part) >= MIN_FILL * height * width)


@njit(nogil=True, cache=True, error_model="numpy")
def _is_between(here: NDArray[Any], value: float) -> bool:
    """Whether there are lower and higher values."""
    # Not `min` and `max` of arrays, for which numba loads all of its linear algebra, and scipy.
    is_higher = is_lower = False
    for y in range(here.shape[0]):
        for x in range(here.shape[1]):
            is_higher |= here[y, x] < value
            is_lower |= here[y, x] > value
        if is_higher and is_lower:
            return True
    return False


@njit(nogil=True, cache=True, error_model="numpy")
def _ends_abruptly(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    far: float,
    part: NDArray[np.int64],
    is_block: bool,
) -> bool:
    """Whether nearly all pixels next to a part are unlike it, and like the planes around."""
    value = here[part[0, 0], part[0, 1]]
    quiet = steps = count = 0
    noise = lit = 0.0
    is_loud = False
    for is_last in (False, True):
        for k in range(len(part)):
            for by in range(8):
                i, j = part[k, 0] + NEAR[by][0], part[k, 1] + NEAR[by][1]
                if not (0 <= i < here.shape[0] and 0 <= j < here.shape[1]) or here[i, j] == value:
                    continue
                if is_last:
                    most = MAX_BESIDE * far
                    if is_loud:
                        most = max(most, MANY_BESIDE * noise / count)
                    quiet += _beyond(here[i, j], before[i, j], after[i, j]) < most
                    continue
                count += 1
                steps += abs(here[i, j] - value) > MIN_STEP * far
                off = here[i, j] - (before[i, j] + after[i, j]) / 2
                noise += abs(off)
                lit += off
        if is_block:
            return steps >= MIN_BLOCK_STEPS * count
        is_loud = not far * count > MANY * noise
        if is_loud and not (
            far * count > MANY_IN_NOISE * noise and abs(lit) < MAX_LIT * far * count
        ):
            return False
    return quiet >= MIN_QUIET * count and steps >= MIN_STEPS * count


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _beyond(value: float, one: float, other: float) -> float:
    """Return how far a value lies outside of what two others span."""
    return max(value - max(one, other), min(one, other) - value)
