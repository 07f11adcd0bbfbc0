"""Judge planes by those around them, a few planes after they were read."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from napari_umis_fusion.preprocess.health._blank import blank_channels, is_blank, shows_nothing
from napari_umis_fusion.preprocess.health._channel_order import ChannelOrders
from napari_umis_fusion.preprocess.health._creep import Creep
from napari_umis_fusion.preprocess.health._exposure import (
    MIN_DRIFT,
    Exposure,
    clipped_share,
    differs_in_light,
    find_exposure,
    find_jump,
)
from napari_umis_fusion.preprocess.health._hidden_detail import other_detail
from napari_umis_fusion.preprocess.health._lost_parts import find_lost_parts
from napari_umis_fusion.preprocess.health._motion import Motion, find_motion
from napari_umis_fusion.preprocess.health._neighbours import nearest_two
from napari_umis_fusion.preprocess.health._order import PlaneOrder
from napari_umis_fusion.preprocess.health._other_kinds import (
    kind_left_out,
    kinds_told,
    only_lit_otherwise,
)
from napari_umis_fusion.preprocess.health._part_lit import lit_strips
from napari_umis_fusion.preprocess.health._place import is_combed, is_elsewhere, jumps_elsewhere
from napari_umis_fusion.preprocess.health._plane_health import Finding, PlaneHealth
from napari_umis_fusion.preprocess.health._squares import is_in_squares
from napari_umis_fusion.preprocess.health._stale_lines import stale_strips
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, tiles_of_lines
from napari_umis_fusion.preprocess.health._tint import find_tint
from napari_umis_fusion.preprocess.health._uneven import light_by_place, uneven_between

LOOK_AHEAD = 3
"""Planes on either side that a plane is judged by: two odd ones in a row are outvoted."""

MIN_USABLE = 0.25
"""A plane of which less than this share is left does not compete at all."""

CLIPS = 1e-3
"""Share of pixels at the highest value that is more than the brightest pixel of a picture."""

MIN_HEADROOM = 0.97
"""Share of the highest value around a plane, below which its own highest lost something."""

MIN_LEFT_OUT_PX = 1.8
"""Shift from which on a plane spoils more than it has to offer."""

MOSTLY_CLIPPED, MIN_BRIGHTER = 0.5, 1.02
"""Share of pixels at the highest value from which a plane tells nothing of its light, and by how
much it is brighter then: a specimen of two tones has as many, but focus makes it no brighter."""


class PlaneJudge:
    """Takes the planes of a stack in focal order, and judges each when those after it are known.

    Parameters
    ----------
    is_aligned : bool
        Planes are aligned, or will be: it is no news that they moved.
    """

    def __init__(self, *, is_aligned: bool = False) -> None:
        self._is_aligned = is_aligned
        self._moved: set[int] = set()
        self._before: deque[PlaneStatistics] = deque(maxlen=LOOK_AHEAD)
        self._waiting: deque[PlaneStatistics] = deque()
        self._last: PlaneStatistics | None = None
        self._exposed: set[int] = set()
        self._first: PlaneStatistics | None = None  # of those in one light
        self._order = PlaneOrder()
        self._channels = ChannelOrders()
        self._creep = Creep()

    def add(self, plane: PlaneStatistics) -> list[PlaneHealth]:
        """Take the next plane; returns what is known of the plane `LOOK_AHEAD` before it."""
        if stale_strips(plane, [*self._before, *self._waiting][-LOOK_AHEAD:], ()):
            plane = replace(plane, detail=None)  # no other plane is judged by what is none of it
        self._waiting.append(plane)
        return [self._judge_oldest()] if len(self._waiting) > LOOK_AHEAD else []

    def finish(self, known: Iterable[PlaneHealth]) -> list[PlaneHealth]:
        """Learn that no plane follows; returns what is known of all, given what is so far."""
        healths = [*known, *(self._judge_oldest() for _ in range(len(self._waiting)))]
        misplaced, fitting = self._order.misplaced()
        if not misplaced:
            return healths
        # Detail was compared with that of planes that are no neighbours.
        rest = [
            one if one.is_left_out or one.by_place else _without(one, "own detail", "uneven")
            for one in healths
        ]
        rest = [PlaneHealth(one.z) if one.z in fitting else one for one in rest]
        return [_told(one, "order") if one.z in misplaced else one for one in rest]

    @property
    def creep_px(self) -> float:
        """About how far planes are apart that moved by little each; a first idea only."""
        return 0.0 if self._is_aligned else self._creep.reach_px

    def _judge_oldest(self) -> PlaneHealth:
        self._waiting = deque(self._channels.settle(self._waiting))
        plane = self._waiting.popleft()
        last, self._last = self._last, plane
        after = [one for one in self._waiting if not is_blank(one)]
        before = list(self._before)
        still = [one.profiles for one in before if one.z not in self._moved]
        motion = find_motion(plane.profiles, still, [one.profiles for one in after])
        if motion is not None and self._is_aligned and not motion.strips:
            motion = None
        health = judge_plane(plane, before, after, last, motion, is_aligned=self._is_aligned)
        order = self._channels.found[plane.z]
        if order and not health.is_left_out:
            health = replace(_told(health, "channels"), channels=order)
        if health.is_scaled:  # others are judged by it in the light of those around it
            self._exposed.add(plane.z)
            plane = _lit(plane, health)
        elif "part lit" in health.findings:  # nor are others by what is lit otherwise
            plane = plane.without(health.strips)
        elif not health.is_left_out and find_jump(
            plane, [one for one in before if one.z not in self._exposed], after
        ):
            health, self._first = _told(health, "jump"), plane
        elif not health.is_left_out and self._changes_place(plane, before, after, motion):
            health, self._first = _told(health, "place"), plane
        elif not health.is_left_out and before and differs_in_light(plane, before[-1]):
            health = _told(health, "flicker")
        elif self._drifts(health, plane):
            health = _told(health, "drift")
        is_torn = health.is_left_out or "torn" in health.findings
        if motion is not None and motion.kind == "adrift" and not is_torn:
            health = _told(health, "adrift")
        if not health.is_left_out:
            self._first = self._first or plane
            self._before.append(plane)
            self._creep.add(plane.profiles)
        if health.shift_px:
            self._moved.add(plane.z)
        self._order.add(plane, health)
        return health

    def _changes_place(
        self,
        plane: PlaneStatistics,
        before: Sequence[PlaneStatistics],
        after: Sequence[PlaneStatistics],
        motion: Motion | None,
    ) -> bool:
        """Whether a plane and those after it show another place than those before."""
        if self._is_aligned:
            return False
        is_new = motion is not None and motion.kind == "place"
        return is_new or jumps_elsewhere(plane, before, after)

    def _drifts(self, health: PlaneHealth, plane: PlaneStatistics) -> bool:
        """Whether steps too small to be told have changed the light."""
        if health.is_left_out or self._first is None:
            return False
        return differs_in_light(plane, self._first, MIN_DRIFT)


def _lit(plane: PlaneStatistics, health: PlaneHealth) -> PlaneStatistics:
    """Return what a plane would be in the light of those around it."""
    lit = plane.scaled(*health.light)
    return lit if health.by_place is None else lit.evened(health.by_place)


def _told(health: PlaneHealth, finding: Finding) -> PlaneHealth:
    return replace(health, findings=(*health.findings, finding))


def _without(health: PlaneHealth, *findings: Finding) -> PlaneHealth:
    return replace(health, findings=tuple(one for one in health.findings if one not in findings))


def judge_planes(planes: Iterable[PlaneStatistics]) -> tuple[PlaneHealth, ...]:
    """Judge all planes of a stack, given in focal order."""
    judge = PlaneJudge()
    return tuple(judge.finish([health for plane in planes for health in judge.add(plane)]))


def judge_plane(
    plane: PlaneStatistics,
    before: Sequence[PlaneStatistics],
    after: Sequence[PlaneStatistics],
    last: PlaneStatistics | None = None,
    motion: Motion | None = None,
    *,
    is_aligned: bool = False,
) -> PlaneHealth:
    """Judge a plane.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    before, after : sequence of PlaneStatistics
        Up to three planes on each side that hold a picture, in focal order.
    last : PlaneStatistics, optional
        The plane right before it, if there is one.
    motion : Motion, optional
        How it moved.
    is_aligned : bool
        Planes are aligned, or will be: detail at another place is no other detail.
    """
    z, around = plane.z, [*before[-1:], *after[:1]]
    finding = _why_left_out(plane, before, after, last)
    if finding is not None:
        return PlaneHealth(z, (finding,), is_left_out=True, usable=0.0)
    two = [one.lines for one in nearest_two(before, after) if one.lines]
    lit_apart = lit_strips(plane.lines, two)
    others = [*before, *after]
    exposure = None
    if not lit_apart:
        exposure = find_tint(plane, others) or find_exposure(plane, others)
    tops = () if exposure is None else _lost_highlights(plane, around, exposure)
    lost = find_lost_parts(plane, before, after, tops, lit_apart)
    findings: list[Finding] = ["torn"] if lost.is_torn else []
    if motion is None or motion.kind != "moved" or lost.hides_motion:
        motion = Motion(0.0)  # the border of what is torn moves nothing
    if motion.shift_px:
        findings.append("shifted" if motion.strips else "moved")
    shift, strips = motion.shift_px, (*motion.strips, *lost.strips)
    if shift >= MIN_LEFT_OUT_PX and not motion.strips:
        return PlaneHealth(z, ("moved",), is_left_out=True, shift_px=shift, usable=0.0)
    if exposure is not None:
        findings.append("tint" if np.ndim(exposure.gain) else "exposure")
    elif _is_burnt(plane, around):
        return PlaneHealth(z, (*findings, "clipped"), is_left_out=True, usable=0.0)
    findings += ["part lit"] if lit_apart else []
    findings += ["padded"] if lost.is_padded and not lost.is_torn else []
    findings += ["clipped"] if tops else []
    lit = plane if exposure is None else plane.scaled(exposure.gain, exposure.offset)
    by_place, other = None, 0.0
    # What is torn, or will move, shows other parts at its places.
    if not is_aligned and only_lit_otherwise(findings):
        other = other_detail(lit, before, after)
        between = uneven_between(lit, before, after)
        findings += ["uneven"] if between else []
        by_place = light_by_place(lit, between)
    if by_place is not None:
        lit, tops = lit.evened(by_place), tops or _clipped_tops(plane, around)
    tiles = np.maximum(lost.tiles, tiles_of_lines(plane, motion.strips))
    finding = kind_left_out(plane, lit, before, after, lost, tiles, other, is_aligned=is_aligned)
    if finding is not None:
        return PlaneHealth(z, (finding,), is_left_out=True, usable=0.0)
    findings += kinds_told(lit, before, after, other)
    usable = float(1 - tiles.mean())
    return PlaneHealth(
        z,
        tuple(findings),
        is_left_out=usable < MIN_USABLE,
        **_light_of(exposure),
        by_place=by_place,
        tops=tops,
        gaps=lost.gaps,
        strips=strips,
        shift_px=shift,
        usable=usable if usable >= MIN_USABLE else 0.0,
    )


def _why_left_out(
    plane: PlaneStatistics,
    before: Sequence[PlaneStatistics],
    after: Sequence[PlaneStatistics],
    last: PlaneStatistics | None,
) -> Finding | None:
    """Return why a plane holds nothing of the picture, or nothing more; None if it does."""
    sides = [side for side in (before, after) if side]
    if is_blank(plane) or shows_nothing(plane, sides):
        return "blank"
    if blank_channels(plane, sides):
        return "channel blank"
    if is_combed(plane, sides):
        return "torn"
    if is_elsewhere(plane, before, after):
        return "elsewhere"
    if is_in_squares(plane, before, after):
        return "squares"
    if last is not None and plane.equals(last):
        return "duplicate"
    return None


def _lost_highlights(
    plane: PlaneStatistics, around: Sequence[PlaneStatistics], exposure: Exposure
) -> tuple[float, ...]:
    """Return the highest value of each channel where planes around tell brighter ones apart."""
    tops = np.nanmax(plane.highest, axis=(0, 1))
    known = np.max([np.nanmax(one.highest, axis=(0, 1)) for one in around], axis=0)
    is_short = (tops - exposure.offset) / exposure.gain < MIN_HEADROOM * known
    if np.max(exposure.gain) < 1 or clipped_share(plane) < CLIPS or not is_short.any():
        return ()
    return tuple(tops.tolist())


def _clipped_tops(plane: PlaneStatistics, around: Sequence[PlaneStatistics]) -> tuple[float, ...]:
    """Return the highest value of each channel where far more of it is clipped than around."""
    share = clipped_share(plane)
    if share < CLIPS or any(clipped_share(one) > share / 4 for one in around):
        return ()
    return tuple(np.nanmax(plane.highest, axis=(0, 1)).tolist())


def _light_of(exposure: Exposure | None) -> dict[str, Any]:
    """Return it as fields of `PlaneHealth`."""
    if exposure is None:
        return {}
    if np.ndim(exposure.gain) == 0:
        return {"gain": exposure.gain, "offset": exposure.offset}
    pairs = np.stack([exposure.gain, exposure.offset], axis=1).tolist()
    return {"lights": tuple(map(tuple, pairs))}


def _is_burnt(plane: PlaneStatistics, around: Sequence[PlaneStatistics]) -> bool:
    """Whether most of a plane is clipped, and little of those around it."""
    share = clipped_share(plane)
    return (
        share > MOSTLY_CLIPPED
        and len(around) > 0
        and all(clipped_share(one) < share / 4 for one in around)
        and all(np.nanmean(one.mean) * MIN_BRIGHTER < np.nanmean(plane.mean) for one in around)
    )
