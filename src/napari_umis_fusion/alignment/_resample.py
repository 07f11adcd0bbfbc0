"""Resample a plane into the frame of the reference plane, once, from recorded values only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment._transforms import Transform, apply, corners_of
from napari_umis_fusion.preprocess import seen_from
from napari_umis_fusion.runtime import kernel, split_rows
from napari_umis_fusion.stack import Plane

Array = NDArray[Any]

LOBES = 3
"""Half-width of the Lanczos kernel, in pixels."""

_STEPS = 4096
"""Subpixel positions for which kernel weights are tabulated."""

ROUNDING_PX = 1e-6
"""Distance beyond the border that still counts as on it, to tolerate rounding."""

_WHOLE_PX = 0.02
"""Shifts this close to whole pixels are rounded, so that recorded values are copied."""


def whole_shift(transform: Transform, shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Return a transform of planes (Y, X) as a shift in whole pixels; None if it is none."""
    corners = corners_of(shape)
    shifts = apply(transform, corners) - corners
    nearest = np.rint(shifts[0])
    if np.abs(shifts - nearest).max() > _WHOLE_PX:
        return None
    return int(nearest[0]), int(nearest[1])


def source_region(
    transform: Transform, rows: slice, columns: slice, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Return the rectangle of a plane (Y, X) that a rectangle of the reference plane needs.

    It has at least one pixel, even where the two do not overlap.
    """
    size = rows.stop - rows.start, columns.stop - columns.start
    corners = apply(transform, corners_of(size) + np.array([rows.start, columns.start]))
    low, high = np.floor(corners.min(0)) - LOBES, np.ceil(corners.max(0)) + LOBES + 1
    start = np.clip(low, 0, np.array(shape[:2]) - 1).astype(int)
    stop = np.clip(high, start + 1, shape[:2]).astype(int)
    return slice(int(start[0]), int(stop[0])), slice(int(start[1]), int(stop[1]))


def resample(part: Plane, transform: Transform, shape: tuple[int, int]) -> Plane:
    """Resample a plane into the frame of the reference plane.

    A Lanczos kernel of three lobes, whose result is limited to the range of the surrounding 4 x 4
    pixels: sharp edges neither ring nor get brighter than anything recorded. Where the kernel
    extends beyond the plane, it is normalised over the recorded pixels.

    Parameters
    ----------
    part : ndarray of shape (Y, X) or (Y, X, C)
        Recorded values.
    transform : ndarray of shape (2, 3)
        From points of the result to points of `part`.
    shape : tuple of int
        (Y, X) of the result.

    Returns
    -------
    ndarray of shape (Y, X) or (Y, X, C)
        In the dtype of `part`, integers rounded; pixels outside `part` hold the nearest values.
    """
    source = part if part.ndim == 3 else part[..., None]
    kept = source.dtype if source.dtype != bool else np.dtype(np.uint8)
    wide = np.float64 if kept.itemsize > 2 and kept != np.float32 else np.float32
    values: Plane = np.empty((*shape, source.shape[2]), source.dtype)
    recorded = np.ascontiguousarray(source, wide)
    for rows in split_rows(shape[0]):  # of which few fit in wider numbers
        out = np.empty((rows.stop - rows.start, *values.shape[1:]), wide)
        _resample(recorded, transform, _WEIGHTS, rows.start, out)
        if source.dtype == bool:
            values[rows] = out >= 0.5
        else:
            values[rows] = np.rint(out) if kept.kind in "iu" else out
    return values if part.ndim == 3 else values[..., 0]


def coverage_mask(
    transform: Transform, rows: slice, columns: slice, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Return which pixels of a rectangle of the reference plane a plane (Y, X) covers."""
    down, along = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
    inside = np.ones((len(down), len(along)), np.bool_)
    for part in split_rows(len(down)):  # places are in double precision
        for axis, (along_y, along_x, start) in enumerate(transform):
            place = along_y * down[part, None] + along_x * along + start
            inside[part] &= (place >= -ROUNDING_PX) & (place <= shape[axis] - 1 + ROUNDING_PX)
    return inside


def moved_mask(
    mask: NDArray[np.bool_], transform: Transform, window: tuple[slice, slice]
) -> NDArray[np.bool_]:
    """Return where values interpolated in a rectangle of the reference plane depend on a mask.

    Parameters
    ----------
    mask : ndarray of shape (Y, X), bool
        Of a plane as recorded.
    transform : ndarray of shape (2, 3)
        From the reference plane to that plane.
    window : tuple of slice
        Rows and columns of the reference plane.
    """
    from scipy.ndimage import affine_transform, binary_dilation

    wide = binary_dilation(mask, np.ones((3, 3), np.bool_), iterations=LOBES)
    moved = affine_transform(wide.view(np.uint8), *seen_from(transform, window), order=0)
    return np.asarray(moved, np.bool_)


def _lanczos_weights() -> NDArray[np.float32]:
    """Return the weights of the six surrounding pixels, for each subpixel position."""
    between = np.arange(_STEPS + 1)[:, None] / _STEPS
    distances = between - np.arange(1 - LOBES, LOBES + 1)
    weights = np.sinc(distances) * np.sinc(distances / LOBES)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


_WEIGHTS = _lanczos_weights()


@kernel
def _resample(source: Array, transform: Array, table: Array, first: int, out: Array) -> None:
    height, width, channels = source.shape
    last_step = table.shape[0] - 1
    for row in range(out.shape[0]):
        line = first + row
        for column in range(out.shape[1]):
            y = transform[0, 0] * line + transform[0, 1] * column + transform[0, 2]
            x = transform[1, 0] * line + transform[1, 1] * column + transform[1, 2]
            y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
            top, left = int(y), int(x)
            down = table[int((y - top) * last_step + 0.5)]
            along = table[int((x - left) * last_step + 0.5)]
            if 2 <= top < height - 3 and 2 <= left < width - 3:
                for channel in range(channels):
                    out[row, column, channel] = _inside(source, top, left, channel, down, along)
            else:
                for channel in range(channels):
                    out[row, column, channel] = _at_border(source, top, left, channel, down, along)


@kernel
def _inside(source: Array, top: int, left: int, channel: int, down: Array, along: Array) -> Any:
    """Interpolate where all six surrounding rows and columns are recorded."""
    total = source.dtype.type(0)
    for i in range(6):
        line = source.dtype.type(0)
        for j in range(6):
            line += along[j] * source[top - 2 + i, left - 2 + j, channel]
        total += down[i] * line
    least = largest = source[top, left, channel]
    for i in range(4):
        for j in range(4):
            value = source[top - 1 + i, left - 1 + j, channel]
            least, largest = min(least, value), max(largest, value)
    return _limited(total, least, largest)


@kernel
def _at_border(source: Array, top: int, left: int, channel: int, down: Array, along: Array) -> Any:
    """Interpolate from those of the six surrounding rows and columns that are recorded."""
    total, weight = 0.0, 0.0
    least = largest = source[top, left, channel]
    for i in range(max(top - 2, 0), min(top + 4, source.shape[0])):
        for j in range(max(left - 2, 0), min(left + 4, source.shape[1])):
            value, share = source[i, j, channel], down[i - top + 2] * along[j - left + 2]
            total += share * value
            weight += share
            if top - 1 <= i <= top + 2 and left - 1 <= j <= left + 2:
                least, largest = min(least, value), max(largest, value)
    return _limited(total / weight, least, largest)


@kernel
def _limited(value: Any, least: Any, largest: Any) -> Any:
    """Limit a value to a range; NaN is kept."""
    if value < least:
        return least
    return largest if value > largest else value
