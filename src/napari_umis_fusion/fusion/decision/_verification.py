"""Consistency verification by filters: the mode or the median of a window of the decision map.

The histogram of the window is updated as it slides. Each column has its own histogram, so that a
step adds one column and subtracts one, whatever the size of the window; and only indices that
occur in a tile have a bin.
"""

from collections.abc import Callable, Generator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion.planes import Passes, Statistic
from napari_umis_fusion.runtime import AnyArray, bands, iter_parts, kernel, run_to_end

IndexMap = NDArray[np.uint16]

TILE_ROWS = 512
TILE_COLUMNS = 256
WIDEST_NARROW_PX = 255
"""Widest window whose counts fit into 16 bits, and so into 32 bits together with an index."""


def reference_window_px(height: int, width: int) -> int:
    """Return the window of the published method, in px: a twentieth of the shorter side, odd.

    Sides under 20 px, where the published rule gives less than one pixel, get 1.
    """
    window_px = min(height, width) // 20
    return max(1, window_px - (window_px % 2 == 0))


def mode_filter(index_map: IndexMap, window_px: int) -> IndexMap:
    """Replace each index by the most frequent one in a square window around it.

    Pixels outside the map are ignored; on a tie the smallest index wins. The time does not depend
    on the window.

    Parameters
    ----------
    index_map : ndarray of shape (Y, X), uint16
        The decision map.
    window_px : int
        Side of the window in px; odd, 1 or more. It may exceed the map.

    Returns
    -------
    ndarray of shape (Y, X), uint16
        The index map.

    Raises
    ------
    ConfigError
        If `window_px` is even or less than 1.

    References
    ----------
    Perreault and Hébert, Median Filtering in Constant Time, IEEE TIP 2007.
    https://doi.org/10.1109/TIP.2007.902329
    """
    return run_to_end(iter_filter(index_map, window_px, "mode"))


def median_filter_index(index_map: IndexMap, window_px: int) -> IndexMap:
    """Replace each index by the median of a square window around it: the 'fuzzy' option.

    Pixels outside the map are ignored; if the number of pixels is even, the median is the mean of
    the two in the middle, truncated to an integer.

    Parameters
    ----------
    index_map : ndarray of shape (Y, X), uint16
        The decision map.
    window_px : int
        Side of the window in px; odd, 1 or more. It may exceed the map.

    Returns
    -------
    ndarray of shape (Y, X), uint16
        The index map.

    Raises
    ------
    ConfigError
        If `window_px` is even or less than 1.
    """
    return run_to_end(iter_filter(index_map, window_px, "median"))


