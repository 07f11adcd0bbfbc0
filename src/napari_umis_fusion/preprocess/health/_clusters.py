"""Specks of several pixels: hits of particles and their tracks, blocks that blink.

A lens draws nothing with an edge that is sharper than its own blur: next to a thing of any size in
focus lie pixels of about a third of its light. Next to a cluster of pixels that took a hit lies
what lies around.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._beyond import EARLIER, NEAR, Beyond
from napari_umis_fusion.runtime import kernel

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

MIN_GONE = 0.5
"""Share of its light that the planes around show neither there nor next to it."""

REACH_PX = MAX_SIDE_PX + AROUND_PX
"""What is looked at on each side of a pixel."""

MAX_BLOCK_PX, MAX_STEP, MIN_EDGES = 5, 0.25, 2
"""Within so many pixels it falls to this share of its height in one step, along so many sides."""

FAR_PX = 6
"""Distance of pixels that give a first idea of the noise."""

ALONG = ((-1, 0), (1, 0), (0, -1), (0, 1))
FAR = [(FAR_PX * y, FAR_PX * x) for y, x in NEAR]


def mark_clusters(
    beyond: Beyond, least: float, noises: tuple[float, float], found: NDArray[np.bool_]
) -> None:
    """Mark the pixels of all clusters whose highest pixel is among some.

    Parameters
    ----------
    beyond : Beyond
        Where highest pixels may lie.
    least : float
        Least height above the planes around.
    noises : tuple of float
        Least height of a bright and of a dark one, in mean differences between planes.
    found : ndarray of shape (Y, X), bool
        To be marked.
    """
    beyond = beyond.where(beyond.excess > least)
    beyond = beyond.where(_are_peaks(beyond))
    many = np.where(beyond.signs > 0, *noises)
    is_cluster = _are_high(beyond, many) & _have_edges(beyond)
    beyond, many = beyond.where(is_cluster), many[is_cluster]
    if len(beyond):
        peaks: Any = beyond.places, beyond.signs, MIN_SHARE * beyond.excess, many
        # Space to work in; made here, since kernels that make arrays take longer to compile.
        state = np.zeros((2 * REACH_PX + 3,) * 2, np.uint8)
        space: Any = np.empty((MAX_PX, 2), np.int64), state, np.empty((3, 4)), found
        here, before, after = beyond.planes
        _trace(here, before, after, *peaks, *space)


def _are_peaks(beyond: Beyond) -> NDArray[np.bool_]:
    """Return where no pixel next to them is brighter; the first of equal ones."""
    own, near = beyond.at(0, ((0, 0),)), beyond.near
    is_lower = (near > own).any(axis=1) | (near[:, :EARLIER] == own).any(axis=1)
    return np.asarray(~is_lower)


def _are_high(beyond: Beyond, many: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where they may exceed the noise, by a few pixels at a distance."""
    here, before, after = (beyond.at(plane, FAR) for plane in range(3))
    noise = beyond.total(np.abs(here - (before + after).astype(np.float64) / 2), FAR)
    return np.asarray(beyond.has(FAR).sum(axis=1) * beyond.excess > many / 2 * noise)


def _have_edges(beyond: Beyond) -> NDArray[np.bool_]:
    """Return where they end abruptly along two of four directions: most peaks do not."""
    edges = np.zeros(len(beyond), np.int64)
    own = beyond.excess[:, None]
    for down, along in ALONG:
        excess = beyond.excess_at([(k * down, k * along) for k in range(1, MAX_BLOCK_PX + 1)])
        is_out = excess <= MIN_SHARE * own
        first = np.take_along_axis(excess, is_out.argmax(axis=1)[:, None], axis=1)
        edges += is_out.any(axis=1) & (first < MAX_STEP * own)[:, 0]
    return np.asarray(edges >= MIN_EDGES)


@kernel
def _trace(
    here: NDArray[np.float32],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    places: NDArray[np.int64],
    signs: NDArray[np.float32],
    least: NDArray[np.float64],
    many: NDArray[np.float64],
    pixels: NDArray[np.int64],
    state: NDArray[np.uint8],
    sums: NDArray[np.float64],
    found: NDArray[np.bool_],
) -> None:
    """Mark the clusters around some peaks; `pixels`, `state` and `sums` are space to work in."""
    width = here.shape[1]
    for at in range(places.size):
        y, x, sign = places[at] // width, places[at] % width, signs[at]
        size = _grow(here, before, after, y, x, sign, least[at], pixels, state)
        if size > 1 and _is_cluster(
            here, before, after, y, x, sign, many[at], pixels, size, state, sums
        ):
            for k in range(size):
                found[pixels[k, 0], pixels[k, 1]] = True
        # All that was marked lies around the pixels.
        for k in range(abs(size)):
            top, left = pixels[k, 0] - y + REACH_PX, pixels[k, 1] - x + REACH_PX
            for i in range(top, top + 3):
                for j in range(left, left + 3):
                    state[i, j] = 0


