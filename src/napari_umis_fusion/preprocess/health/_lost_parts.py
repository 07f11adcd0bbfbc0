"""Parts of a plane that do not show the specimen: torn, padded, clipped, or in another light."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.preprocess.health._neighbours import Side
from napari_umis_fusion.preprocess.health._padding import (
    Strip,
    bright_padding,
    has_padding,
    padded_strips,
    repeated_strips,
)
from napari_umis_fusion.preprocess.health._stale_lines import stale_strips
from napari_umis_fusion.preprocess.health._statistics import (
    PlaneStatistics,
    Table,
    tiles_of_lines,
)
from napari_umis_fusion.preprocess.health._torn import find_gaps
from napari_umis_fusion.preprocess.health._wedges import new_wedges

MIN_NEWS = 0.02
"""Share of what a plane spans, by which another shows something else where it is padded: an even
ground is rounded to one value in more lines of one plane than of the next."""

MIN_NEAR = 0.05
"""Share of what a plane spans, by which a value is near either end of it."""


@dataclass(frozen=True, slots=True)
class LostParts:
    """What a plane lost.

    Attributes
    ----------
    gaps : tuple of (int, float)
        Channel, and value of its constant part.
    strips : tuple of (axis, start, stop)
        Rows or columns.
    tiles : ndarray of shape (rows of tiles, columns of tiles)
        Share of each tile, 0 to 1.
    is_torn, is_padded : bool
        What it is called.
    hides_motion : bool
        Whether it has edges within the plane, which do not move with the picture.
    """

    gaps: tuple[tuple[int, float], ...]
    strips: tuple[Strip, ...]
    tiles: Table
    is_torn: bool
    is_padded: bool
    hides_motion: bool


def find_lost_parts(
    plane: PlaneStatistics,
    before: Side,
    after: Side,
    tops: Sequence[float] = (),
    lit_apart: Sequence[Strip] = (),
) -> LostParts:
    """Return what a plane lost.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.
    tops : sequence of float
        Of each channel, the value at which it is clipped; empty where it is not.
    lit_apart : sequence of (axis, start, stop)
        Lines in a light of their own.
    """
    others = (*before, *after)
    gaps, torn = find_gaps(plane, [side for side in (before, after) if side], tops)
    padding, paddings = _told_padding(plane, others), [one.padding for one in others]
    is_padded = has_padding(padding, paddings)
    is_torn = bool(gaps) and (bool(torn.any()) or not is_padded)  # padding may be narrow
    wedges = [one for one in plane.wedges if one.is_step or not _is_end(plane, one.value)]
    added = new_wedges(wedges, [(one.wedges, one.corners) for one in others])
    is_padded |= bool(added)
    if is_padded:
        lowest = np.nanmin(plane.lowest, axis=(0, 1)).tolist()
        added += bright_padding(padding, paddings, plane.corners, lowest)
    shape = plane.lines_shape
    repeated = repeated_strips(plane.repeats, [one.repeats for one in others], shape)
    repeated += stale_strips(plane, before, after)
    padded = padded_strips(padding, plane.at_once, paddings, shape)
    strips = (*repeated, *padded, *lit_apart)
    lost = np.maximum(torn, tiles_of_lines(plane, strips)).astype(np.float64)
    if tops:
        lost = np.maximum(lost, plane.clipped.max(axis=2))
    return LostParts(
        tuple(dict.fromkeys((*gaps, *added))),
        strips,
        lost,
        is_torn=is_torn or bool(repeated),
        is_padded=is_padded,
        hides_motion=is_torn and bool((torn & ~plane.padded).any() or not torn.any()),
    )


def _told_padding(plane: PlaneStatistics, others: Side) -> tuple[int, ...]:
    """Return the padding of a plane on the sides where other planes show something else."""
    lines = list(plane.padding)
    for side, count in enumerate(lines if plane.lines else ()):
        axis, is_last = divmod(side, 2)
        size = plane.lines_shape[axis]
        there = slice(size - count, size) if is_last else slice(0, count)
        here = plane.lines[axis].mean[there]
        beyond = size - count - 2 if is_last else count + 1
        if not 0 <= beyond < size or not _differs(plane, plane.lines[axis].mean[beyond], here):
            lines[side] = 0  # a ground that is burnt or dark ends step by step
        seen = [one.lines[axis].mean[there] for one in others if one.lines]
        if seen and not any(_differs(plane, one, here) for one in seen):
            lines[side] = 0
    return tuple(lines)


def _is_end(plane: PlaneStatistics, value: Sequence[float]) -> bool:
    """Whether a value is about the lowest or the highest: what is dark or burnt ends softly."""
    ends = (edge(plane.mean, axis=(0, 1)) for edge in (np.nanmin, np.nanmax))
    return any(bool((np.abs(one - value) < MIN_NEAR * plane.span).all()) for one in ends)


def _differs(plane: PlaneStatistics, one: Table, other: Table) -> bool:
    return bool((np.abs(one - other) > MIN_NEWS * plane.span).any())
