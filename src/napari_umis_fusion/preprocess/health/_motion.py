"""Planes that moved while those before and after stayed: as a whole, or a part of their lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._padding import Strip
from napari_umis_fusion.preprocess.health._profiles import BANDS, Profiles, shifts_between

Table = NDArray[np.float64]
Mask = NDArray[np.bool_]

MIN_ALIKE = 0.75
"""Correlation of parts of profiles from which on their shift is believed."""

MIN_SHIFT, MIN_SHIFT_END = 1.2, 2.0
"""Least shift that is told, in points of a profile; of a first or last plane."""

MIN_DRIFT = 1.5
"""Least shift that is told of a plane of which no other tells whether it went back."""

MAX_APART, MAX_APART_END = 0.4, 0.2
"""By this share of it, the planes around may be shifted from each other."""

MIN_KNOWN = 0.4
"""Share of the parts of profiles along one axis that tell of their shift."""

MIN_SHARED = 0.6
"""Share of the parts that seem to move where it is light, which all of a line has."""

MIN_LASTING = 0.7
"""The same where no plane after it tells that the motion was one of its own."""

MAX_REST = 0.35
"""Share of the shift, and MIN_REST points, by which parts may differ from one motion of all."""

MIN_REST = 0.35

MAX_STILL = 0.75
"""Shift of a band that stays in place, in points."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How a plane moved.

    Attributes
    ----------
    shift_px : float
        Of the part that moved furthest.
    strips : tuple of (axis, start, stop)
        Lines that moved alone; empty where the whole plane did.
    kind : {"moved", "place", "adrift"}
        It alone moved; planes after it moved with it; or none around agrees where the place is.
    """

    shift_px: float
    strips: tuple[Strip, ...] = ()
    kind: Literal["moved", "place", "adrift"] = "moved"


def find_motion(
    plane: Profiles | None, before: Sequence[Profiles | None], after: Sequence[Profiles | None]
) -> Motion | None:
    """Return how a plane moved against planes before and after it, which agree; None if it did not.

    Parameters
    ----------
    plane : Profiles or None
        Of the plane; None tells nothing.
    before, after : sequence of Profiles or None
        Of planes on each side that did not move, in focal order.
    """
    sides = before[::-1], after
    near, far = ([one for one in side if one is not None] for side in sides)
    if plane is None or not (near or far):
        return None
    is_end = not (near and far)
    if is_end:
        near, far = (near or far)[:1], (near or far)[1:]
    first = shifts_between(plane, near[0])
    least = MIN_SHIFT_END if is_end else MIN_SHIFT
    if not any(_may_move(*axis, least * plane.step) for axis in first):
        return None
    if _is_light(plane, near[0], first, least * plane.step):
        return None
    agreed = (_agreed(plane, near[0], one, first, is_end=is_end) for one in far)
    if is_end:  # those of one side might have moved, too, if not all of them agree
        motions = list(agreed)
        if motions and all(motions):
            return motions[0]
        return _adrift(plane, first) if before else None
    found = next(filter(None, agreed), None)
    return found or _lasting(plane, near, far, first) or _adrift(plane, first)


def _may_move(shift: Table, alike: Table, least: float) -> bool:
    known = alike > MIN_ALIKE
    return bool((known & (np.abs(shift) > least)).sum() >= max(2, known.sum() / 8))


def _is_light(
    plane: Profiles, other: Profiles, shifts: list[tuple[Table, Table]], least: float
) -> bool:
    """Whether whole lines seem to move, and what is not the same in all bands stays in place."""
    for shift, alike in shifts:
        known = alike > MIN_ALIKE
        moved = known & (np.abs(shift) > least)
        if _may_move(shift, alike, least) and moved.sum() < MIN_SHARED * known.sum():
            return False
    own = shifts_between(plane, other, own=True)
    known_share = min(float((alike > MIN_ALIKE).mean()) for _, alike in own)
    return known_share > MIN_KNOWN and not any(_may_move(*axis, least) for axis in own)


def _agreed(
    plane: Profiles,
    nearest: Profiles,
    other: Profiles,
    first: list[tuple[Table, Table]],
    *,
    is_end: bool,
) -> Motion | None:
    """Return the motion against two planes, which agree and stand still."""
    second = shifts_between(plane, other)
    apart = MAX_APART_END if is_end else MAX_APART
    least = plane.step * (MIN_SHIFT_END if is_end else MIN_SHIFT)
    strips: list[Strip] = []
    most = 0.0
    for axis, ((one, one_alike), (two, two_alike)) in enumerate(zip(first, second, strict=True)):
        shift = (one + two) / 2
        known = (one_alike > MIN_ALIKE) & (two_alike > MIN_ALIKE)
        known &= np.abs(one - two) < np.maximum(apart * np.abs(shift), MIN_REST * plane.step)
        if known.mean() < MIN_KNOWN:
            continue
        moved = known & (np.abs(shift) > least)
        if moved.sum() < max(2, known.sum() / 8):
            continue
        size = float(np.median(np.abs(shift[moved])))
        strip = _strip(shift, known, moved, plane, axis)
        if strip is not None:
            strips.append(strip)
        elif not _is_one_motion(shift, known, plane.step):
            continue
        most = max(most, size)
    if most == 0 or not all(
        _stands_still(*axis, apart * most) for axis in shifts_between(nearest, other)
    ):
        return None
    return Motion(most, tuple(strips))


def _stands_still(shift: Table, alike: Table, most: float) -> bool:
    known = alike > MIN_ALIKE
    return not known.any() or bool(np.median(np.abs(shift[known])) < most)


def _is_one_motion(shift: Table, known: Mask, step: int) -> bool:
    """Whether one shift, rotation, magnification or skew explains how parts moved."""
    motion, rest = one_motion(shift, known, step)
    size = float(np.abs(_places(known) @ motion).max())
    return size > MIN_SHIFT * step and rest < max(MAX_REST * size / 2, MIN_REST * step)


def one_motion(shift: Table, known: Mask, step: int) -> tuple[Table, float]:
    """Return the one shift, rotation, magnification or skew that explains best how parts moved.

    Returns
    -------
    motion : ndarray of shape (3,)
        How far the centre moved, in pixels, and by how much more the last line and the end of each
        line did.
    rest : float
        By how much parts moved otherwise.
    """
    places, values = _places(known), shift[known]
    motion = np.linalg.lstsq(places, values, rcond=None)[0]
    for _ in range(3):  # a part in which something else moved does not count
        weights = 1 / (np.abs(values - places @ motion) + 0.1 * step)
        motion = np.linalg.lstsq(places * weights[:, None], values * weights, rcond=None)[0]
    return motion.astype(np.float64), float(np.median(np.abs(values - places @ motion)))


def _places(known: Mask) -> Table:
    """Return 1 and the places of the known parts, from the first line to the last -1 to 1."""
    places = [np.ones(known.sum())]
    for place, count in zip(np.nonzero(known), known.shape, strict=True):
        places.append((2 * place + 1) / count - 1)
    return np.stack(places, axis=1)


def _strip(shift: Table, known: Mask, moved: Mask, plane: Profiles, axis: int) -> Strip | None:
    """Return the lines that moved alone while the others stayed; None if there are none."""
    size, still = plane.shape[axis], known & (np.abs(shift) < MAX_STILL * plane.step)
    is_moved, is_still = (np.asarray(mask.any(axis=1)) for mask in (moved & ~still, still))
    if (is_moved & is_still).any() or not (is_moved.any() and is_still.any()):
        return None
    bands = np.flatnonzero(is_moved)
    first, last = int(bands[0]), int(bands[-1])
    if is_still[first : last + 1].any() or is_still.sum() < 2:
        return None
    values = shift[moved]
    if np.ptp(values) > max(0.5 * np.abs(values).max(), plane.step):
        return None  # one motion that grows from line to line
    # Between the last band that stayed and the first that moved, nobody knows.
    stays = np.flatnonzero(is_still)
    start = max((int(one) + 1 for one in stays if one < first), default=0)
    stop = min((int(one) for one in stays if one > last), default=BANDS)
    edges = np.arange(BANDS + 1) * size // BANDS
    margin = -(-size // BANDS) // 2  # a band that stayed by half does so too
    begin = max(0, int(edges[start]) - margin) if start > 0 else 0
    end = min(size, int(edges[stop]) + margin) if stop < BANDS else size
    return axis, begin, end


def _lasting(
    plane: Profiles,
    near: Sequence[Profiles],
    far: Sequence[Profiles],
    first: list[tuple[Table, Table]],
) -> Motion | None:
    """Return the motion between planes before it, which stay in place, and those from it on."""
    if len(near) < 2:
        return None
    size = _size_of_one(plane, first, MIN_SHIFT_END)
    steady = [*shifts_between(near[0], near[1]), *shifts_between(far[0], plane)]
    if size == 0 or any(_may_move(*axis, MAX_STILL * plane.step) for axis in steady):
        return None
    return Motion(size, kind="place")


def _adrift(plane: Profiles, first: list[tuple[Table, Table]]) -> Motion | None:
    """Return the motion from the plane before it, whatever those after it do."""
    size = _size_of_one(plane, first, MIN_DRIFT)
    return Motion(size, kind="adrift") if size > 0 else None


def _size_of_one(plane: Profiles, first: list[tuple[Table, Table]], least: float) -> float:
    """Return by how much the whole plane is shifted from another, 0 if that is not clear."""
    for shift, alike in first:
        known = alike > MIN_ALIKE
        if known.mean() < MIN_LASTING or not _is_one_motion(shift, known, plane.step):
            continue
        size = float(np.median(np.abs(shift[known])))
        if size > least * plane.step:
            return size
    return 0.0
