"""Which plane a patch of copied values is taken from, so that fewer gradients are false.

Copied values cannot be softened as a mean can: only the plane of a pixel may change. Around a
gradient that no plane shows, patches of a few pixels are tried from other planes, and the one that
takes away most of what is false is copied, unless its values are too far from the wanted ones.

Differences between neighbours count, too: gradients that are measured over 3 x 3 px do not see a
checkerboard, with which they could be fooled.
"""

from typing import Any

import numpy as np

from napari_umis_fusion.runtime import AnyArray, kernel

MARGIN = 1.5
"""Gradient beyond that of every plane that is false, in grey levels per pixel."""

PATCHES_PX = (1, 2, 3, 5)
"""Sides of the patches that are tried."""

LARGEST_PX = 5
"""The largest of them."""

STRIDE_PX = 2
"""Step between places of the largest patches; smaller ones are tried everywhere."""

PRICE = 0.2
"""What a grey level away from the wanted value costs, in grey levels of false gradient."""

EACH = 1.0
"""What a false gradient counts, in addition to how far it is beyond."""

STEP_SHARE = 0.5
"""What a false difference between neighbours counts, compared with a gradient."""

ROUNDS = 4
"""How often what is still false is tried again."""

TRIES_SHARE = 0.125
"""Share of the pixels of a part that is tried at most: where more is false, patches do not help."""

REACH_PX = 8
"""How far around a pixel values are looked at, at most."""


def mend_edges(maps: tuple[AnyArray, ...], core: tuple[int, int, int, int]) -> None:
    """Copy patches of other planes where gradients are false.

    Parameters
    ----------
    maps : tuple of ndarray
        Of K planes (K, Y, X) their grey levels, and how far they are from the wanted values, in
        grey levels, infinite where they must not be copied. Of the image (Y, X) the grey levels,
        how far it is from the wanted values, and of which plane it is; these are changed, and a
        plane is named where it is another than before. The highest gradients, and differences
        between neighbours, that are not false (Y, X).
    core : tuple of int
        Top, bottom, left and right of the part where gradients are mended, `REACH_PX` from where
        the maps end, or at the border of the plane.
    """
    _mend_edges(maps, core, np.empty((LARGEST_PX, LARGEST_PX), np.float32))


@kernel
def _mend_edges(
    maps: tuple[AnyArray, ...], core: tuple[int, int, int, int], kept: AnyArray
) -> None:
    greys, apart, shown, off, chosen, limits, _ = maps
    left_over = TRIES_SHARE * (core[1] - core[0]) * (core[3] - core[2]) + 1
    for _ in range(ROUNDS):
        has_moved = False
        for y in range(core[0], core[1]):
            for x in range(core[2], core[3]):
                if left_over < 1 or gradient_at(shown, y, x) <= limits[y, x] + MARGIN:
                    continue
                left_over -= 1
                plane, top, bottom, left, right = _best_patch(maps, y, x, kept)
                if plane < 0:
                    continue
                has_moved = True
                for v in range(top, bottom):
                    for u in range(left, right):
                        chosen[v, u] = plane
                        off[v, u] = apart[plane, v, u]
                        shown[v, u] = greys[plane, v, u]
        if not has_moved:
            break


@kernel
def gradient_at(grey: AnyArray, y: int, x: int) -> Any:
    """Return the gradient magnitude of one pixel, as `gradients` does."""
    above, below = max(y - 1, 0), min(y + 1, grey.shape[0] - 1)
    left, right = max(x - 1, 0), min(x + 1, grey.shape[1] - 1)
    two, eighth = np.float32(2), np.float32(0.125)
    rising = grey[above, right] + two * grey[y, right] + grey[below, right]
    across = (rising - grey[above, left] - two * grey[y, left] - grey[below, left]) * eighth
    rising = grey[below, left] + two * grey[below, x] + grey[below, right]
    along = (rising - grey[above, left] - two * grey[above, x] - grey[above, right]) * eighth
    return np.sqrt(across * across + along * along)


@kernel
def _best_patch(
    maps: tuple[AnyArray, ...], y: int, x: int, kept: AnyArray
) -> tuple[int, int, int, int, int]:
    """Return the plane, top, bottom, left and right of what is best copied; -1 for nothing."""
    height, width = maps[2].shape
    most, found = 1e-6, (-1, 0, 0, 0, 0)
    for side in PATCHES_PX:
        step = STRIDE_PX if side == LARGEST_PX else 1
        for from_y in range(y - side, y + 2, step):
            for from_x in range(x - side, x + 2, step):
                top, bottom = max(from_y, 0), min(from_y + side, height)
                left, right = max(from_x, 0), min(from_x + side, width)
                if top >= bottom or left >= right:
                    continue
                false = _false(maps, top, bottom, left, right)
                if false <= most:
                    continue
                for plane in range(maps[0].shape[0]):
                    gain = _gain(maps, plane, (top, bottom, left, right), false, most, kept)
                    if gain > most:
                        most, found = gain, (plane, top, bottom, left, right)
    return found


@kernel
def _gain(
    maps: tuple[AnyArray, ...],
    plane: int,
    patch: tuple[int, int, int, int],
    false: float,
    most: float,
    kept: AnyArray,
) -> float:
    """Return how much less is false with a patch of a plane, less its price; 0 if below `most`."""
    greys, apart, shown, off = maps[:4]
    top, bottom, left, right = patch
    price = 0.0
    for v in range(top, bottom):
        for u in range(left, right):
            price += apart[plane, v, u] - off[v, u]
    price *= PRICE
    # Also where it is not a number, since no value there may be copied.
    if not false - price > most:
        return 0.0
    for v in range(top, bottom):
        for u in range(left, right):
            kept[v - top, u - left] = shown[v, u]
            shown[v, u] = greys[plane, v, u]
    gain = false - _false(maps, top, bottom, left, right) - price
    for v in range(top, bottom):
        for u in range(left, right):
            shown[v, u] = kept[v - top, u - left]
    return gain


@kernel
def _false(maps: tuple[AnyArray, ...], top: int, bottom: int, left: int, right: int) -> float:
    """Return how much is false of the gradients and differences that a patch takes part in."""
    shown, limits, steps = maps[2], maps[5], maps[6]
    height, width = shown.shape
    false = 0.0
    for y in range(max(top - 1, 0), min(bottom + 1, height)):
        for x in range(max(left - 1, 0), min(right + 1, width)):
            over = gradient_at(shown, y, x) - limits[y, x] - MARGIN
            if over > 0:
                false += EACH + over
            # A step of two grey levels has a gradient of one.
            over = -1.0
            if x + 1 < width:
                over = abs(shown[y, x + 1] - shown[y, x]) - steps[y, x] - 2 * MARGIN
            if over > 0:
                false += STEP_SHARE * (EACH + over)
            over = -1.0
            if y + 1 < height:
                over = abs(shown[y + 1, x] - shown[y, x]) - steps[y, x] - 2 * MARGIN
            if over > 0:
                false += STEP_SHARE * (EACH + over)
    return false
