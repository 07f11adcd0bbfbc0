"""A plane that is brighter or darker than most around it.

Defocus moves light between neighbouring pixels and hardly beyond a tile: on twelve real stacks of
seven kinds of microscope and lens, no plane differed from both its neighbours by more than 1 %.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from napari_umis_fusion.preprocess.health._statistics import Mask, PlaneStatistics, Table

Level = float | Table
"""A number, or one for each channel."""

MIN_CHANGE, MIN_CHANGE_BETWEEN = float(np.log(1.1)), float(np.log(1.06))
"""Logarithm of the least gain that is corrected, and of that of a plane between others."""

MAX_SPREAD = 1 / 4
"""Tiles agree on the gain to this share of its logarithm; else the picture is another one."""

MAX_REST = 1 / 4
"""Nor does the gain leave more than this share of how tiles differ..."""

MAX_REST_LIGHT = 0.03
"""...or this share of their light, where they hardly differ."""

MAX_GAIN = 5.0
"""Largest gain that is believed of a camera or lamp."""

MIN_SHIFT = 0.05
"""Least change of the black level that is corrected, as a share of what the plane spans."""

MIN_SHIFT_LIGHT = 0.02
"""Nor is it corrected if it is less than this share of the light: lamps are no steadier."""

MIN_JUMP = float(np.log(1.25))
"""Logarithm of the least change of light between two parts of a stack that is told."""

MIN_DRIFT = float(np.log(1.2))
"""Logarithm of the least change of light that is told, where it comes in small steps: far from
each other, planes differ by up to 14 % in crops of real stacks."""

MAJORITY = 1.5
"""Planes that are lit alike but otherwise, for each that is lit as the plane itself."""

MIN_TILES = 4
MIN_KNOWN = 0.03
"""Number and share of the tiles which a gain has to rest on."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """How a plane is lit: a value of those around it, times `gain` plus `offset`, is its value.

    Both are of shape (C,) where each channel has a light of its own.
    """

    gain: Level
    offset: Level


def find_exposure(plane: PlaneStatistics, others: Sequence[PlaneStatistics]) -> Exposure | None:
    """Return how a plane is lit, if most planes around it agree on another light; else None.

    A light that drifts, fades, alternates or changes for good has no such majority: planes before
    and after are not brighter both, or as many are lit as the plane itself.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    others : sequence of PlaneStatistics
        Those around it, in focal order: three on each side, fewer at the ends.
    """
    if len(others) < 2:
        return None
    is_between = others[0].z < plane.z < others[-1].z
    least = MIN_CHANGE_BETWEEN if is_between else MIN_CHANGE
    for compare, smallest in ((_log_gain, least), (_shift, MIN_SHIFT)):
        changes = [compare(one, plane) for one in others]
        found = fit_light(lit_otherwise(plane, others, changes, smallest), plane)
        if found is not None:
            return found
    return None


def lit_otherwise(
    plane: PlaneStatistics,
    others: Sequence[PlaneStatistics],
    changes: Sequence[float] | Table,
    least: float,
    *,
    by_all: bool = False,
) -> list[PlaneStatistics]:
    """Return the nearest planes in the light of most around a plane, if it has another; else none.

    Parameters
    ----------
    plane, others
        As for `find_exposure`.
    changes : sequence of float
        Of the plane relative to each of the others, such as logarithms; NaN where not known.
    least : float
        Smaller changes are none.
    by_all : bool
        Whether all others are lit as the plane or as most are; else most of them suffice.
    """
    changes = np.asarray(changes)
    known = np.isfinite(changes)
    if known.sum() < 2:
        return []
    change = float(np.median(changes[known]))
    if abs(change) < least:
        return []
    unlike = np.abs(changes - change) < abs(change) / 3  # NaN is neither
    alike = np.abs(changes) < abs(change) / 2
    if unlike.sum() < MAJORITY * (1 + alike.sum()) or not _is_one_run(plane, others, alike):
        return []
    if by_all and not (unlike | (np.abs(changes) < abs(change) / 3)).all():
        return []
    around = nearest(plane, compress(others, unlike))
    if len(around) < len(nearest(plane, compress(others, ~alike))):
        return []  # a trend: those on one side have a light that is neither
    sizes = dict(zip((one.z for one in others), changes * np.sign(change), strict=True))
    return [] if any(sizes[one.z] < least for one in around) else around


def find_jump(
    plane: PlaneStatistics, before: Sequence[PlaneStatistics], after: Sequence[PlaneStatistics]
) -> bool:
    """Whether the light changes for good between the planes before and this one."""
    if not before:
        return False
    change = _log_gain(before[-1], plane)
    if not abs(change) > MIN_JUMP:
        return False
    steady = [_log_gain(one, before[-1]) for one in before[:-1]]
    steady += [_log_gain(plane, one) for one in after]
    return all(abs(log) < abs(change) / 3 for log in steady)


def differs_in_light(
    plane: PlaneStatistics, other: PlaneStatistics, least: float = MIN_CHANGE
) -> bool:
    """Whether two planes are not lit alike, as far as they tell."""
    return abs(_log_gain(other, plane)) > least


def clipped_share(plane: PlaneStatistics) -> float:
    """Return which share of the plane holds the highest value of its channel."""
    return float(plane.clipped.mean(axis=(0, 1)).max())


def _log_gain(reference: PlaneStatistics, plane: PlaneStatistics) -> float:
    """Return the logarithm of the gain between two planes, NaN where tiles do not agree."""
    found = plane.log_gains.get(reference)
    if found is None:
        found = plane.log_gains[reference] = _measured_log_gain(reference, plane)
        reference.log_gains[plane] = -found
    return found


def _measured_log_gain(reference: PlaneStatistics, plane: PlaneStatistics) -> float:
    known = _known(reference, plane)
    if not _suffices(known):
        return np.nan
    ratios = np.log(plane.mean[known] / reference.mean[known])
    change = float(np.median(ratios))
    spread = float(np.median(np.abs(ratios - change)))
    return change if spread < max(MAX_SPREAD * abs(change), MIN_CHANGE) else np.nan


def _shift(reference: PlaneStatistics, plane: PlaneStatistics) -> float:
    """Return how much brighter all tiles are, as a share of the span; NaN if they do not agree."""
    known = _known(reference, plane)
    span = float(reference.span.max())
    if not (_suffices(known) and span > 0):
        return np.nan
    off = (plane.mean[known] - reference.mean[known]) / span
    shift = float(np.median(off))
    if abs(shift) * span < MIN_SHIFT_LIGHT * float(np.median(np.abs(reference.mean[known]))):
        return 0.0
    return shift if _rest(off - shift) < MAX_SPREAD * abs(shift) else np.nan


def _suffices(known: Mask) -> bool:
    return bool(known.sum() >= MIN_TILES and known.mean() >= MIN_KNOWN)


def _known(reference: PlaneStatistics, plane: PlaneStatistics) -> Mask:
    """Return which tiles tell of the light of two planes."""
    return np.asarray(plane.lit & reference.lit)


def _is_one_run(plane: PlaneStatistics, others: Sequence[PlaneStatistics], alike: Mask) -> bool:
    """Whether planes lit as this one follow each other; in alternating light they do not."""
    order = sorted([*others, plane], key=lambda one: one.z)
    odd = {plane.z} | {one.z for one in compress(others, alike)}
    places = [place for place, one in enumerate(order) if one.z in odd]
    return places[-1] - places[0] + 1 == len(places)


def nearest(plane: PlaneStatistics, others: Iterable[PlaneStatistics]) -> list[PlaneStatistics]:
    """Return the nearest plane before, and the nearest after, of others in focal order."""
    known = list(others)
    before = [one for one in known if one.z < plane.z][-1:]
    return before + [one for one in known if one.z > plane.z][:1]


def fit_light(
    around: Sequence[PlaneStatistics], plane: PlaneStatistics, channels: slice = slice(None)
) -> Exposure | None:
    """Fit the plane's tiles by those around it: a gain, and an offset where that explains more."""
    if not around:
        return None
    known = np.logical_and.reduce([_known(one, plane)[..., channels] for one in around])
    if not _suffices(known):
        return None
    reference = np.mean([one.mean[..., channels][known] for one in around], axis=0)
    here = plane.mean[..., channels][known]
    gain = float(np.exp(np.median(np.log(here / reference))))
    if not 1 / MAX_GAIN < gain < MAX_GAIN:
        return None
    found, rest = Exposure(gain, 0.0), _rest(here - gain * reference)
    shift = float(np.median(here - reference))  # of the black level alone
    rest_shift = _rest(here - reference - shift)
    if rest_shift < rest / 2:
        found, rest = Exposure(1.0, shift), rest_shift
    slope, offset = _line(reference, here)
    if slope > 0 and abs(np.log(slope)) >= abs(np.log(gain)):
        rest_line = _rest(here - slope * reference - offset)
        if rest_line < rest / 2:
            found, rest = Exposure(slope, offset), rest_line
    differ = _rest(here - np.median(here))
    return found if rest < max(MAX_REST * differ, MAX_REST_LIGHT * np.median(here)) else None


