"""Borders of one value, or of one line, with which programs pad planes that were moved.

A frame that is cut short ends with one line, too, where a reader or a camera repeats the last one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Strip = tuple[int, int, int]
"""Axis, first line and line after the last."""

MIN_LINES = 2
"""A single line may be an odd one of the sensor, where no plane around has more."""

MIN_LENGTH_PX = 8
"""Shorter lines hold one value by chance."""

MAX_EQUAL = 0.5
"""Share of the next line that may have the same value: where the ground is dark, lines of one value
are no padding."""


MIN_REPEATS, MAX_REPEATS = 8, 1
"""A line that is there once more so many times at a border was not recorded, if no other plane has
any; a row of blocks of eight that a file compressed may be one line."""

STEP_PX, BEYOND_PX, MIN_STEP, MAX_LEFT = 2, 6, 1.0, 0.05
"""So far behind padding, the picture differs from its value by more than it changes from there to a
little farther away, and hardly any pixel holds that value: a dark ground ends step by step."""

RIM_PX = 2
"""Lines behind padding that were interpolated with it, where planes were moved."""


def padding_of(values: NDArray[Any]) -> tuple[int, int, int, int]:
    """Return how many lines hold one value at the top, the bottom, the left and the right.

    Parameters
    ----------
    values : ndarray of shape (Y, X, C)
        Of a plane.
    """
    turned = values.swapaxes(0, 1)
    return _lines(values), _lines(values[::-1]), _lines(turned), _lines(turned[::-1])


def begin_at_once(
    values: NDArray[Any], padding: tuple[int, int, int, int]
) -> tuple[bool, bool, bool, bool]:
    """Return on which sides of a plane (Y, X, C) the picture begins all at once behind padding."""
    top, bottom, left, right = padding
    height, width = values.shape[:2]
    rows, columns = values[:, left : width - right], values[top : height - bottom].swapaxes(0, 1)
    return (
        _begins_at_once(rows, top),
        _begins_at_once(rows[::-1], bottom),
        _begins_at_once(columns, left),
        _begins_at_once(columns[::-1], right),
    )


def has_padding(lines: Sequence[int], others: Sequence[Sequence[int]]) -> bool:
    """Whether a plane is padded on a side where some plane around it is not."""
    return any(_is_new(side, lines, others) for side in range(4))


def bright_padding(
    lines: Sequence[int],
    others: Sequence[Sequence[int]],
    corners: Sequence[Sequence[float]],
    lowest: Sequence[float],
) -> list[tuple[int, float]]:
    """Return channel and value of padding, as in `has_padding`, that is no dark ground.

    Parameters
    ----------
    lines, others : sequence of int
        Lines of one value on the four sides of a plane, and of others.
    corners : sequence of sequence of float
        The pixels in the corners of the plane, the first and the last of which lie on its sides.
    lowest : sequence of float
        Of each channel of the plane.
    """
    found: dict[tuple[int, float], None] = {}
    for side, value in enumerate((corners[0], corners[-1]) * 2):
        is_new = _is_new(side, lines, others)
        if is_new and any(one > low for one, low in zip(value, lowest, strict=True)):
            found.update(dict.fromkeys(enumerate(value)))
    return list(found)


def padded_strips(
    lines: Sequence[int],
    at_once: Sequence[bool],
    others: Sequence[Sequence[int]],
    shape: tuple[int, int],
) -> tuple[Strip, ...]:
    """Return padding, as in `has_padding`, behind which the picture begins all at once.

    Parameters
    ----------
    lines, others : sequence of int
        Lines of one value on the four sides of a plane, and of others.
    at_once : sequence of bool
        Of the plane, see `begin_at_once`.
    shape : tuple of int
        Rows and columns of the plane.
    """
    strips: list[Strip] = []
    for side, count in enumerate(lines):
        if at_once[side] and _is_new(side, lines, others):
            axis, is_last = divmod(side, 2)
            size, lost = shape[axis], count + RIM_PX
            strips.append((axis, size - lost, size) if is_last else (axis, 0, lost))
    return tuple(strips)


def repeats_of(values: NDArray[Any]) -> tuple[int, int, int, int]:
    """Return how often the outermost line is there once more, at the top, bottom, left and right.

    Parameters
    ----------
    values : ndarray of shape (Y, X, C)
        Of a plane. Lines of one value are `padding_of` it.
    """
    turned = values.swapaxes(0, 1)
    top, bottom, left, right = map(_repeats, (values, values[::-1], turned, turned[::-1]))
    return top, bottom, left, right


def repeated_strips(
    repeats: Sequence[int], others: Sequence[Sequence[int]], shape: tuple[int, int]
) -> tuple[Strip, ...]:
    """Return the borders of a plane that repeat a line, where no other plane does.

    Parameters
    ----------
    repeats, others : sequence of int
        Of the plane and of others, see `repeats_of`.
    shape : tuple of int
        Rows and columns of the plane.
    """
    strips: list[Strip] = []
    for side, count in enumerate(repeats if others else ()):
        if count < MIN_REPEATS or any(other[side] > MAX_REPEATS for other in others):
            continue
        axis, is_last = divmod(side, 2)
        size = shape[axis]
        strips.append((axis, size - count, size) if is_last else (axis, 0, count))
    return tuple(strips)


def _is_new(side: int, lines: Sequence[int], others: Sequence[Sequence[int]]) -> bool:
    """Whether a plane is padded on a side by more than some plane around it."""
    there = [other[side] for other in others]
    if not there:
        return False
    least = 1 if max(there) >= MIN_LINES else MIN_LINES
    return lines[side] - min(there) >= least


def _repeats(rows: NDArray[Any]) -> int:
    line = rows[0]
    count = 0
    while count + 1 < len(rows) and (rows[count + 1] == line).all():
        count += 1
    return 0 if count and (line == line[0]).all() else count


def _begins_at_once(rows: NDArray[Any], lines: int) -> bool:
    """Whether rows of a picture begin all at once behind so many lines of one value."""
    if lines < 1 or lines + BEYOND_PX >= len(rows) or not rows.shape[1]:
        return False
    value = rows[0, 0].astype(np.float64)
    near, far = (rows[lines + by].astype(np.float64) for by in (STEP_PX, BEYOND_PX))
    if (near == value).all(axis=-1).mean() > MAX_LEFT:
        return False
    step, change = (np.median(np.abs(one), axis=0).max() for one in (near - value, far - near))
    return bool(step > MIN_STEP * change)


def _lines(rows: NDArray[Any]) -> int:
    value = rows[0, 0]
    if rows.shape[1] < MIN_LENGTH_PX:
        return 0
    for count, row in enumerate(rows):
        equal = (row == value).all(axis=-1)
        if not equal.all():
            return count if equal.mean() <= MAX_EQUAL else 0
    return 0
