"""Links between planes, and the confidence in the motion of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_umis_fusion.alignment._fit import TransformModel
from napari_umis_fusion.alignment._match import Correspondences, PlaneMatch
from napari_umis_fusion.alignment._tile_shifts import ramp
from napari_umis_fusion.alignment._transforms import (
    Transform,
    decompose,
    identity,
    max_displacement_px,
)

LARGEST_SHIFT = 0.25
"""Largest plausible shift between the planes of a link, as a share of the shorter side."""

LARGEST_SCALE = 1.1
LARGEST_ROTATION_DEG = 5.0
LARGEST_SHEAR = 0.02
"""Largest plausible magnification, rotation and shear between the planes of a link."""

MIN_CERTAINTY = 2.0
"""Minimum improvement of the tiles' correlation by a transform, in its standard errors."""

SURE_ERRORS, SURE_CERTAINTY = 8.0, 0.8
"""A motion of so many of its own standard errors needs only this improvement."""

MIN_GAIN = 0.001
"""Minimum improvement of the correlation: noise alone causes less."""

MIN_LINK_PX = 0.5
"""Minimum corner motion, in compared pixels, unless the motion exceeds `SURE_ERRORS`: with noise,
as much is measured between aligned planes. Slow drift still shows between more distant planes."""

_WITHIN_ERRORS = 2.5
"""Standard errors within which a motion is not significant."""

_SOFT = 1.5
"""Confidence grows from 0 at each of these limits to 1 at this multiple of it: no link is rejected
at a hard limit, so that rounding cannot decide."""

_MOVING_SHARE = (0.25, 0.5)
"""Range of the share of accepted links over which a stack is increasingly taken to move as a whole.
In such a stack a short motion is as likely as a long one, and no motion is the exception."""

_STILL_SHARE = (0.2, 0.4)
"""Range of the share of the picture that agrees better where it is over which a motion is taken for
one of something in the picture."""

_ACCEPTED = 0.5
"""Confidence below which a link is reported as rejected."""

_UNKNOWN_ERROR_PX = 10.0
"""Standard error of an uninformative link: large, so that links over more planes decide, if any."""

_OUTLIER_DEVIATIONS = 5.0
"""Robust standard deviations (from the MAD) beyond which a magnification is an outlier."""