def iter_filter(
    index_map: IndexMap,
    window_px: int,
    statistic: Statistic,
    threads: int | None = None,
    out: IndexMap | None = None,
) -> Generator[None, None, IndexMap]:
    """Compute `mode_filter` or `median_filter_index`, yielding every 50 ms.

    Parameters
    ----------
    index_map, window_px
        As in `mode_filter`.
    statistic : {"mode", "median"}
        The statistic of the window.
    threads : int, optional
        Number of threads, by default one per processor. It does not change the result.
    out : ndarray of shape (Y, X), uint16, optional
        Output; must not be `index_map`.
    """
    if window_px < 1 or window_px % 2 == 0:
        raise ConfigError(
            f"window_px={window_px}; accepted is an odd number of 1 or more, so that the window "
            "has a centre."
        )
    source = np.ascontiguousarray(index_map, np.uint16)
    out = np.empty_like(source) if out is None else out
    kernel = {"mode": _mode_tile, "median": _median_tile}[statistic]
    rows, columns = source.shape
    tiles = [
        (*band, *span)
        for band in bands(rows, -(-rows // TILE_ROWS))
        for span in bands(columns, -(-columns // TILE_COLUMNS))
    ]
    # A wider window holds no more pixels.
    radius = min(window_px // 2, max(source.shape))
    yield from iter_parts(partial(_filter_tile, kernel, source, radius, out), tiles, threads)
    return out


def iter_verify(
    decision_map: IndexMap, config: FusionConfig, passes: Passes, threads: int, out: IndexMap
) -> Generator[None]:
    """Fill `out` with the index map; 'seams' verified decisions already when they were made."""
    if passes.statistic is None:
        out[...] = decision_map
        return
    window_px = config.verification_window_px or reference_window_px(*decision_map.shape)
    yield from iter_filter(decision_map, window_px, passes.statistic, threads, out)


def _filter_tile(
    kernel: Callable[..., None],
    source: IndexMap,
    radius: int,
    out: IndexMap,
    tile: tuple[int, int, int, int],
) -> None:
    """Filter one tile (first row, last row + 1, first column, last column + 1)."""
    top, bottom, left, right = tile
    low_row, low_column = max(top - radius, 0), max(left - radius, 0)
    seen = source[low_row : bottom + radius, low_column : right + radius]
    indices = np.flatnonzero(np.bincount(seen.ravel())).astype(np.uint16)
    bin_of = np.zeros(int(indices[-1]) + 1, np.uint16)
    bin_of[indices] = np.arange(len(indices))
    binned = bin_of[seen]
    narrow = 2 * radius + 1 <= WIDEST_NARROW_PX
    columns = np.zeros((binned.shape[1] + 1, len(indices)), np.uint16)
    window = np.zeros(len(indices), np.uint32 if narrow else np.int64)
    target = out[top:bottom, left:right]
    kernel(binned, indices, radius, top - low_row, left - low_column, columns, window, target)


@kernel
def _enter_row(binned: AnyArray, row: int, first_row: int, radius: int, columns: AnyArray) -> None:
    """Update the histogram of every column to a window centred on `row`."""
    height, width = binned.shape
    low = row + radius if row > first_row else max(row - radius, 0)
    for y in range(low, min(row + radius + 1, height)):
        for x in range(width):
            columns[x, binned[y, x]] += 1
    old = row - radius - 1
    if row > first_row and old >= 0:
        for x in range(width):
            columns[x, binned[old, x]] -= 1


@kernel
def _first_window(
    columns: AnyArray, column: int, radius: int, shift: int, window: AnyArray
) -> None:
    """Sum the columns of the first window of a row, except the one that `_slide` adds first."""
    for b in range(len(window)):
        window[b] = 0
    for x in range(max(column - radius, 0), min(column + radius, len(columns) - 1)):
        for b in range(len(window)):
            window[b] += np.int64(columns[x, b]) << shift


@kernel
def _slide(columns: AnyArray, entering: int, leaving: int, shift: int, window: AnyArray) -> None:
    """Add the histogram of one column to that of the window, and subtract that of another.

    The last of the `columns` is empty: it represents columns outside the map.
    """
    empty = len(columns) - 1
    entering = min(entering, empty)
    leaving = leaving if leaving >= 0 else empty
    for b in range(len(window)):
        change = np.int64(columns[entering, b]) - np.int64(columns[leaving, b])
        window[b] = np.int64(window[b]) + change * (1 << shift)


@kernel
def _mode_tile(
    binned: AnyArray,
    indices: AnyArray,
    radius: int,
    first_row: int,
    first_column: int,
    columns: AnyArray,
    window: AnyArray,
    out: AnyArray,
) -> None:
    """Write the mode of the window of each pixel of `out`.

    `binned` begins `first_row` rows above and `first_column` columns left of `out`.
    """
    for y in range(out.shape[0]):
        _enter_row(binned, first_row + y, first_row, radius, columns)
        _first_window(columns, first_column, radius, 16, window)
        # The count in the upper bits, 65535 - bin in the lower 16: the largest number is the mode,
        # and on a tie the one of the smallest index.
        for b in range(len(window)):
            window[b] += 65535 - b
        for x in range(out.shape[1]):
            middle = first_column + x
            leaving = middle - radius - 1 if x else -1
            _slide(columns, middle + radius, leaving, 16, window)
            best = window[0]
            for b in range(1, len(window)):
                best = max(best, window[b])
            out[y, x] = indices[65535 - (np.int64(best) & 65535)]


@kernel
def _median_tile(
    binned: AnyArray,
    indices: AnyArray,
    radius: int,
    first_row: int,
    first_column: int,
    columns: AnyArray,
    window: AnyArray,
    out: AnyArray,
) -> None:
    """Write the truncated median of the window of each pixel of `out`.

    `binned` begins `first_row` rows above and `first_column` columns left of `out`.
    """
    height, width = binned.shape
    for y in range(out.shape[0]):
        row = first_row + y
        rows = min(row + radius + 1, height) - max(row - radius, 0)
        _enter_row(binned, row, first_row, radius, columns)
        _first_window(columns, first_column, radius, 0, window)
        for x in range(out.shape[1]):
            middle = first_column + x
            leaving = middle - radius - 1 if x else -1
            _slide(columns, middle + radius, leaving, 0, window)
            count = rows * (min(middle + radius + 1, width) - max(middle - radius, 0))
            out[y, x] = _truncated_median(window, indices, count)


@kernel
def _truncated_median(window: AnyArray, indices: AnyArray, count: int) -> int:
    """Find the median of a histogram of `count` values, truncated to an integer."""
    low = 0
    seen = np.int64(window[0])
    while seen <= (count - 1) // 2:
        low += 1
        seen += np.int64(window[low])
    high = low
    while seen <= count // 2:
        high += 1
        seen += np.int64(window[high])
    return (int(indices[low]) + int(indices[high])) // 2
