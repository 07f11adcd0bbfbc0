"""Borders of one value, with which programs pad planes that were moved."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

MIN_LINES = 2
"""A single line may be an odd one of the sensor."""

MAX_EQUAL = 0.5
"""Share of the next line that may have the same value: where the ground is dark, lines of one value
are no padding."""


def padding_of(values: NDArray[Any]) -> tuple[int, int, int, int]:
    """Return how many lines hold one value at the top, the bottom, the left and the right.

    Parameters
    ----------
    values : ndarray of shape (Y, X, C)
        Of a plane.
    """
    turned = values.swapaxes(0, 1)
    return _lines(values), _lines(values[::-1]), _lines(turned), _lines(turned[::-1])


def has_padding(lines: Sequence[int], others: Sequence[Sequence[int]]) -> bool:
    """Whether a plane is padded on a side where some plane around it is not."""
    return any(
        lines[side] - min(other[side] for other in others) >= MIN_LINES
        for side in range(4)
        if others
    )


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
    for side, value in enumerate((corners[0], corners[-1]) * 2 if others else ()):
        is_new = lines[side] - min(other[side] for other in others) >= MIN_LINES
        if is_new and any(one > low for one, low in zip(value, lowest, strict=True)):
            found.update(dict.fromkeys(enumerate(value)))
    return list(found)


def _lines(rows: NDArray[Any]) -> int:
    value = rows[0, 0]
    for count, row in enumerate(rows):
        equal = (row == value).all(axis=-1)
        if not equal.all():
            return count if equal.mean() <= MAX_EQUAL else 0
    return 0
