"""How the lines of a plane differ from pixel to pixel, and from line to line."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.stack import Plane

Array = NDArray[Any]
Table = NDArray[np.float64]

SAMPLE_LINES = 64
"""How many lines are looked at along the other side for lines that are lost."""

MIN_ROWS = 16
"""Fewer rows do not tell."""

PART_PX, QUIET = 32, 10
"""Part of a line of which grain is told, and percentile of the parts: noise is in all of them."""

MAX_SQUARE_PX, MIN_SQUARES, MIN_LEVELS = 6, 8, 32
"""Side of squares of one value at most, since blocks of eight are what compression leaves; how many
there are along a side at least; and how many values: a chart of two tones may be drawn in squares,
too."""


def some_of(size: int) -> slice:
    """Return some of so many lines, spread evenly."""
    return slice(None, None, max(1, size // SAMPLE_LINES))


def comb_of(values: Plane) -> float:
    """Return how much neighbouring lines of a plane (Y, X, C) differ, see `PlaneStatistics`."""
    sides = values[:, some_of(values.shape[1])], values[some_of(len(values))].swapaxes(0, 1)
    return max(_comb(side) for side in sides)


def _comb(values: Plane) -> float:
    """Return how much neighbouring rows differ, relative to rows two apart."""
    rows = values.astype(np.float32)
    if len(rows) < MIN_ROWS:
        return 1.0
    if values.dtype.kind == "f":
        rows[~np.isfinite(rows)] = np.nan
        near, far = (_mean_difference(rows[by:], rows[:-by]) for by in (1, 2))
    else:
        near, far = (float(np.abs(rows[by:] - rows[:-by]).ravel().mean()) for by in (1, 2))
    return near / far if far > 0 else 1.0


def square_of(values: Plane) -> int:
    """Return the side of the squares of one value that a plane (Y, X, C) consists of, 1 if none.

    So it is where a camera has joined pixels, and software has enlarged what it delivered.
    """
    sides = values[some_of(len(values))], values[:, some_of(values.shape[1])].swapaxes(0, 1)
    square = min(_run_of(side) for side in sides)
    if square == 1 or len(np.unique(sides[0][..., 0])) < MIN_LEVELS:
        return 1
    return square


def _run_of(lines: Plane) -> int:
    """Return how many pixels apart the places are at which any line changes; 1 if anywhere."""
    changes = np.flatnonzero((lines[:, 1:] != lines[:, :-1]).any(axis=(0, 2)))
    apart = int(np.gcd.reduce(np.diff(changes))) if len(changes) > MIN_SQUARES else 1
    is_filled = 2 * len(changes) * apart > lines.shape[1]
    return apart if apart <= MAX_SQUARE_PX and is_filled else 1


def grain_of(values: Plane) -> Table:
    """Return the grain of a plane (Y, X, C), see `PlaneStatistics`."""
    sides = [_bends(side[some_of(len(side))]) for side in (values, values.swapaxes(0, 1))]
    return np.stack(sides) if all(side.size for side in sides) else np.zeros((0, 0, 2))


def _bends(lines: Plane) -> Table:
    """Return the energy of second differences of neighbours, and of next but one; (C, 2)."""
    rows = lines.astype(np.float32)
    count = (rows.shape[1] - 4) // PART_PX
    if count < 1:
        return np.zeros((0, 2))
    with np.errstate(over="ignore"):
        middle = 2 * rows[:, 2:-2]
    found = []
    for by in (1, 2):
        with np.errstate(invalid="ignore", over="ignore"):
            bend = rows[:, 2 - by : -2 - by] + rows[:, 2 + by : rows.shape[1] - 2 + by] - middle
            parts = (bend * bend)[:, : count * PART_PX].reshape(len(rows), count, PART_PX, -1)
            energy = parts.mean(axis=2).reshape(-1, parts.shape[3])
        known = energy[np.isfinite(energy).all(axis=1)]
        found.append(
            np.percentile(known, QUIET, axis=0) if len(known) else np.zeros(energy.shape[1])
        )
    return np.asarray(np.stack(found, axis=1), np.float64)


def _mean_difference(rows: Array, others: Array) -> float:
    differences = np.abs(rows - others)
    known = differences[np.isfinite(differences)]
    return float(known.mean()) if known.size else 0.0
