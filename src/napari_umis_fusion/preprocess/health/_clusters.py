"""Specks of several pixels: hits of particles and their tracks, blocks that blink.

A lens draws nothing with an edge that is sharper than its own blur: next to a thing of any size in
focus lie pixels of about a third of its light. Next to a cluster of pixels that took a hit lies
what lies around.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

MAX_PX = 28
"""Pixels of a cluster at most: five by five, or a track."""

MAX_SIDE_PX = 16
"""Length of a track at most, along either axis."""

AROUND_PX = 3
"""Width of what lies around a cluster, which tells what it stands out from."""

MIN_SHARE = 0.5
"""A pixel belongs to a cluster if it exceeds the planes around by this share of what its highest
pixel does."""

MAX_RIM = 0.1
"""Light next to a cluster, as a share of its own: 0.24 at the edge of a thing drawn with a sigma of
0.7 px, 0.35 with 1 px."""

MIN_ALONE, MAX_NEAR = 0.8, 0.4
"""So many of the pixels next to it have less than this share of its light."""

UNDERSHOOT, MAX_UNDER = 0.1, 0.25
"""If more than this share of the pixels next to it are darker than in other planes by a tenth of
its light, the camera sharpens pictures: there, edges tell nothing of the optics."""

MAX_RIM_END, MAX_NEAR_END, MIN_ALONE_END = 0.04, 0.08, 0.9
"""The same in a first or last plane, where all light of a sparkle may be gone in the next one. What
is darker there counts, too: a camera that sharpens takes away what lies next to an edge, and of
1,400 things with a sigma of 0.5 to 0.85 px in each of four sharpened planes, none was as even but
two."""

MIN_GONE = 0.5
"""Share of its light that the planes around show neither there nor next to it."""

REACH_PX = MAX_SIDE_PX + AROUND_PX
"""What is looked at on each side of a pixel."""

MAX_BLOCK_PX, MAX_STEP, MIN_EDGES = 5, 0.25, 2
"""Within so many pixels it falls to this share of its height in one step, along so many sides."""

FAR_PX = 6
"""Distance of pixels that give a first idea of the noise."""

ALONG = ((-1, 0), (1, 0), (0, -1), (0, 1))
NEAR = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


@njit(nogil=True, cache=True, error_model="numpy")
def clusters_in(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    least: float,
    noises: tuple[float, float],
    places: NDArray[np.int64],
    is_end: bool,
) -> NDArray[np.int64]:
    """Return the pixels of all clusters whose highest pixel is among some.

    Parameters
    ----------
    here, before, after : ndarray of shape (Y, X), float32
        A part of the plane, and of those around it.
    least : float
        Least height above the planes around.
    noises : tuple of float
        Least height of a bright and of a dark one, in mean differences between planes.
    places : ndarray of shape (N,), int64
        Where highest pixels may lie: all that exceed `least`, as indices of the flattened part.
    is_end : bool
        Whether one plane is both the one before and the one after.

    Returns
    -------
    ndarray of shape (N, 2), int64
        Row and column, possibly of other rows and more than once.
    """
    side = 2 * (REACH_PX + 1) + 1
    state = np.zeros((side, side), np.uint8)  # 1: of the cluster, 2: next to it
    pixels = np.empty((MAX_PX, 2), np.int64)
    found = np.empty((64, 2), np.int64)
    count = 0
    width = here.shape[1]
    for at in range(places.size):
        y, x = places[at] // width, places[at] % width
        value = here[y, x]
        low, high = before[y, x], after[y, x]
        if low > high:
            low, high = high, low
        if value - high > least:
            sign, many = np.float32(1), noises[0]
        elif low - value > least:
            sign, many = np.float32(-1), noises[1]
        else:
            continue
        if not (
            _is_peak(here, y, x, sign)
            and _is_high(here, before, after, y, x, sign, many)
            and _has_edges(here, before, after, y, x, sign)
        ):
            continue
        size = _grow(here, before, after, y, x, sign, pixels, state)
        marked = pixels[:size], state
        if size > 1 and _is_cluster(here, before, after, y, x, sign, many, *marked, is_end):
            if count + size > len(found):
                more = np.empty((2 * len(found) + size, 2), np.int64)
                more[:count] = found[:count]
                found = more
            found[count : count + size] = pixels[:size]
            count += size
        # All that was marked lies around the pixels.
        for k in range(min(abs(size), MAX_PX)):
            i, j = pixels[k, 0] - y + REACH_PX + 1, pixels[k, 1] - x + REACH_PX + 1
            state[i - 1 : i + 2, j - 1 : j + 2] = 0
    return found[:count]


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _excess(
    here: NDArray[Any], before: NDArray[Any], after: NDArray[Any], y: int, x: int, sign: np.float32
) -> float:
    return float(sign * here[y, x] - max(sign * before[y, x], sign * after[y, x]))


@njit(nogil=True, cache=True, error_model="numpy")
def _is_peak(here: NDArray[Any], y: int, x: int, sign: np.float32) -> bool:
    """Whether no pixel next to it is brighter; the first of equal ones."""
    own = sign * here[y, x]
    for i in range(max(0, y - 1), min(here.shape[0], y + 2)):
        for j in range(max(0, x - 1), min(here.shape[1], x + 2)):
            other = sign * here[i, j]
            if other > own or (other == own and (i < y or (i == y and j < x))):
                return False
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def _has_edges(
    here: NDArray[Any], before: NDArray[Any], after: NDArray[Any], y: int, x: int, sign: np.float32
) -> bool:
    """Whether it ends abruptly along two of four directions: most peaks do not."""
    own = _excess(here, before, after, y, x, sign)
    edges = 0
    for k in range(4):
        i, j = y, x
        for _ in range(MAX_BLOCK_PX):
            i, j = i + ALONG[k][0], j + ALONG[k][1]
            if not (0 <= i < here.shape[0] and 0 <= j < here.shape[1]):
                break
            excess = _excess(here, before, after, i, j, sign)
            if excess <= MIN_SHARE * own:
                edges += excess < MAX_STEP * own
                break
    return edges >= MIN_EDGES


@njit(nogil=True, cache=True, error_model="numpy")
def _is_high(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    y: int,
    x: int,
    sign: np.float32,
    many: float,
) -> bool:
    """Whether it may exceed the noise, by a few pixels at a distance."""
    noise, count = 0.0, 0
    for k in range(8):
        i, j = y + FAR_PX * NEAR[k][0], x + FAR_PX * NEAR[k][1]
        if 0 <= i < here.shape[0] and 0 <= j < here.shape[1]:
            noise += abs(here[i, j] - (before[i, j] + after[i, j]) / 2)
            count += 1
    return count * _excess(here, before, after, y, x, sign) > many / 2 * noise


@njit(nogil=True, cache=True, error_model="numpy")
def _grow(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    y: int,
    x: int,
    sign: np.float32,
    pixels: NDArray[np.int64],
    state: NDArray[np.uint8],
) -> int:
    """Fill `pixels` and `state` from a peak; returns how many, negative if they are too many."""
    least = MIN_SHARE * _excess(here, before, after, y, x, sign)
    middle = REACH_PX + 1
    top, bottom, left, right = y, y, x, x
    pixels[0, 0], pixels[0, 1] = y, x
    state[middle, middle] = 1
    size, done = 1, 0
    while done < size:
        for k in range(8):
            i, j = pixels[done, 0] + NEAR[k][0], pixels[done, 1] + NEAR[k][1]
            if not (0 <= i < here.shape[0] and 0 <= j < here.shape[1]):
                continue
            if state[i - y + middle, j - x + middle]:
                continue
            if not _excess(here, before, after, i, j, sign) > least:
                state[i - y + middle, j - x + middle] = 2
                continue
            top, bottom, left, right = min(top, i), max(bottom, i), min(left, j), max(right, j)
            if size == MAX_PX or max(bottom - top, right - left) >= MAX_SIDE_PX:
                return -size
            pixels[size, 0], pixels[size, 1] = i, j
            state[i - y + middle, j - x + middle] = 1
            size += 1
        done += 1
    return size


@njit(nogil=True, cache=True, error_model="numpy")
def _is_cluster(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    y: int,
    x: int,
    sign: np.float32,
    many: float,
    pixels: NDArray[np.int64],
    state: NDArray[np.uint8],
    is_end: bool,
) -> bool:
    middle = REACH_PX + 1
    top, bottom, left, right = y, y, x, x
    for k in range(len(pixels)):  # min() of an array would load more of numba than all kernels do
        i, j = pixels[k, 0], pixels[k, 1]
        top, bottom, left, right = min(top, i), max(bottom, i), min(left, j), max(right, j)
    top, bottom = top - AROUND_PX, bottom + AROUND_PX + 1
    left, right = left - AROUND_PX, right + AROUND_PX + 1
    light, counts = np.zeros((3, 3)), np.zeros(3)  # by place, then plane
    noise = 0.0
    for i in range(max(0, top), min(here.shape[0], bottom)):
        for j in range(max(0, left), min(here.shape[1], right)):
            place = state[i - y + middle, j - x + middle]
            counts[place] += 1
            light[place, 0] += sign * here[i, j]
            light[place, 1] += sign * before[i, j]
            light[place, 2] += sign * after[i, j]
            if place == 0:
                noise += abs(here[i, j] - (before[i, j] + after[i, j]) / 2)
    if counts[0] == 0 or counts[2] == 0:
        return False
    around, inside, rim = light[0] / counts[0], light[1] / counts[1], light[2] / counts[2]
    own = inside - around
    # Defocus spreads light and keeps its amount; that of a hit is in its plane only.
    amount = counts[1] * own + counts[2] * (rim - around)
    is_gone = amount[0] - max(amount[1], amount[2]) > MIN_GONE * counts[1] * own[0]
    beside = (rim[0] - around[0]) / own[0]
    is_sharp = own[0] > many * noise / counts[0] and beside < MAX_RIM
    if not (is_gone and is_sharp):  # nor where one is NaN
        return False
    box = (max(0, top), min(here.shape[0], bottom), max(0, left), min(here.shape[1], right))
    rims = _count_rims(here, before, after, y, x, sign, around[0], own[0], box, state)
    if is_end and (abs(beside) > MAX_RIM_END or rims[2] > (1 - MIN_ALONE_END) * counts[2]):
        return False
    return bool(rims[0] <= (1 - MIN_ALONE) * counts[2] and rims[1] <= MAX_UNDER * counts[2])


@njit(nogil=True, cache=True, error_model="numpy")
def _count_rims(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    y: int,
    x: int,
    sign: np.float32,
    ground: float,
    own: float,
    box: tuple[int, int, int, int],
    state: NDArray[np.uint8],
) -> tuple[int, int, int]:
    """Count pixels next to a cluster: as bright as it, darker than in other planes, and not even.

    `ground` is the light around, `own` that of the cluster beyond it.
    """
    middle = REACH_PX + 1
    near = under = uneven = 0
    for i in range(box[0], box[1]):
        for j in range(box[2], box[3]):
            if state[i - y + middle, j - x + middle] == 2:
                beside = (sign * here[i, j] - ground) / own
                near += beside > MAX_NEAR
                uneven += abs(beside) > MAX_NEAR_END
                others = min(sign * before[i, j], sign * after[i, j])
                under += sign * here[i, j] - others < -UNDERSHOOT * own
    return near, under, uneven
