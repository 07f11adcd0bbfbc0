"""The tables of the tiles of a plane, filled in one go."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.runtime import kernel

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Table = NDArray[np.float64]


@kernel
def fill_tables(
    values: Array,
    ignored: Mask,
    has_ignored: bool,
    top: Array,
    rows: Array,
    columns: Array,
    step: int,
    mean: Table,
    lowest: Table,
    highest: Table,
    clipped: Table,
) -> None:
    """Fill the tables of `PlaneStatistics` from a plane (Y, X, C), of every `step`-th row.

    `rows` and `columns` are where tiles begin and end, `top` the highest value of each channel.
    """
    for i in range(mean.shape[0]):
        for j in range(mean.shape[1]):
            height = (rows[i + 1] - rows[i] + step - 1) // step
            size = height * (columns[j + 1] - columns[j])
            for c in range(mean.shape[2]):
                total, count, tops = 0.0, 0, 0
                low, high = np.inf, -np.inf
                for y in range(rows[i], rows[i + 1], step):
                    for x in range(columns[j], columns[j + 1]):
                        if has_ignored and ignored[y, x]:
                            continue
                        value = float(values[y, x, c])
                        total += value
                        count += 1
                        tops += values[y, x, c] == top[c]
                        low, high = min(low, value), max(high, value)
                if 2 * count < size or count == 0:
                    mean[i, j, c] = lowest[i, j, c] = highest[i, j, c] = np.nan
                    clipped[i, j, c] = 0.0
                    continue
                mean[i, j, c] = total / count
                lowest[i, j, c], highest[i, j, c] = low, high
                clipped[i, j, c] = tops / count
