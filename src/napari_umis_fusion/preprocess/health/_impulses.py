"""Salt and pepper: pixels at either end of what a plane spans, strewn over it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess._grey import comparable
from napari_umis_fusion.preprocess._median import sort_first
from napari_umis_fusion.runtime import kernel
from napari_umis_fusion.stack import Plane

Mask = NDArray[np.bool_]

MIN_EXTREME = 0.8
"""Share of the specks that hold the highest or the lowest value of the plane, each alike."""

MAX_IMPULSES = 0.2
"""Share of the plane that they may be; of more, too little of the picture is left."""

MIN_LEVELS = 16
"""How many values the other pixels hold: single photons on a dark ground are no salt."""

AROUND_PX = 2
"""Half the side of the window that tells what an impulse hides."""

WINDOW_PX = (2 * AROUND_PX + 1) ** 2
"""Pixels of that window."""

MIN_KNOWN = 3
"""Pixels of it that are no impulses."""

MAX_ALIKE = 2
"""Pixels next to an impulse that come near it: more are a part of the picture."""


def find_impulses(
    plane: Plane, around: Sequence[Plane], specks: NDArray[np.int64], least: Sequence[float]
) -> tuple[NDArray[np.int64], Plane] | None:
    """Return the pixels of salt and pepper, and what fills them; None if there is none.

    Parameters
    ----------
    plane : ndarray of shape (Y, X) or (Y, X, C)
        A plane of which more pixels stand out by themselves than are rare.
    around : sequence of ndarray
        The planes before and after it, or one of them.
    specks : ndarray of shape (N,), int64
        Those pixels, as indices of the flattened plane.
    least : sequence of float
        How far an impulse lies from its surroundings, for each channel.
    """
    values = plane.reshape(*plane.shape[:2], -1)
    ends = np.stack([values.min(axis=(0, 1)), values.max(axis=(0, 1))])
    if not np.isfinite(ends.astype(np.float64)).all():
        return None
    is_end = (values == ends[0]) | (values == ends[1])
    flat = is_end.reshape(-1, is_end.shape[2])
    others = values.reshape(flat.shape)[~flat.any(axis=1)]
    if flat[specks].any(axis=1).mean() < MIN_EXTREME or len(others) == 0:
        return None
    if min(len(np.unique(channel)) for channel in others.T) < MIN_LEVELS:
        return None
    level = float(ends[0, 0]) if values.dtype.kind == "f" else 0.0
    grey = np.ascontiguousarray(np.moveaxis(comparable(values, level).astype(np.float32), -1, 0))
    found = np.zeros(plane.shape[:2], np.bool_)
    middles = np.empty(grey.shape, np.float32)
    for c, height in enumerate(least):
        ends_here, known = np.ascontiguousarray(is_end[..., c]), np.empty(WINDOW_PX, np.float32)
        _mark(grey[c], ends_here, height, known, found, middles[c])
    places = np.flatnonzero(found)
    if not 0 < len(places) <= MAX_IMPULSES * found.size:
        return None
    return places, _fill(values, around, ends, places, middles.reshape(len(grey), -1).T + level)


def _fill(
    values: Plane,
    around: Sequence[Plane],
    ends: NDArray[Any],
    places: NDArray[np.int64],
    middles: NDArray[np.float32],
) -> Plane:
    """Return what the planes around show, and, where these are salted too, the surroundings."""
    rows = values.reshape(-1, values.shape[2])
    total, count = np.zeros((2, len(places), values.shape[2]))
    for plane in around:
        shown = plane.reshape(rows.shape)[places]
        known = (shown != ends[0]) & (shown != ends[1])
        total += np.where(known, shown, 0)
        count += known
    with np.errstate(invalid="ignore"):
        fill = np.where(count > 0, total / count, middles[places])
    # A channel that holds no end there is right as it is.
    fill = np.where(np.isfinite(fill), fill, rows[places])
    kept = (rows[places] != ends[0]) & (rows[places] != ends[1])
    fill = np.where(kept, rows[places], fill)
    fill = np.rint(fill) if values.dtype.kind in "iu" else fill
    return np.asarray(fill.astype(values.dtype))


@kernel
def _mark(
    grey: NDArray[np.float32],
    is_end: Mask,
    least: float,
    known: NDArray[np.float32],
    found: Mask,
    middles: NDArray[np.float32],
) -> None:
    """Mark ends of the range that lie far from the median of other values around them."""
    height, width = grey.shape
    for y in range(height):
        for x in range(width):
            middles[y, x] = np.nan
            if not is_end[y, x]:
                continue
            count = alike = 0
            for i in range(max(0, y - AROUND_PX), min(height, y + AROUND_PX + 1)):
                for j in range(max(0, x - AROUND_PX), min(width, x + AROUND_PX + 1)):
                    if max(abs(i - y), abs(j - x)) == 1:
                        alike += abs(grey[i, j] - grey[y, x]) <= least
                    if grey[i, j] != grey[y, x]:  # also where the ground is at the other end
                        known[count] = grey[i, j]
                        count += 1
            if count < MIN_KNOWN or alike > MAX_ALIKE:
                continue
            middle = _middle_of(known, count)
            if abs(grey[y, x] - middle) > least:
                found[y, x] = True
                middles[y, x] = middle


@kernel
def _middle_of(values: NDArray[np.float32], count: int) -> float:
    """Return the median of some of the first values, which are sorted."""
    sort_first(values, count)
    half = count // 2
    return float((values[half] + values[half - 1 + count % 2]) / 2)
