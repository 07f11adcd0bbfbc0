"""What rows, or columns, of a plane add to it: the mean of their parts, in two bands of detail.

Arrays have parts of lines along the last axis but one, and lines along the last.
"""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.runtime import BoolMap, FloatMap

Profiles = NDArray[np.float64]

PART_PX = 16
"""Length of a part: what a specimen shows is in few of them."""

FINE_LINES, SOFT_LINES = 5, 29
"""Widths of means, taken twice, of which the bands are the differences. Bands of light that are
wider, as of a lamp at 50 Hz, hardly mislead: they are no detail."""

NEAR_LINES = 9
"""Lines around, whose detail tells how much a part shows of the specimen."""

LEAST_DETAIL = 0.05
"""Detail, as a share of the usual, below which parts count alike."""

NOTHING = 1e-9
"""Detail, as a share of the most, of parts that are saturated, or blank."""


def parts_of(values: FloatMap, axis: int) -> Profiles:
    """Return the means of parts of lines, of shape (..., parts, lines).

    Parameters
    ----------
    values : ndarray of shape (..., Y, X), float32
        Grey levels.
    axis : int
        0: lines are columns; 1: rows.
    """
    along = axis - 2
    starts = np.arange(0, max(values.shape[along] - PART_PX + 1, 1), PART_PX)
    lengths = np.diff(np.append(starts, values.shape[along]))
    sums = np.moveaxis(np.add.reduceat(values, starts, axis=along), along, -2)
    return np.asarray(sums / lengths[:, None].astype(np.float64))


def filled(parts: Profiles, absent: BoolMap) -> Profiles:
    """Return parts of which those that show nothing are as the others of their line usually are.

    Parameters
    ----------
    parts : ndarray of shape (parts, lines)
        Means of parts.
    absent : ndarray of that shape, bool
        Which show nothing, or not everywhere.
    """
    if not absent.any():
        return parts
    known = np.where(absent, np.nan, parts)
    known[:, absent.all(axis=0)] = 0
    return np.where(absent, np.nanmedian(known, axis=0), parts)


def detail_of(parts: Profiles) -> list[Profiles]:
    """Return the detail of parts from line to line: the finest, and what is softer."""
    fine, soft = _smooth(parts, FINE_LINES), _smooth(parts, SOFT_LINES)
    return [parts - fine, fine - soft]


def mean_of_parts(detail: Profiles) -> Profiles:
    """Return the mean of the parts, of shape (..., lines): most of those that show least else."""
    energy = detail * detail
    tells = _mean(energy, NEAR_LINES) > NOTHING * energy.max(axis=(-2, -1), keepdims=True)
    apart = detail - np.median(detail, axis=-2, keepdims=True)
    else_shown = _mean(apart * apart, NEAR_LINES)
    usual = np.median(else_shown, axis=(-2, -1), keepdims=True)
    weights = tells / np.maximum(else_shown + LEAST_DETAIL * usual, 1e-12)
    total = np.maximum(weights.sum(axis=-2), 1e-12)
    return np.asarray((weights * detail).sum(axis=-2) / total)


def _smooth(values: Profiles, width: int) -> Profiles:
    return _mean(_mean(values, width), width)


def _mean(values: Profiles, width: int) -> Profiles:
    """Return means over `width` neighbours along the last axis, mirrored beyond its ends."""
    half = width // 2
    padding = [(0, 0)] * (values.ndim - 1) + [(half + 1, half)]
    sums = np.cumsum(np.pad(values, padding, mode="symmetric"), axis=-1)
    return np.asarray((sums[..., width:] - sums[..., :-width]) / width)
