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
    halve = _nearest if part.is_label else _mean
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


def _nearest(values: Any) -> Any:
    return values[::2, ::2]


def _mean(values: Any) -> Any:
    """Return means of 2 x 2 pixels, of those that are there; NaN only where all are."""
    bottom, right = (side % 2 for side in values.shape)
    padded = np.pad(values, ((0, bottom), (0, right)), mode="edge")
    wide = padded.astype(np.float64 if values.dtype.itemsize > 2 else np.float32)
    known = np.isfinite(wide)
    squares = wide.reshape(wide.shape[0] // 2, 2, -1, 2)
    if known.all():
        means = squares.mean(axis=(1, 3))
    else:
        count = known.reshape(squares.shape).sum(axis=(1, 3))
        total = np.where(known, wide, 0).reshape(squares.shape).sum(axis=(1, 3))
        means = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return np.rint(means).astype(values.dtype) if values.dtype.kind in "iub" else means
