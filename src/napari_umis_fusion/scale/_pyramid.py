"""The levels of a pyramid below the first: means, and for numbers of things the nearest."""

from typing import Any

import numpy as np

from napari_umis_fusion.scale._target import FieldArrays, Part, level_shapes


def write_pyramid(
    arrays: FieldArrays, part: Part, shape: tuple[int, int], shard: tuple[int, int]
) -> None:
    """Write all levels of a picture from its first, one shard of one channel at a time.

    Parameters
    ----------
    arrays : FieldArrays
        The arrays of a field.
    part : Part
        Which picture.
    shape, shard : tuple of int
        (Y, X) of the first level, and of the shards of all levels.
    """
    halve = nearest if part.is_label else mean_of_four
    shapes = level_shapes(shape)
    for level, (height, width) in enumerate(shapes[1:], 1):
        above = shapes[level - 1]
        for top in range(0, height, shard[0]):
            for left in range(0, width, shard[1]):
                rows = slice(top, min(top + shard[0], height))
                columns = slice(left, min(left + shard[1], width))
                wide = [
                    slice(2 * one.start, min(2 * one.stop, side))
                    for one, side in zip((rows, columns), above, strict=True)
                ]
                halved = [
                    halve(arrays.read(part, wide[0], wide[1], level - 1, channel))
                    for channel in range(arrays.channels(part))
                ]
                values = halved[0] if len(halved) == 1 else np.stack(halved, axis=-1)
                arrays.write(part, values, rows, columns, level)


def nearest(values: Any) -> Any:
    """Return every second pixel of a plane (Y, X)."""
    return values[::2, ::2]


def mean_of_four(values: Any) -> Any:
    """Return means of 2 x 2 pixels, of those that are there; NaN only where all are."""
    bottom, right = (side % 2 for side in values.shape)
    padded = np.pad(values, ((0, bottom), (0, right)), mode="edge") if bottom or right else values
    wide = padded.astype(np.float64 if values.dtype.itemsize > 4 else np.float32, copy=False)
    if values.dtype.kind in "iu" and values.dtype.itemsize > 2:  # 24 bits do not hold their sum
        wide = padded.astype(np.float64)
    total = _sum(wide)
    means = total / 4
    if not np.isfinite(total).all():
        known = np.isfinite(wide)
        count, total = _sum(known.astype(np.uint8)), _sum(np.where(known, wide, 0))
        means = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return np.rint(means).astype(values.dtype) if values.dtype.kind in "iub" else means


def _sum(values: Any) -> Any:
    """Return sums of 2 x 2 pixels; views of every second one are faster than reshaping."""
    top, below = values[::2], values[1::2]
    return top[:, ::2] + top[:, 1::2] + below[:, ::2] + below[:, 1::2]
