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
    """

    corner: int
    value: tuple[float, ...]
    legs: tuple[int, int]


def wedges_of(values: NDArray[Any]) -> tuple[Wedge, ...]:
    """Return the wedges of a plane (Y, X, C)."""
    views = values, values[:, ::-1], values[::-1], values[::-1, ::-1]
    found = []
    for corner, view in enumerate(views):
        legs = _run(view[0], view[0, 0]), _run(view[:, 0], view[0, 0])
        if max(legs) < MIN_LEG_PX or min(legs) < MIN_DEPTH_PX:
            continue
        along = view if legs[0] >= legs[1] else view.swapaxes(0, 1)
        if _is_straight(along, max(legs), min(legs)):
            found.append(Wedge(corner, tuple(view[0, 0].astype(np.float64).tolist()), legs))
    return tuple(found)


def new_wedges(
    wedges: Sequence[Wedge], others: Sequence[Sequence[Wedge]]
) -> list[tuple[int, float]]:
    """Return channels and values of wedges that some other plane does not have."""
    found: dict[tuple[int, float], None] = {}
    for wedge in wedges:
        if not all(any(_are_equal(wedge, one) for one in other) for other in others):
            found.update(dict.fromkeys(enumerate(wedge.value)))
    return list(found)


def _are_equal(wedge: Wedge, other: Wedge) -> bool:
    changes = (abs(one - two) for one, two in zip(wedge.legs, other.legs, strict=True))
    return wedge.corner == other.corner and max(changes) < MIN_CHANGE_PX


def _run(line: NDArray[Any], value: NDArray[Any]) -> int:
    """Return how many pixels of a line hold a value, from its beginning."""
    equal = (line == value).all(axis=-1)
    return len(equal) if equal.all() else int(equal.argmin())


def _is_straight(view: NDArray[Any], length: int, depth: int) -> bool:
    """Whether what lies along the first row ends at a straight slope."""
    block = (view[: depth + 1, :length] == view[0, 0]).all(axis=-1)
    depths = np.where(block.all(axis=0), len(block), block.argmin(axis=0))
    if depths.max() - depths.min() < MIN_DEPTH_PX - 1:
        return False  # a border of lines
    x = np.arange(length)
    slope, start = np.polyfit(x, depths, 1)
    return bool(np.mean(np.abs(depths - slope * x - start) <= MAX_ROUGHNESS_PX) >= MIN_STRAIGHT)
