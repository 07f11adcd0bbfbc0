"""What planes around lend to one that shows nothing in a part, so that its neighbours compare well.

A network compares each plane with both neighbours. If the part were that of the plane before, that
plane would be compared with its own copy there, and could not be the peak that it perhaps is. Of
both neighbours, the less sharp one is copied: the sharper, which may be chosen, is then compared
with the other, as if nothing were between them.
"""

import numpy as np

from napari_umis_fusion.focus_measure import gaussian_taps, laplacian_detail, smooth
from napari_umis_fusion.runtime import BoolMap, FloatMap

STEP_PX = 8
"""Sharpness is compared in squares of this side: on the grid of blocks, so that it is theirs."""

WINDOW_STEPS = 2.0
"""Sigma of the window in which it is averaged, in squares."""

BAND_PX = 256
"""Rows that are filled at once, on the same grid: large planes need no maps of their size."""

DETAIL_SIGMA_PX = 1.0

DECISIVE = 16.0
"""Power of the ratio of sharpness: parts of both are mixed only where they are equal to 5 %."""

FLAT = 1e-3
"""Detail, in grey levels, below which there is nothing to compare."""


def lend(grey: FloatMap, part: BoolMap, before: FloatMap | None, after: FloatMap) -> None:
    """Fill a part of a plane from those around it.

    Parameters
    ----------
    grey : ndarray of shape (Y, X)
        Grey levels of the plane.
    part : ndarray of shape (Y, X), bool
        Where it shows nothing, and the plane after something.
    before : ndarray of shape (Y, X) or None
        The plane before; None if it has nothing to lend.
    after : ndarray of shape (Y, X)
        The plane after.
    """
    if before is None:
        grey[part] = after[part]
        return
    for start in range(0, len(grey), BAND_PX):
        rows = slice(start, min(start + BAND_PX, len(grey)))
        if part[rows].any():
            _lend_rows(rows, grey, part, before, after)


def _lend_rows(
    rows: slice, grey: FloatMap, part: BoolMap, before: FloatMap, after: FloatMap
) -> None:
    # One square more than the window sees, since detail is mirrored at the ends of a band.
    margin = STEP_PX * gaussian_taps(WINDOW_STEPS).size
    seen = slice(max(rows.start - margin, 0), rows.stop + margin)
    wanted = part[rows]
    share = _share_of_after(before[seen], after[seen])[rows.start - seen.start :][: len(wanted)]
    chosen = share[wanted]
    grey[rows][wanted] = chosen * after[rows][wanted] + (1 - chosen) * before[rows][wanted]


def _share_of_after(before: FloatMap, after: FloatMap) -> FloatMap:
    """Return 1 where the plane after is the less sharp one, 0 where the plane before is."""
    ratio = np.log(_sharpness(before) + FLAT) - np.log(_sharpness(after) + FLAT)
    share = 1 / (1 + np.exp(-DECISIVE * ratio))
    rows, columns = before.shape
    whole: FloatMap = share.repeat(STEP_PX, 0).repeat(STEP_PX, 1)
    return whole[:rows, :columns]


def _sharpness(grey: FloatMap) -> FloatMap:
    """Return the mean detail around each square of `STEP_PX`."""
    measure, reach = laplacian_detail(DETAIL_SIGMA_PX)
    detail = measure(np.pad(grey, reach, mode="reflect" if min(grey.shape) > reach else "edge"))
    rows, columns = (-side % STEP_PX for side in detail.shape)
    whole = np.pad(detail, ((0, rows), (0, columns)), mode="edge")
    shape = whole.shape[0] // STEP_PX, STEP_PX, whole.shape[1] // STEP_PX, STEP_PX
    taps = gaussian_taps(WINDOW_STEPS)
    squares = whole.reshape(shape).mean((1, 3), dtype=np.float32)
    return smooth(np.pad(squares, taps.size - 1, mode="edge"), taps)