@kernel
def _grow(
    here: NDArray[np.float32],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    y: int,
    x: int,
    sign: np.float32,
    least: float,
    pixels: NDArray[np.int64],
    state: NDArray[np.uint8],
) -> int:
    """Fill `pixels` and `state` from a peak; returns how many, negative if they are too many."""
    middle = REACH_PX + 1
    top, bottom, left, right = y, y, x, x
    pixels[0, 0], pixels[0, 1] = y, x
    state[middle, middle] = 1  # of the cluster
    size, done = 1, 0
    while done < size:
        for k in range(8):
            i, j = pixels[done, 0] + NEAR[k][0], pixels[done, 1] + NEAR[k][1]
            if not (0 <= i < here.shape[0] and 0 <= j < here.shape[1]):
                continue
            if state[i - y + middle, j - x + middle]:
                continue
            excess = sign * here[i, j] - max(sign * before[i, j], sign * after[i, j])
            if not excess > least:
                state[i - y + middle, j - x + middle] = 2  # next to it
                continue
            top, bottom, left, right = min(top, i), max(bottom, i), min(left, j), max(right, j)
            if size == MAX_PX or max(bottom - top, right - left) >= MAX_SIDE_PX:
                return -size
            pixels[size, 0], pixels[size, 1] = i, j
            state[i - y + middle, j - x + middle] = 1
            size += 1
        done += 1
    return size


@kernel
def _is_cluster(
    here: NDArray[np.float32],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    y: int,
    x: int,
    sign: np.float32,
    many: float,
    pixels: NDArray[np.int64],
    size: int,
    state: NDArray[np.uint8],
    sums: NDArray[np.float64],
) -> bool:
    middle = REACH_PX + 1
    top, bottom, left, right = y, y, x, x
    for k in range(size):
        i, j = pixels[k, 0], pixels[k, 1]
        top, bottom, left, right = min(top, i), max(bottom, i), min(left, j), max(right, j)
    top, bottom = max(0, top - AROUND_PX), min(here.shape[0], bottom + AROUND_PX + 1)
    left, right = max(0, left - AROUND_PX), min(here.shape[1], right + AROUND_PX + 1)
    for place in range(3):  # around, inside, next to it: the light in each plane, and the pixels
        for k in range(4):
            sums[place, k] = 0
    noise = 0.0
    for i in range(top, bottom):
        for j in range(left, right):
            place = state[i - y + middle, j - x + middle]
            sums[place, 0] += sign * here[i, j]
            sums[place, 1] += sign * before[i, j]
            sums[place, 2] += sign * after[i, j]
            sums[place, 3] += 1
            if place == 0:
                noise += abs(here[i, j] - (before[i, j] + after[i, j]) / 2)
    if sums[0, 3] == 0 or sums[2, 3] == 0:
        return False
    inside, beside = sums[1, 3], sums[2, 3]
    for k in range(3):  # means, relative to what lies around
        sums[0, k] /= sums[0, 3]
        sums[1, k] = sums[1, k] / inside - sums[0, k]
        sums[2, k] = sums[2, k] / beside - sums[0, k]
    own = sums[1, 0]
    # Defocus spreads light and keeps its amount; that of a hit is in its plane only.
    before_it = inside * sums[1, 1] + beside * sums[2, 1]
    after_it = inside * sums[1, 2] + beside * sums[2, 2]
    gone = inside * own + beside * sums[2, 0] - max(before_it, after_it)
    is_sharp = own > many * noise / sums[0, 3] and sums[2, 0] < MAX_RIM * own
    if not (gone > MIN_GONE * inside * own and is_sharp):  # nor where one is NaN
        return False
    near = under = 0
    for i in range(top, bottom):
        for j in range(left, right):
            if state[i - y + middle, j - x + middle] == 2:
                near += sign * here[i, j] - sums[0, 0] > MAX_NEAR * own
                others = min(sign * before[i, j], sign * after[i, j])
                under += sign * here[i, j] - others < -UNDERSHOOT * own
    return bool(near <= (1 - MIN_ALONE) * beside and under <= MAX_UNDER * beside)
