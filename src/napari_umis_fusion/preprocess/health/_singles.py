"""Specks of one pixel or two, told by how little of their light lies next to them."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

MIN_ALONE = 0.7
"""Share of its height over its surroundings by which a speck exceeds all pixels next to it but one,
and all of the planes around. A point drawn with a sigma of 0.65 px has a share of 0.7, with 1 px
one of 0.4; a line a pixel wide has two neighbours as bright as itself."""

MAX_SPREAD = 0.3
"""Light that the pixels next to it may have, as a share of its height: however small an image is,
it hardly ever lies within one pixel."""

MIN_GONE = 0.5
"""Share of its light that the planes around do not show anywhere near it."""

CORE_PX = 2
"""Half the side of its middle, which does not count."""

REACH_PX = 4
"""Half the side of the window that tells the noise."""


@njit(nogil=True, cache=True, error_model="numpy")
def mark_singles(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    least: float,
    noises: tuple[float, float],
    places: NDArray[np.int64],
    found: Mask,
) -> None:
    """Mark pixels that stand out by themselves; parameters as of `clusters_in`."""
    width = here.shape[1]
    for k in range(places.size):
        y, x = places[k] // width, places[k] % width
        value = here[y, x]
        above = value - max(before[y, x], after[y, x])
        below = min(before[y, x], after[y, x]) - value
        if above > least:
            sign, many = np.float32(1), noises[0]
        elif below > least:
            sign, many = np.float32(-1), noises[1]
        else:
            continue
        if _stands_out(here, before, after, y, x, sign, least, many):
            found[y, x] = True


@njit(nogil=True, cache=True, error_model="numpy")
def _stands_out(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    y: int,
    x: int,
    sign: np.float32,
    least: float,
    many: float,
) -> bool:
    height, width = here.shape
    value = sign * here[y, x]
    second, highest, others = -np.inf, -np.inf, -np.inf
    for i in range(max(0, y - 1), min(height, y + 2)):
        for j in range(max(0, x - 1), min(width, x + 2)):
            others = max(others, sign * before[i, j], sign * after[i, j])
            if i == y and j == x:
                continue
            near = sign * here[i, j]
            if near > highest:
                highest, second = near, highest
            elif near > second:
                second = near
        if value - max(second, others) <= least:
            return False
    alone = value - max(second, others)
    if not alone > least:  # nor where a value is NaN
        return False
    noise, count, core = 0.0, 0, 0
    light = np.zeros(3)  # in the plane, and in those around it: of the core, then of the rest
    rest = np.zeros(3)
    for i in range(max(0, y - REACH_PX), min(height, y + REACH_PX + 1)):
        for j in range(max(0, x - REACH_PX), min(width, x + REACH_PX + 1)):
            values = (here[i, j], before[i, j], after[i, j])
            if abs(i - y) <= CORE_PX and abs(j - x) <= CORE_PX:
                if abs(i - y) <= 1 and abs(j - x) <= 1:
                    core += 1
                    for k in range(3):
                        light[k] += sign * values[k]
                continue
            for k in range(3):
                rest[k] += sign * values[k]
            noise += abs(values[0] - (values[1] + values[2]) / 2)
            count += 1
    if count == 0:
        return False
    own = value - rest[0] / count
    light -= core * rest / count
    # Defocus spreads light and keeps its amount; that of a speck is in its plane only.
    gone = light[0] - max(light[1], light[2])
    spread = light[0] - own
    if highest - rest[0] / count > own / 2:  # a speck of two pixels
        spread -= highest - rest[0] / count
    return bool(
        alone > MIN_ALONE * own
        and spread < MAX_SPREAD * own
        and gone > MIN_GONE * own
        and alone > many * noise / count
    )
