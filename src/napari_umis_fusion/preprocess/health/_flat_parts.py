"""Parts of one value that one plane alone has: lost blocks, scale bars, labels, and large hits.

What a lens draws differs from the planes before and after on both sides of its edge, since defocus
spreads light across it. What overwrites a picture ends where it ends: the pixel next to it
shows what the other planes show.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._beyond import EVEN, NEAR, Beyond
from napari_umis_fusion.preprocess.health._clusters import ALONG
from napari_umis_fusion.runtime import kernel

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


def mark_flat_parts(beyond: Beyond, least: float, found: Mask) -> None:
    """Mark parts of one value that nothing but overwriting explains.

    Parameters
    ----------
    beyond : Beyond
        Where parts may begin. What begins there is followed to the ends of the planes.
    least : float
        Least height of a speck.
    found : ndarray of shape (Y, X), bool
        To be marked.
    """
    here, before, after = beyond.planes
    even = beyond.of_kind(EVEN)
    seeds = even.where(even.excess > SEED_HEIGHT * least)
    if len(seeds):  # of planes without any such part, nothing is kept
        ends = float(np.fmin.reduce(here, axis=None)), float(np.fmax.reduce(here, axis=None))
        seen, pixels = np.zeros(here.shape, np.bool_), np.empty((here.size, 2), np.int64)
        _follow_parts(here, before, after, seeds.places, least, ends, seen, pixels, found)


@kernel
def _follow_parts(
    here: NDArray[np.float32],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    places: NDArray[np.int64],
    least: float,
    ends: tuple[float, float],
    seen: Mask,
    pixels: NDArray[np.int64],
    found: Mask,
) -> None:
    """Mark parts that begin at some pixels; `seen` and `pixels` are space to work in."""
    width = here.shape[1]
    for at in range(places.size):
        y, x = places[at] // width, places[at] % width
        if seen[y, x]:
            continue
        size = _grow(here, y, x, seen, pixels)
        value, apart, total = here[y, x], 0, 0.0
        for k in range(size):
            one, other = before[pixels[k, 0], pixels[k, 1]], after[pixels[k, 0], pixels[k, 1]]
            far = max(value - max(one, other), min(one, other) - value)
            apart += far > least
            total += max(far, 0.0)
        if size < MIN_PX or apart < MIN_APART * size:
            continue
        is_block = ends[0] < value < ends[1] and _is_block(pixels, size)
        if _ends_abruptly(here, before, after, total / size, pixels, size, is_block):
            for k in range(size):
                found[pixels[k, 0], pixels[k, 1]] = True


@kernel
def _grow(here: NDArray[np.float32], y: int, x: int, seen: Mask, pixels: NDArray[np.int64]) -> int:
    """Fill `pixels` with those that hang together and hold one value; return how many."""
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
            seen[i, j] = True
            pixels[size, 0], pixels[size, 1] = i, j
            size += 1
        done += 1
    return size


@kernel
def _is_block(part: NDArray[np.int64], size: int) -> bool:
    """Whether a part is a large rectangle."""
    top, left = bottom, right = part[0, 0], part[0, 1]
    for k in range(size):
        top, bottom = min(top, part[k, 0]), max(bottom, part[k, 0])
        left, right = min(left, part[k, 1]), max(right, part[k, 1])
    height, width = bottom - top + 1, right - left + 1
    return bool(min(height, width) >= MIN_BLOCK_PX and size >= MIN_FILL * height * width)


@kernel
def _ends_abruptly(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    far: float,
    part: NDArray[np.int64],
    size: int,
    is_block: bool,
) -> bool:
    """Whether nearly all pixels next to a part are unlike it, and like the planes around."""
    value = here[part[0, 0], part[0, 1]]
    quiet = steps = count = 0
    noise = lit = 0.0
    most = MAX_BESIDE * far
    for is_last in range(2):
        for k in range(size):
            for by in range(8):
                i, j = part[k, 0] + NEAR[by][0], part[k, 1] + NEAR[by][1]
                if not (0 <= i < here.shape[0] and 0 <= j < here.shape[1]) or here[i, j] == value:
                    continue
                one, other = before[i, j], after[i, j]
                if is_last:
                    beyond = max(here[i, j] - max(one, other), min(one, other) - here[i, j])
                    quiet += beyond < most
                    continue
                count += 1
                steps += abs(here[i, j] - value) > MIN_STEP * far
                noise += abs(here[i, j] - (one + other) / 2)
                lit += here[i, j] - (one + other) / 2
        if is_block:
            return steps >= MIN_BLOCK_STEPS * count
        if not far * count > MANY * noise:
            if not (far * count > MANY_IN_NOISE * noise and abs(lit) < MAX_LIT * far * count):
                return False
            most = max(most, MANY_BESIDE * noise / count)
    return quiet >= MIN_QUIET * count and steps >= MIN_STEPS * count
