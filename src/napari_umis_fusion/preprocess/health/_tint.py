"""Planes of other colours than those around, as where a camera sets its white balance anew.

Defocus moves the light of all channels alike, and hardly beyond a tile: how bright channels are
relative to each other stays.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from napari_umis_fusion.preprocess.health._exposure import MIN_TILES
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, Table

MIN_TINT = float(np.log(1.06))
"""Logarithm of the least factor by which two channels differ otherwise than in planes around. In
eight real stacks in colour, no plane differed from the next by more than 1.022."""

MAX_SPREAD = 1 / 4
"""Tiles agree on it to this share of its logarithm; else the specimen has other colours there."""

Side = Sequence[PlaneStatistics]


def is_tinted(plane: PlaneStatistics, before: Side, after: Side) -> bool:
    """Whether channels are lit otherwise than in the planes around, or than in all planes before.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.
    """
    if before and after:
        return _is_odd(plane, before[-1], after[0]) or _changes_for_good(plane, before, after)
    near = [*before[:-3:-1], *after[:2]]
    return len(near) == 2 and _is_odd(plane, *near)


def _is_odd(plane: PlaneStatistics, one: PlaneStatistics, other: PlaneStatistics) -> bool:
    """Whether a plane differs from two others in the same way, and these hardly do."""
    first = _tint(one, plane)
    if not (np.abs(first) > MIN_TINT).any():  # as of nearly all planes
        return False
    second, between = _tint(other, plane), _tint(one, other)
    least = np.minimum(np.abs(first), np.abs(second))
    is_odd = (least > MIN_TINT) & (first * second > 0) & (np.abs(between) < least / 3)
    return bool(is_odd.any())


def _changes_for_good(plane: PlaneStatistics, before: Side, after: Side) -> bool:
    """Whether all planes before have other colours than this one and all after it."""
    if len(before) < 2:  # it is the first plane that is odd
        return False
    change = np.abs(_tint(before[-1], plane))
    if not (change > MIN_TINT).any():
        return False
    steady = [_tint(one, before[-1]) for one in before[:-1]] + [_tint(plane, one) for one in after]
    most = np.max(np.abs(steady), axis=0)  # NaN if it is not known of one
    return bool(((change > MIN_TINT) & (most < change / 3)).any())


def _tint(reference: PlaneStatistics, plane: PlaneStatistics) -> Table:
    """Return how channels changed relative to each other: logarithms, one for each pair.

    It is NaN where too few tiles tell, or do not agree: as much of 0 as of another factor.
    """
    lit = plane.lit & reference.lit
    changes = np.log(np.where(lit, plane.mean, 1.0) / np.where(lit, reference.mean, 1.0))
    pairs = map(list, combinations(range(lit.shape[2]), 2))
    return np.array([_agreed(changes[lit[..., pair].all(axis=2)][:, pair]) for pair in pairs])


def _agreed(changes: Table) -> float:
    """Return by how much the first of two channels changed more than the second."""
    if len(changes) < MIN_TILES:
        return np.nan
    apart = changes[:, 0] - changes[:, 1]
    tint = float(np.median(apart))
    spread = float(np.median(np.abs(apart - tint)))
    return tint if spread < max(MAX_SPREAD * abs(tint), MIN_TINT / 3) else np.nan
