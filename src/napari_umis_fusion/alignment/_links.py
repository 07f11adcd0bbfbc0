"""Links between planes, and whether each is evidence of motion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_umis_fusion.alignment._fit import TransformModel
from napari_umis_fusion.alignment._match import PlaneMatch, Sightings
from napari_umis_fusion.alignment._tile_shifts import ramp
from napari_umis_fusion.alignment._transforms import (
    Transform,
    decompose,
    identity,
    max_displacement_px,
)

LARGEST_SHIFT = 0.25
"""Of a plane's shorter side, that a plane is believed to have moved against its neighbour."""

LARGEST_SCALE = 1.1
LARGEST_ROTATION_DEG = 5.0
LARGEST_SHEAR = 0.02

MIN_CERTAINTY = 2.0
"""Standard errors by which tiles must correlate better for a transform to be used."""

SURE_ERRORS, SURE_CERTAINTY = 8.0, 0.8
"""The same for motion that is so many of its own errors long."""

MIN_GAIN = 0.001
"""Of correlation: less is what noise makes."""

MIN_LINK_PX = 0.5
"""Of a corner, in pixels that motion was measured in, unless the motion is beyond doubt: in noise,
what lies on one another is found to be up to that far apart. A slow drift shows between planes
farther apart."""

_WITHIN_ERRORS = 2.5
"""Standard errors within which a motion is none."""

_SOFT = 1.5
"""Belief grows from none at each of these limits to whole at so many times the limit."""

_MOVING_SHARE = (0.25, 0.5)
"""Of links that are believed, from where to where a stack comes to be taken for one that moves as
a whole. In such a stack a short motion is as likely as a long one, and none is the exception."""

_HALF = 0.5
"""Of belief: with less, a link is said to be doubted."""

_UNKNOWN_ERROR_PX = 10.0
"""Of a link that tells nothing, so that links over more planes decide where there are any."""

_UNLIKE = 5.0
"""Typical deviations of magnification from that of other planes that are too many."""

_MIN_UNLIKE = 0.004


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """What two planes tell of how one lies on the other.

    Attributes
    ----------
    first, other : int
        The planes, `first` before `other`.
    transform : ndarray of shape (2, 3)
        Where `other` has the points of `first`: what was measured as far as it is believed, and
        for the rest no motion.
    error_px : float
        Standard error of `transform` in the corners.
    before, after : float
        Mean correlation of tiles as planes lie, and moved by what was measured; NaN if unknown.
    measured : ndarray of shape (2, 3)
        What was measured, believed or not.
    doubt : str
        Why it is not believed; "" if it is.
    belief : float
        How far it is: 0 to 1.
    sightings : Sightings or None
        What tiles showed, if that is known.
    """

    first: int
    other: int
    transform: Transform
    error_px: float
    before: float
    after: float
    measured: Transform
    doubt: str = ""
    belief: float = 1.0
    sightings: Sightings | None = None

    @property
    def distance(self) -> int:
        """How many planes lie between, plus one."""
        return self.other - self.first


def assess_links(first: int, other: int, match: PlaneMatch, shape: tuple[int, ...]) -> Link:
    """Return the link that a match of planes (Y, X) makes, with or without its motion."""
    if match.tiles == 0:
        why, error_px = "too little detail in common", _UNKNOWN_ERROR_PX
        return Link(first, other, identity(), error_px, np.nan, np.nan, identity(), why, 0.0)
    before, after = match.agreement
    measured, error_px = match.transform, match.error_px
    link = Link(
        first, other, measured, error_px, before, after, measured, sightings=match.sightings
    )
    if implausible := _bounds_broken(measured, shape):
        return _unknown(link, implausible)
    reach = max_displacement_px(measured, shape)
    errors = reach / error_px
    far = _above(errors, SURE_ERRORS)
    longer = _above(errors, _WITHIN_ERRORS)
    longer *= max(far, _above(reach, MIN_LINK_PX * match.pixel_px))
    certainty = MIN_CERTAINTY + far * (SURE_CERTAINTY - MIN_CERTAINTY)
    better = _above(match.certainty, certainty) * _above(after - before, MIN_GAIN)
    doubts = {
        "no motion beyond the error of measurement": longer,
        "planes agree no better when moved": better,
    }
    doubt = next((why for why, belief in doubts.items() if belief < _HALF), "")
    # what is clearly long, but makes nothing better, tells nothing
    misled = longer * (1 - float(ramp(match.certainty, 0.0, certainty)))
    error_px = math.hypot(error_px, misled * _UNKNOWN_ERROR_PX)
    return _believed(replace(link, doubt=doubt, error_px=error_px), longer * better)


