"""Planes of other colours than those around, as where a camera sets its white balance anew.

Defocus moves the light of all channels alike, and hardly beyond a tile: how bright channels are
relative to each other stays.
"""

from itertools import combinations

import numpy as np

from napari_umis_fusion.preprocess.health._exposure import (
    MIN_TILES,
    Exposure,
    fit_light,
    lit_otherwise,
    nearest,
    unexplained,
)
from napari_umis_fusion.preprocess.health._neighbours import Side
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, Table

MIN_TINT = float(np.log(1.06))
"""Logarithm of the least factor by which two channels differ otherwise than in planes around. In
eight real stacks in colour, no plane differed from the next by more than 1.022."""

MAX_SPREAD = 1 / 4
"""One gain and offset of each channel leave less than this share of it unexplained; else the
specimen has other colours there."""

MIN_STEPS = 4.0
"""By so many steps of whole numbers some channel changes at least."""

STAYS = MIN_TINT / 3
"""A channel that changes by less is as it was."""


def find_tint(plane: PlaneStatistics, others: Side) -> Exposure | None:
    """Return the light of each channel, if most planes around agree on other colours; else None.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    others : sequence of PlaneStatistics
        Those around it, in focal order.
    """
    if plane.mean.shape[2] < 2 or len(others) < 2:
        return None
    near = [_changes(one, plane) for one in nearest(plane, others)]
    if not any(_may_differ(changes) for changes in near):  # as of nearly all planes
        return None
    tints = np.stack([_tint(one, plane) for one in others])
    for pair in tints.T:
        around = lit_otherwise(plane, others, pair, MIN_TINT, by_all=True)
        if around and _differs(plane, around):
            return _light_of_channels(around, plane)
    return None


def _differs(plane: PlaneStatistics, around: Side) -> bool:
    """Whether a change is more than what is rounded, as in dark parts of a compressed picture."""
    changes = [np.nanmedian(np.abs(plane.mean - one.mean), axis=(0, 1)).max() for one in around]
    return bool(min(changes) > MIN_STEPS * plane.rounding)


def is_tinted(plane: PlaneStatistics, before: Side, after: Side) -> bool:
    """Whether all planes before have other colours than this one and all after it.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.
    """
    if len(before) < 2 or not after:  # it is the first or the last plane that is odd
        return False
    if not _may_differ(_changes(before[-1], plane)):
        return False
    change = np.abs(_tint(before[-1], plane))
    steady = [_tint(one, before[-1]) for one in before[:-1]] + [_tint(plane, one) for one in after]
    most = np.max(np.abs(steady), axis=0)  # NaN if it is not known of one
    return bool(((change > MIN_TINT) & (most < change / 3)).any())


def _changes(reference: PlaneStatistics, plane: PlaneStatistics) -> Table:
    """Return the logarithm by which each channel is brighter; NaN where too few tiles tell."""
    lit = plane.lit & reference.lit
    found = np.full(lit.shape[2], np.nan)
    for c in range(lit.shape[2]):
        tiles = lit[..., c]
        if tiles.sum() >= MIN_TILES:
            found[c] = np.median(np.log(plane.mean[tiles, c] / reference.mean[tiles, c]))
    return found


def _may_differ(changes: Table) -> bool:
    known = changes[np.isfinite(changes)]
    return len(known) > 1 and float(np.ptp(known)) > MIN_TINT


def _tint(reference: PlaneStatistics, plane: PlaneStatistics) -> Table:
    """Return how channels changed relative to each other: logarithms, one for each pair.

    It is NaN where too few tiles tell, or one light of each channel does not explain them.
    """
    lit, found = plane.lit & reference.lit, []
    for pair in map(list, combinations(range(lit.shape[2]), 2)):
        both = lit[..., pair].all(axis=2)
        here, there = plane.mean[both][:, pair], reference.mean[both][:, pair]
        tint = np.nan
        if len(here) >= MIN_TILES:
            tint = float(np.median(np.diff(np.log(there / here), axis=1)))
        if abs(tint) > STAYS:
            rests = [unexplained(there[:, k], here[:, k]) for k in (0, 1)]
            rest = np.median(np.abs(rests[0] - rests[1]))  # what focus does, it does to both
            tint = tint if rest < max(MAX_SPREAD * abs(tint), STAYS) else np.nan
        found.append(tint)
    return np.array(found)


def _light_of_channels(around: Side, plane: PlaneStatistics) -> Exposure:
    """Return the gain and offset of each channel; 1 and 0 where it is as it was."""
    lights, is_between = [], len(around) == 2
    change = np.mean([_changes(one, plane) for one in around], axis=0)
    for c in range(len(change)):
        found = Exposure(1.0, 0.0)
        if np.abs(change[c]) > STAYS:
            found = Exposure(np.exp(change[c]), 0.0)
            # Of a first or last plane, less contrast is what focus does.
            found = (is_between and fit_light(around, plane, slice(c, c + 1))) or found
        lights.append((found.gain, found.offset))
    gain, offset = np.array(lights, np.float64).T
    return Exposure(gain, offset)
