"""Profiles of a plane: how bright it is along its rows and columns, to tell whether it moved.

Defocus blurs a profile and leaves it where it is; what moves takes it along.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from napari_umis_fusion.runtime import kernel

Table = NDArray[np.float64]
Lines = NDArray[np.float32]

BANDS = 8
"""Bands of a plane, each with a profile: rows that were recorded later may have moved by more."""

PARTS, MIN_POINTS = 2, 80
"""Parts of a profile that are compared apart, since what is magnified moves to both sides, and
points of each; shorter profiles are compared as a whole."""

MAX_POINTS = 1024
"""Points of a profile; of larger planes, each point is the sum of some pixels."""

MAX_LAG = 48
"""Points by which profiles are shifted at most."""

MIN_GAIN = 0.05
"""By so much more profiles are alike once they are shifted, or they are not."""

FAR, MIN_FAR_GAIN = 3, 0.2
"""By more than so many points, by so much more: what repeats, such as a grating, is as alike to
itself one period on, and its focus decides which of both is a little more."""

LANES = 16
"""Sums of a line that grow at the same time."""

FINE, COARSE = 3, 17
"""Points of the running means, between which lies what is compared: neither noise nor light."""


@dataclass(frozen=True, eq=False)
class Profiles:
    """The profiles of a plane.

    Attributes
    ----------
    lines : tuple of ndarray of shape (BANDS, N), float32
        Along rows, of bands of rows, and along columns, of bands of columns.
    step : int
        Pixels of a point.
    shape : tuple of int
        Rows and columns of the plane.
    """

    lines: tuple[Lines, Lines]
    step: int
    shape: tuple[int, int]

    @cached_property
    def parts(self) -> tuple[Lines, Lines]:
        """Return what is compared: for rows and for columns, of shape (BANDS, 1 or PARTS, N)."""
        return _parts(self.lines[0]), _parts(self.lines[1])

    @cached_property
    def shifts(self) -> "WeakKeyDictionary[Profiles, list[tuple[Table, Table]]]":
        """How far it is shifted from planes that it was compared with."""
        return WeakKeyDictionary()

    @cached_property
    def own_parts(self) -> tuple[Lines, Lines]:
        """Return the parts without what all bands show, as of light that flickers line by line."""
        along, down = self.parts
        return along - _shared(along), down - _shared(down)


def profiles_of(
    values: NDArray[Any], padding: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> Profiles | None:
    """Return the profiles of a plane (Y, X, C); None if too small, or its values too large.

    Where lines hold one value at the top, the bottom, the left and the right, as many as `padding`
    says, profiles go on as they begin beyond: their edge tells where a plane ends.
    """
    height, width = shape = values.shape[:2]
    step = -(-max(height, width) // MAX_POINTS)
    if min(height, width) // step < MIN_POINTS:
        return None
    along = np.zeros((BANDS, width // step), np.float32)
    down = np.zeros((BANDS, height // step), np.float32)
    rows, columns = (np.arange(BANDS + 1) * (side // step * step) // BANDS for side in shape)
    line, lanes = np.empty(columns[-1], np.float32), np.empty(LANES, np.float32)
    _sum_lines(values, rows, columns, step, line, lanes, along, down)
    if not np.isfinite([along.sum(), down.sum()]).all():
        return None
    for lines, (first, last) in ((down, padding[:2]), (along, padding[2:])):
        points = lines.shape[1]
        begin, end = -(-(first + 1) // step) if first else 0, -(-(last + 1) // step) if last else 0
        if begin + end < points:
            lines[:, :begin] = lines[:, begin, None]
            lines[:, points - end :] = lines[:, points - end - 1, None]
    return Profiles((along, down), step, shape)


def shifts_between(
    one: Profiles, other: Profiles, *, own: bool = False
) -> list[tuple[Table, Table]]:
    """Return how far a plane is shifted from another, along rows, then along columns.

    Parameters
    ----------
    one, other : Profiles
        Of the two planes.
    own : bool
        Whether what all bands show does not count.

    Returns
    -------
    list of (shift, likeness), each an ndarray of shape (BANDS, 1 or PARTS)
        In pixels, and the correlation at that shift, -1 to 1.
    """
    found = None if own else one.shifts.get(other)
    if found is None:
        sides = (one.own_parts, other.own_parts) if own else (one.parts, other.parts)
        pairs = zip(*sides, strict=True)
        found = [_shifts(here, there, one.step) for here, there in pairs]
        if not own:
            one.shifts[other] = found
    return found


def _parts(lines: Lines) -> Lines:
    parts = PARTS if lines.shape[1] >= PARTS * MIN_POINTS else 1
    points = lines.shape[1] // parts
    passed = passed_by(lines)
    return np.ascontiguousarray(passed[:, : parts * points].reshape(len(lines), parts, points))


def passed_by(lines: Lines) -> Lines:
    """Return what is compared of lines (N, points): neither their noise nor their light."""
    return np.asarray(_running_mean(lines, FINE) - _running_mean(lines, COARSE))


def _shared(parts: Lines) -> Lines:
    return np.asarray(np.median(parts, axis=0), np.float32)


def _running_mean(lines: Lines, size: int) -> Lines:
    padded = np.pad(lines.astype(np.float64), ((0, 0), (size // 2 + 1, size // 2)), mode="edge")
    total = np.cumsum(padded, axis=1)
    return np.asarray((total[:, size:] - total[:, :-size]) / size, np.float32)


def _shifts(here: Lines, there: Lines, step: int) -> tuple[Table, Table]:
    most = min(MAX_LAG, here.shape[-1] // 4)
    template = here[..., most:-most]
    windows = sliding_window_view(there, template.shape[-1], axis=-1)
    products = np.einsum("bpln,bpn->bpl", windows, template)
    squares = np.cumsum(np.pad(there.astype(np.float64) ** 2, ((0, 0), (0, 0), (1, 0))), axis=-1)
    energy = squares[..., template.shape[-1] :] - squares[..., : -template.shape[-1]]
    own = (template.astype(np.float64) ** 2).sum(axis=-1, keepdims=True)
    least = 1e-9 * (energy.max() + own.max()) + 1e-100
    likeness = products / np.sqrt(np.maximum(energy * own, least**2))
    likeness[..., most] += MIN_GAIN
    best = likeness.argmax(axis=-1)
    likeness[..., most] -= MIN_GAIN
    near = likeness[..., most - 1 : most + 2]
    gain = likeness.max(axis=-1) - near.max(axis=-1)
    stays = (np.abs(best - most) > FAR) & (gain < MIN_FAR_GAIN)
    best = np.where(stays, most - 1 + near.argmax(axis=-1), best)
    inner = np.clip(best, 1, 2 * most - 1)[..., None]
    low, top, high = (np.take_along_axis(likeness, inner + by, -1)[..., 0] for by in (-1, 0, 1))
    bend = 2 * top - low - high
    between = np.where(bend > 0, (high - low) / 2 / np.where(bend > 0, bend, 1), 0)
    offset = inner[..., 0] + np.clip(between, -0.5, 0.5) - most
    # What is found at `+ offset` of the other lies at `- offset` from where it was.
    return -step * offset, np.take_along_axis(likeness, best[..., None], -1)[..., 0]


@kernel
def _sum_lines(
    values: NDArray[Any],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    step: int,
    line: Lines,
    lanes: Lines,
    along: Lines,
    down: Lines,
) -> None:
    """Fill the profiles, in space for a line and for sums of it."""
    for band in range(len(rows) - 1):
        points = along[band]
        for y in range(rows[band], rows[band + 1]):
            _add_channels(values[y], line)
            for k in range(step):
                for point in range(points.size):
                    points[point] += line[point * step + k]
            for part in range(len(columns) - 1):
                down[part, y // step] += _sum_of(line[columns[part] : columns[part + 1]], lanes)


@kernel
def _add_channels(values: NDArray[Any], line: Lines) -> None:
    """Fill a line with the sums of the channels of its pixels (X, C)."""
    for x in range(line.size):
        line[x] = values[x, 0]
    for c in range(1, values.shape[1]):
        for x in range(line.size):
            line[x] += np.float32(values[x, c])


@kernel
def _sum_of(line: Lines, lanes: Lines) -> np.float32:
    """Return the sum of a line; in lanes, of which none waits for the last addition."""
    total, whole = np.float32(0), line.size - line.size % LANES
    for lane in range(LANES):
        lanes[lane] = 0
    for x in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += line[x + lane]
    for lane in range(LANES):
        total += lanes[lane]
    for x in range(whole, line.size):
        total += line[x]
    return total
