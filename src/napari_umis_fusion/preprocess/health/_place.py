"""Frames that show another place than the planes around, or half of their lines."""

from collections.abc import Sequence

import numpy as np

from napari_umis_fusion.preprocess.health._neighbours import nearest_two
from napari_umis_fusion.preprocess.health._statistics import Mask, PlaneStatistics, Table
from napari_umis_fusion.preprocess.health._unlike import without_lines

MIN_ALIKE = 0.9
"""Correlation of the tiles of planes that show the same place; so coarse, focus hardly matters."""

MAX_ALIKE = 0.5
"""Correlation with a plane that shows another place, or the same one shifted."""

MIN_ALIKE_END, MAX_ALIKE_END = 0.95, 0.3
"""The same for the first and last planes, of which one side only is known."""

MAX_CONTRAST_RATIO = 2.0
"""Contrast of a plane of another place, relative to those around: about the same. Where only one
plane of an optical section shows anything, it has far more than the empty ones around it."""

MIN_TILES = 16
"""Fewer tiles correlate by chance."""

MIN_COMB = 2.0
"""How much more neighbouring lines differ than lines two apart, where every second one is lost."""

MAX_COMB = 1.3
"""The same of whole planes: 1 for noise, less for a picture."""

MIN_BALANCE = 0.5
"""Lines of a grating are brighter than planes around by this share of what the others are darker
by, or more."""


def is_elsewhere(
    plane: PlaneStatistics, before: Sequence[PlaneStatistics], after: Sequence[PlaneStatistics]
) -> bool:
    """Whether a plane shows another place than planes before and after it, which show one."""
    if not all(_is_as_rich(plane, one) for one in (*before[-1:], *after[:1])):
        return False
    if before and after:
        here = _alike(plane, before[-1])
        if not here < MAX_ALIKE:
            return False
        return any(
            _alike(before[-1], one) > MIN_ALIKE and _alike(plane, one) < MAX_ALIKE for one in after
        )
    side = nearest_two(before, after)
    if len(side) < 2:
        return False
    return _alike(*side) > MIN_ALIKE_END and all(_alike(plane, one) < MAX_ALIKE_END for one in side)


def jumps_elsewhere(
    plane: PlaneStatistics, before: Sequence[PlaneStatistics], after: Sequence[PlaneStatistics]
) -> bool:
    """Whether a plane and those after it show another place than those before."""
    if len(before) < 2 or not after:
        return False
    return (
        _alike(before[-2], before[-1]) > MIN_ALIKE
        and _alike(plane, after[0]) > MIN_ALIKE
        and all(_alike(one, before[-1]) < MAX_ALIKE for one in (plane, after[0]))
    )


def is_combed(plane: PlaneStatistics, sides: Sequence[Sequence[PlaneStatistics]]) -> bool:
    """Whether every second line is lost, of a plane between whole ones."""
    if plane.comb < MIN_COMB or not sides:
        return False
    if not all(min(one.comb for one in side) < MAX_COMB for side in sides):
        return False
    nearest = [min(side, key=lambda one: abs(one.z - plane.z)) for side in sides]
    return not _is_grating(plane, nearest)


def _is_grating(plane: PlaneStatistics, around: Sequence[PlaneStatistics]) -> bool:
    """Whether every second line is as much brighter than planes around as the others are darker.

    So does a grating that comes into focus; of lines that are lost, the others stay what they are.
    """
    if not all(one.lines for one in (plane, *around)):
        return False
    changes = [
        here.mean - np.mean([one.lines[axis].mean for one in around], axis=0)
        for axis, here in enumerate(plane.lines)
    ]
    pairs = np.stack([[off[k::2].mean(axis=0) for k in (0, 1)] for off in changes])
    pairs = np.moveaxis(pairs, 1, 0).reshape(2, -1)  # of all axes and channels
    even, odd = pairs[:, np.abs(pairs[0] - pairs[1]).argmax()]
    return bool(
        even * odd < 0 and min(abs(even), abs(odd)) > MIN_BALANCE * max(abs(even), abs(odd))
    )


def _is_as_rich(plane: PlaneStatistics, other: PlaneStatistics) -> bool:
    """Whether two planes have about the same contrast of tiles."""
    one, two = plane.contrast, other.contrast
    return max(one, two) <= MAX_CONTRAST_RATIO * min(one, two)


def _alike(one: PlaneStatistics, other: PlaneStatistics) -> float:
    """Return the correlation of the tiles of two planes, NaN where they do not tell."""
    # Parts that were not written tell nothing of the place.
    known = one.shown & other.shown
    if known.sum() < MIN_TILES:
        return np.nan
    here = known.reshape(one.mean.shape[:2])
    alike = _correlation(one.mean, other.mean, here)
    if alike > MIN_ALIKE_END:  # no more is asked for
        return alike
    # Light may flicker while planes are read.
    own = _correlation(without_lines(one.mean, here), without_lines(other.mean, here), here)
    return alike if np.isnan(own) else max(alike, own)


def _correlation(one: Table, other: Table, here: Mask) -> float:
    # Channels that are bright in all tiles would be alike everywhere.
    first, second = (values[here] - values[here].mean(axis=0) for values in (one, other))
    size = np.linalg.norm(first) * np.linalg.norm(second)
    return float((first * second).sum() / size) if size > 0 else np.nan
