"""Corners of one value behind a straight edge, as a plane has that was rotated into place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

MIN_LEG_PX = 20
"""Pixels of one value along one side of a corner; along the other, MIN_DEPTH_PX."""

MIN_DEPTH_PX = 3

MAX_ROUGHNESS_PX, MIN_STRAIGHT = 0.75, 0.95
"""By so much the edge may differ from a straight one, in so much of it: a dark ground ends
otherwise, and a round field of view too."""

STEP_PX, BEYOND_PX, MIN_STEP = 2, 6, 1.0
"""So far behind the edge, the picture differs from the value by so many times what it changes from
there to a little farther away: parts that are dark or burnt and out of focus end step by step."""

MIN_CHANGE_PX = 2
"""By so much a side of the corner of another plane differs, or it has been there in all of them."""


@dataclass(frozen=True, slots=True)
class Wedge:
    """A corner of a plane that holds one value.

    Attributes
    ----------
    corner : int
        Which: top left, top right, bottom left, bottom right.
    value : tuple of float
        Of each channel.
    legs : tuple of int
        Its length along the rows and along the columns, in pixels.
    is_step : bool
        Whether the picture begins all at once behind its edge.
    """

    corner: int
    value: tuple[float, ...]
    legs: tuple[int, int]
    is_step: bool = True


def wedges_of(values: NDArray[Any]) -> tuple[Wedge, ...]:
    """Return the wedges of a plane (Y, X, C)."""
    views = values, values[:, ::-1], values[::-1], values[::-1, ::-1]
    found = []
    for corner, view in enumerate(views):
        legs = _run(view[0], view[0, 0]), _run(view[:, 0], view[0, 0])
        if max(legs) < MIN_LEG_PX or min(legs) < MIN_DEPTH_PX:
            continue
        along = view if legs[0] >= legs[1] else view.swapaxes(0, 1)
        depths = _depths(along, max(legs), min(legs))
        if _is_straight(depths):
            value = tuple(view[0, 0].astype(np.float64).tolist())
            found.append(Wedge(corner, value, legs, _is_step(along, depths)))
    return tuple(found)


def new_wedges(
    wedges: Sequence[Wedge], others: Sequence[tuple[Sequence[Wedge], Sequence[Sequence[float]]]]
) -> list[tuple[int, float]]:
    """Return channels and values of wedges that are no part of the picture.

    Parameters
    ----------
    wedges : sequence of Wedge
        Of a plane.
    others : sequence of (sequence of Wedge, sequence of sequence of float)
        Of other planes, their wedges and the pixels in their corners.
    """
    found: dict[tuple[int, float], None] = {}
    for wedge in wedges:
        if _shows_nothing(wedge, others):
            found.update(dict.fromkeys(enumerate(wedge.value)))
    return list(found)


def _shows_nothing(
    wedge: Wedge, others: Sequence[tuple[Sequence[Wedge], Sequence[Sequence[float]]]]
) -> bool:
    """Whether another plane has something else in that corner, or all have sharp wedges there.

    A dark or burnt part of the picture stays what it is in all planes, and its edge is straight and
    sharp in those in focus alone.
    """
    if any(tuple(corners[wedge.corner]) != wedge.value for _, corners in others):
        return True
    there = [one for wedges, _ in others for one in wedges if one.corner == wedge.corner]
    grows = not all(_are_equal(wedge, one) for one in there)
    return grows and len(there) == len(others) and all(one.is_step for one in (wedge, *there))


def _are_equal(wedge: Wedge, other: Wedge) -> bool:
    changes = (abs(one - two) for one, two in zip(wedge.legs, other.legs, strict=True))
    return max(changes) < MIN_CHANGE_PX


def _run(line: NDArray[Any], value: NDArray[Any]) -> int:
    """Return how many pixels of a line hold a value, from its beginning."""
    equal = (line == value).all(axis=-1)
    return len(equal) if equal.all() else int(equal.argmin())


def _depths(view: NDArray[Any], length: int, depth: int) -> NDArray[np.intp]:
    """Return how many pixels below each of the first row hold its value."""
    block = (view[: depth + 1, :length] == view[0, 0]).all(axis=-1)
    return np.where(block.all(axis=0), len(block), block.argmin(axis=0))


def _is_straight(depths: NDArray[np.intp]) -> bool:
    """Whether what lies along the first row ends at a straight slope."""
    if depths.max() - depths.min() < MIN_DEPTH_PX - 1:
        return False  # a border of lines
    x = np.arange(len(depths)) - (len(depths) - 1) / 2
    slope = (x @ depths) / (x @ x)
    rest = depths - depths.mean() - slope * x
    return bool(np.mean(np.abs(rest) <= MAX_ROUGHNESS_PX) >= MIN_STRAIGHT)


def _is_step(view: NDArray[Any], depths: NDArray[np.intp]) -> bool:
    columns = np.flatnonzero(depths + BEYOND_PX < len(view))
    if not columns.size:
        return False
    near, far = (
        view[depths[columns] + px, columns].astype(np.float64) for px in (STEP_PX, BEYOND_PX)
    )
    step, change = (np.median(np.abs(one)) for one in (near - view[0, 0], far - near))
    return bool(step > MIN_STEP * change)