def believe_all(links: Sequence[Link], shape: tuple[int, ...]) -> list[Link]:
    """Believe short motions where the stack moves as a whole, and say how wrong none may be.

    Links over several planes come to count less: the farther planes are apart in focus, the more
    of what tiles show differs, and in the same way from link to link, so that it does not average
    out as their errors would.
    """
    errors_px = np.array([link.error_px for link in links])
    telling = np.maximum(0.0, 1 - (errors_px / _UNKNOWN_ERROR_PX) ** 2)
    beliefs = np.array([link.belief for link in links])
    if not telling @ beliefs:
        return list(links)
    share = float(ramp(telling @ beliefs / telling.sum(), *_MOVING_SHARE))
    believed = []
    for link in links:
        if link.error_px < _UNKNOWN_ERROR_PX:
            belief = link.belief + (1 - link.belief) * share
            left = (1 - belief) * max_displacement_px(link.measured, shape)
            error_px = math.hypot(link.error_px * math.sqrt(link.distance), left)
            link = _believed(replace(link, error_px=error_px), belief)
        believed.append(link)
    return believed


def reject_outliers(
    links: Sequence[Link], model: TransformModel, shape: tuple[int, ...]
) -> list[Link]:
    """Doubt links between neighbours whose magnification is unlike that of all others."""
    if model == "translation":
        return list(links)
    scales = {
        place: np.log(decompose(link.measured, shape).scale)
        for place, link in enumerate(links)
        if not link.doubt and link.distance == 1
    }
    if len(scales) < 4:
        return list(links)
    typical = float(np.median(list(scales.values())))
    spread = 1.48 * float(np.median([abs(scale - typical) for scale in scales.values()]))
    limit = _UNLIKE * spread + _MIN_UNLIKE
    kept = list(links)
    for place, scale in scales.items():
        if abs(scale - typical) > limit:
            why = f"its magnification ({np.exp(scale):.4f}) is unlike other planes'"
            kept[place] = _unknown(links[place], why)
    return kept


def _above(value: float, limit: float) -> float:
    return float(ramp(value, limit, _SOFT * limit))


def _believed(link: Link, belief: float) -> Link:
    """Return a link with so much of what was measured."""
    mixed = identity() if belief == 0 else link.measured
    if 0 < belief < 1:
        mixed = belief * link.measured + (1 - belief) * identity()
    return replace(link, transform=mixed, belief=belief)


def _unknown(link: Link, why: str) -> Link:
    return _believed(replace(link, doubt=why, error_px=_UNKNOWN_ERROR_PX), 0.0)


def _bounds_broken(transform: Transform, shape: tuple[int, ...]) -> str:
    """Say what is not believed of a motion between neighbours; "" if nothing."""
    parts = decompose(transform, shape)
    shift = max(abs(part) for part in parts.shift_px)
    if shift > LARGEST_SHIFT * min(shape[:2]):
        return f"a shift of {shift:.0f} px is too far to be believed"
    if not 1 / LARGEST_SCALE <= parts.scale <= LARGEST_SCALE:
        return f"a magnification of {parts.scale:.3f} is too much to be believed"
    if abs(parts.rotation_deg) > LARGEST_ROTATION_DEG:
        return f"a turn of {parts.rotation_deg:.1f}° is too much to be believed"
    if parts.shear > LARGEST_SHEAR:
        return f"a shear of {parts.shear:.3f} is too much to be believed"
    return ""