_OUTLIER_MARGIN = 0.004
"""Added to that limit, so that tiny differences are no outliers where all others agree closely."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """The motion between two planes, and the confidence in it.

    Attributes
    ----------
    first, other : int
        The planes, `first` before `other`.
    transform : ndarray of shape (2, 3)
        From points of `first` to those of `other`: the measured transform and the identity,
        mixed according to `confidence`.
    error_px : float
        Standard error of `transform` in the corners.
    before, after : float
        Mean correlation of tiles as recorded, and moved by `measured`; NaN if unknown.
    measured : ndarray of shape (2, 3)
        The measured transform, accepted or not.
    rejection : str
        Why the motion is rejected; "" if it is accepted.
    confidence : float
        Confidence in the motion, 0 to 1.
    correspondences : Correspondences or None
        The corresponding points of the tiles, if known.
    """

    first: int
    other: int
    transform: Transform
    error_px: float
    before: float
    after: float
    measured: Transform
    rejection: str = ""
    confidence: float = 1.0
    correspondences: Correspondences | None = None

    @property
    def distance(self) -> int:
        """Difference of the two plane indices."""
        return self.other - self.first


def assess_links(first: int, other: int, match: PlaneMatch, shape: tuple[int, ...]) -> Link:
    """Assess the match of two planes (Y, X), and return it as a link."""
    if match.tiles == 0:
        why, error_px = "too little detail in common", _UNKNOWN_ERROR_PX
        return Link(first, other, identity(), error_px, np.nan, np.nan, identity(), why, 0.0)
    before, after = match.agreement
    measured, error_px = match.transform, match.error_px
    link = Link(
        first,
        other,
        measured,
        error_px,
        before,
        after,
        measured,
        correspondences=match.correspondences,
    )
    if implausible := _why_implausible(measured, shape):
        return _unknown(link, implausible)
    reach = max_displacement_px(measured, shape)
    errors = reach / error_px
    far = _above(errors, SURE_ERRORS)
    longer = _above(errors, _WITHIN_ERRORS)
    longer *= max(far, _above(reach, MIN_LINK_PX * match.pixel_px))
    certainty = MIN_CERTAINTY + far * (SURE_CERTAINTY - MIN_CERTAINTY)
    better = _above(match.certainty, certainty) * _above(after - before, MIN_GAIN)
    follows = 1 - float(ramp(match.still_share, *_STILL_SHARE))
    rejections = {
        "no motion beyond the measurement error": longer,
        "the planes agree no better when moved": better,
        "something moves, but most of the picture stands still": follows,
    }
    rejection = next((why for why, confidence in rejections.items() if confidence < _ACCEPTED), "")
    # a significant motion that does not improve the correlation is uninformative
    uninformative = longer * (1 - float(ramp(match.certainty, 0.0, certainty)))
    error_px = math.hypot(error_px, uninformative * _UNKNOWN_ERROR_PX)
    if longer * better >= _ACCEPTED > follows:  # what the rest does is known: nothing
        return _still(link, rejection)
    return _with_confidence(replace(link, rejection=rejection, error_px=error_px), longer * better)


def reassess_links(links: Sequence[Link], shape: tuple[int, ...]) -> list[Link]:
    """Accept short motions too if the stack moves as a whole, and update the standard errors.

    The error of a link grows by the part of its motion that is not applied. Links over several
    planes lose weight: the farther planes are apart in focus, the more their tiles differ, and in
    the same way from link to link, so that these errors do not average out as random ones would.
    """
    errors_px = np.array([link.error_px for link in links])
    information = np.maximum(0.0, 1 - (errors_px / _UNKNOWN_ERROR_PX) ** 2)
    confidences = np.array([link.confidence for link in links])
    if not information @ confidences:
        return list(links)
    share = float(ramp(information @ confidences / information.sum(), *_MOVING_SHARE))
    reassessed = []
    for link in links:
        if link.error_px < _UNKNOWN_ERROR_PX:
            confidence = link.confidence + (1 - link.confidence) * share
            left = (1 - confidence) * max_displacement_px(link.measured, shape)
            error_px = math.hypot(link.error_px * math.sqrt(link.distance), left)
            link = _with_confidence(replace(link, error_px=error_px), confidence)
        reassessed.append(link)
    return reassessed


def reject_outliers(
    links: Sequence[Link], model: TransformModel, shape: tuple[int, ...]
) -> list[Link]:
    """Reject links between neighbours whose magnification is an outlier."""
    if model == "translation":
        return list(links)
    scales = {
        place: np.log(decompose(link.measured, shape).scale)
        for place, link in enumerate(links)
        if not link.rejection and link.distance == 1
    }
    if len(scales) < 4:
        return list(links)
    typical = float(np.median(list(scales.values())))
    spread = 1.48 * float(np.median([abs(scale - typical) for scale in scales.values()]))
    limit = _OUTLIER_DEVIATIONS * spread + _OUTLIER_MARGIN
    kept = list(links)
    for place, scale in scales.items():
        if abs(scale - typical) > limit:
            why = f"its magnification ({np.exp(scale):.4f}) is unlike that of the other planes"
            kept[place] = _unknown(links[place], why)
    return kept


def _above(value: float, limit: float) -> float:
    return float(ramp(value, limit, _SOFT * limit))


def _with_confidence(link: Link, confidence: float) -> Link:
    """Return a link with the measured transform applied in proportion to the confidence."""
    mixed = identity() if confidence == 0 else link.measured
    if 0 < confidence < 1:
        mixed = confidence * link.measured + (1 - confidence) * identity()
    return replace(link, transform=mixed, confidence=confidence)


def _still(link: Link, why: str) -> Link:
    return replace(
        _with_confidence(replace(link, rejection=why, correspondences=None), 0.0),
        measured=identity(),
    )


def _unknown(link: Link, why: str) -> Link:
    return _with_confidence(replace(link, rejection=why, error_px=_UNKNOWN_ERROR_PX), 0.0)


def _why_implausible(transform: Transform, shape: tuple[int, ...]) -> str:
    """Return why a motion between the planes of a link is implausible; "" if it is plausible."""
    parts = decompose(transform, shape)
    shift = max(abs(part) for part in parts.shift_px)
    if shift > LARGEST_SHIFT * min(shape[:2]):
        return f"a shift of {shift:.0f} px is implausibly large"
    if not 1 / LARGEST_SCALE <= parts.scale <= LARGEST_SCALE:
        return f"a magnification of {parts.scale:.3f} is implausible"
    if abs(parts.rotation_deg) > LARGEST_ROTATION_DEG:
        return f"a rotation of {parts.rotation_deg:.1f}° is implausibly large"
    if parts.shear > LARGEST_SHEAR:
        return f"a shear of {parts.shear:.3f} is implausibly large"
    return ""
