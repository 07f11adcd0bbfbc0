"""Planes that are brighter or darker in a part: glare, shadows, vignetting, bubbles, dirt.

Defocus moves light within some pixels, and a drifting lamp or lens changes it from plane to plane:
in parts as large as an eighth of a plane, each plane is as bright as those before and after, or
between.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from napari_umis_fusion.preprocess.health._light_by_place import LightByPlace
from napari_umis_fusion.preprocess.health._neighbours import Side
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, Table
from napari_umis_fusion.preprocess.health._unlike import blurred

SMOOTH_ROUNDS = 3
"""Times that the light of tiles is averaged over 3 x 3 of them: what changes faster is no light."""

SMOOTH_TILES, MAX_REST = 95, 0.27
"""Percentage of the tiles in which such a light leaves less than this share of what it spans: the
borders of bodies that shine, drawn sharp, left 0.30 to 0.34, a reflection over hills 0.24."""

PARTS, MIN_TILES = 8, 4
"""Parts along each side at most, and tiles along the side of a part at least."""

MIN_UNEVEN = 0.1
"""By so much more than others is a part brighter or darker than in both planes next to it, as a
share of what they span; less may be a small motion..."""

MANY_STEPS, MANY_STEPS_END = 4.0, 10.0
"""...and by so many times what any part changes from plane to plane around; in a first or last
plane. Of 414 sound planes of real and rendered stacks that lay between two, none reached 2.4 times,
and of 144 first and last ones, none 4.4; one did in light that flickers while it is read."""


def uneven_between(plane: PlaneStatistics, before: Side, after: Side) -> list[tuple[Side, Side]]:
    """Return between which planes parts of one are brighter or darker, others less so.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane, in the light of those around it.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.

    Returns
    -------
    list of (sequence of PlaneStatistics, sequence of PlaneStatistics)
        Those before and after, the nearest first; empty if the plane is lit evenly.
    """
    ways = [(before, after)]
    if before and after:  # the next plane may be lit as this one
        ways += [way for way in ((before, after[1:]), (before[:-1], after)) if all(way)]
    return [(one[::-1], two) for one, two in ways if _is_uneven(plane, one, two)]


def light_by_place(
    plane: PlaneStatistics, between: Sequence[tuple[Side, Side]]
) -> LightByPlace | None:
    """Return how a plane is lit, place by place, if that explains by what it differs; else None.

    Only planes between others are evened: beside one side alone, a plane that moved looks alike.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    between : sequence of (sequence of PlaneStatistics, sequence of PlaneStatistics)
        As of `uneven_between`.
    """
    if not between or not all(between[0]) or not all(plane.lines_shape):
        return None
    return _smooth_light(plane, [side[0] for side in between[0]])


def _smooth_light(plane: PlaneStatistics, near: Side) -> LightByPlace | None:
    """Return the light that changes slowly from tile to tile; None if it leaves too much."""
    apart = np.array([abs(one.z - plane.z) for one in near], np.float64)
    weights = apart[::-1] / apart.sum()
    usual = sum(weight * one.mean for weight, one in zip(weights, near, strict=True))
    if not np.isfinite(plane.mean - usual).all():
        return None
    added = _smooth(plane.mean - usual)
    lights = [(np.ones_like(added), added)]
    dimmed = _smooth(plane.mean), _smooth(usual)
    if all(one.min() > 0 for one in dimmed):
        lights.append((dimmed[0] / dimmed[1], np.zeros_like(added)))
    rests = [
        float(np.percentile(np.abs(plane.mean - gain * usual - offset), SMOOTH_TILES, (0, 1)).max())
        for gain, offset in lights
    ]
    best = int(np.argmin(rests))
    if rests[best] > MAX_REST * np.ptp(added, axis=(0, 1)).max():
        return None
    return LightByPlace(*lights[best], plane.lines_shape)


def _smooth(tiles: Table) -> Table:
    for _ in range(SMOOTH_ROUNDS):
        tiles = blurred(tiles)
    return tiles


def _is_uneven(plane: PlaneStatistics, before: Side, after: Side) -> bool:
    sides = [[_parts(one.mean) for one in side] for side in (before[::-1], after)]
    nearest = [side[0] for side in sides if side]
    is_between = len(nearest) == 2
    runs = [[*sides[0][::-1], *sides[1]]] if is_between else [side for side in sides if side]
    steps = [np.abs(one - two) for run in runs for one, two in pairwise(run)]
    if len(steps) < (1 if is_between else 2):  # a first or last plane may show a body alone
        return False
    span = np.max([one.span for side in (before[-1:], after[:1]) for one in side], axis=0)
    # A plane in focus shows what is blurred in both: then its own blur is like them.
    tiles = plane.mean, blurred(plane.mean)
    off = [_beyond(_parts(one), nearest) for one in tiles]
    uneven = np.min([np.ptp(one, axis=(0, 1)) for one in off], axis=0)  # NaN if one is unknown
    usual = np.max(steps, axis=(0, 1, 2))
    if not usual.any():  # planes that are the same to the last bit tell of no change
        return False
    many = MANY_STEPS if is_between else MANY_STEPS_END
    return bool(((uneven > MIN_UNEVEN * span) & (uneven > many * usual)).any())


def _beyond(parts: Table, others: Sequence[Table]) -> Table:
    """Return by how much parts are brighter, or darker, than all others."""
    return np.asarray(parts - np.clip(parts, np.minimum.reduce(others), np.maximum.reduce(others)))


def _parts(tiles: Table) -> Table:
    """Return the means of large parts of a plane, of each channel: (rows, columns, C)."""
    found = tiles
    for axis in (0, 1):
        size = found.shape[axis]
        count = max(1, min(PARTS, size // MIN_TILES))
        starts = np.linspace(0, size, count + 1).astype(np.int64)
        sums = np.add.reduceat(found, starts[:-1], axis=axis)
        found = sums / np.expand_dims(np.diff(starts), tuple({0, 1, 2} - {axis}))
    return np.asarray(found)
