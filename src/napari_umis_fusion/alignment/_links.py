"""Links between planes, and whether each is evidence of motion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_umis_fusion.alignment._fit import TransformModel
from napari_umis_fusion.alignment._match import PlaneMatch
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
        Where `other` has the points of `first`; that of no motion unless it is believed.
    error_px : float
        Standard error of `transform` in the corners.
    before, after : float
        Mean correlation of tiles as planes lie, and moved by what was measured; NaN if unknown.
    measured : ndarray of shape (2, 3)
        What was measured, believed or not.
    doubt : str
        Why it is not believed; "" if it is.
    """

    first: int
    other: int
    transform: Transform
    error_px: float
    before: float
    after: float
    measured: Transform
    doubt: str = ""

    @property
    def distance(self) -> int:
        """How many planes lie between, plus one."""
        return self.other - self.first


def assess_links(first: int, other: int, match: PlaneMatch, shape: tuple[int, ...]) -> Link:
    """Return the link that a match of planes (Y, X) makes, with or without its motion."""
    if match.tiles == 0:
        why, error_px = "too little detail in common", _UNKNOWN_ERROR_PX
        return Link(first, other, identity(), error_px, np.nan, np.nan, identity(), why)
    before, after = match.agreement
    link = Link(first, other, match.transform, match.error_px, before, after, match.transform)
    if implausible := _bounds_broken(match.transform, shape):
        return _doubted(link, implausible, _UNKNOWN_ERROR_PX)
    reach = max_displacement_px(match.transform, shape)
    errors = reach / match.error_px
    far = errors > SURE_ERRORS
    if errors < _WITHIN_ERRORS or (not far and reach < MIN_LINK_PX * match.pixel_px):
        return _doubted(link, "no motion beyond the error of measurement", match.error_px)
    certainty = SURE_CERTAINTY if far else MIN_CERTAINTY
    if match.certainty < certainty or after - before < MIN_GAIN:
        return _doubted(link, "planes agree no better when moved", match.error_px)
    return link


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
            kept[place] = _doubted(links[place], why, _UNKNOWN_ERROR_PX)
    return kept


def _doubted(link: Link, why: str, error_px: float) -> Link:
    return replace(link, transform=identity(), doubt=why, error_px=error_px)


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
