"""Frames whose detail is not that of the planes around, such as a texture laid over the picture.

Defocus takes detail away and moves none of it: tiles that are brighter than those around them are
so in the next planes too, if by less. Of 2,470 sound planes of real and rendered stacks, 1,998 lay
between planes that were alike by 0.6 or more; each was alike to one of them by 0.26 less at most,
and that in gratings. Where phase objects are seen, a first plane may be alike to neither of two
that are by 0.88.
"""

from collections.abc import Sequence

import numpy as np

from napari_umis_fusion.preprocess.health._neighbours import Side, pairs_around
from napari_umis_fusion.preprocess.health._statistics import Mask, PlaneStatistics, Table
from napari_umis_fusion.preprocess.health._unlike import (
    blurred,
    correlation,
    over_3_x_3,
    shown_tiles,
    without_lines,
)

MIN_ALIKE, MIN_ALIKE_END = 0.6, 0.93
"""Correlation of the detail of two planes from which on they tell what a plane should show; of
those next to a first or last plane."""

MAX_LESS, MAX_ALIKE_END = 0.3, 0.1
"""By so much less a plane is alike to the nearer of them, or the inverse, if its detail is its own;
what a first or last plane is alike to either at most. Phase objects change from plane to plane."""

MIN_DETAIL = 0.4
"""Strength of its detail relative to theirs: less is no other picture, but none."""

MIN_SHOWN = 0.1
"""Of what they span: less may be the border of a grating whose lines are finer than tiles."""

MIN_TILES = 100
"""Fewer correlate by chance."""


def is_foreign(plane: PlaneStatistics, before: Side, after: Side, lost: Table) -> bool:
    """Whether a plane shows detail of its own, and little of what planes around share.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane, in place.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.
    lost : ndarray of shape (rows of tiles, columns of tiles)
        Share of each tile that was lost.
    """
    is_end = not (before and after)
    for one, other in pairs_around(before, after)[:2]:
        planes = (plane, one, other)
        here = np.asarray(np.logical_and.reduce([lost == 0, *(shown_tiles(p) for p in planes)]))
        inner = over_3_x_3(here[..., None].astype(np.float64), np.fmin)[..., 0] > 0
        if inner.sum() < MIN_TILES:
            continue
        details = [_detail(p, here) for p in planes]
        usual = max(np.sqrt((two[inner] ** 2).mean()) for two in details[1:])
        is_rich = np.sqrt((details[0][inner] ** 2).mean()) > MIN_DETAIL * usual
        is_rich &= usual > MIN_SHOWN * max(float(one.span.max()), float(other.span.max()))
        if not is_rich or not _differs([detail[inner] for detail in details], is_end=is_end):
            continue
        # Lines may be brighter where light flickers while planes are read.
        apart = [without_lines(detail, here)[inner] for detail in details]
        if _differs(apart, is_end=is_end):
            return True
    return False


def _differs(details: Sequence[Table], *, is_end: bool) -> bool:
    """Whether the detail of a plane is not that of two others, which are alike."""
    own, first, second = details
    alike = correlation(first, second)
    nearer = max(abs(correlation(own, two)) for two in (first, second))
    most = MAX_ALIKE_END if is_end else alike - MAX_LESS
    return alike > (MIN_ALIKE_END if is_end else MIN_ALIKE) and nearer < most


def _detail(plane: PlaneStatistics, here: Mask) -> Table:
    """Return by how much tiles are brighter than those around them."""
    tiles = np.where(here[..., None], plane.mean, 0.0)
    return np.asarray(tiles - blurred(tiles))