def affine_light(reference: Table, here: Table) -> tuple[float, float]:
    """Return the gain and offset that explain most of how tiles differ from others; (1, 0) if none.

    Parameters
    ----------
    reference, here : ndarray of any shape
        Means of tiles, all finite.
    """
    gain, offset = _line(reference, here)
    rest, differ = _rest(here - gain * reference - offset), _rest(here - np.median(here))
    is_light = 1 / MAX_GAIN < gain < MAX_GAIN and rest < MAX_REST * differ
    return (gain, offset) if is_light else (1.0, 0.0)


def unexplained(reference: Table, here: Table) -> Table:
    """Return by which share tiles differ from one gain and offset of others."""
    slope, offset = _line(reference, here)
    return np.asarray((here - slope * reference - offset) / np.maximum(np.abs(here), 1e-300))


def _rest(off: Table) -> float:
    return float(np.median(np.abs(off)))


def _line(x: Table, y: Table, rounds: int = 10) -> tuple[float, float]:
    """Return slope and intercept of a line, by least squares reweighted to be robust."""
    x, y = x.ravel(), y.ravel()
    weights = np.ones_like(x)
    slope, offset = 1.0, 0.0
    least = 1e-12 * (np.abs(y).max(initial=0) + 1e-300)
    for _ in range(rounds):
        total = weights.sum()
        mean_x, mean_y = weights @ x / total, weights @ y / total
        along = x - mean_x
        weighed = weights * along
        square = weighed @ along
        if not square > 0:
            return 0.0, 0.0
        slope = float(weighed @ (y - mean_y) / square)
        offset = float(mean_y - slope * mean_x)
        off = np.abs(y - slope * x - offset)
        # The upper of two middle ones; np.median would take as long as all else here.
        weights = 1 / (off + np.partition(off, off.size // 2)[off.size // 2] + least)
    return slope, offset
