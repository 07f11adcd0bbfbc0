"""Lines of one value, as packets of a frame leave them that were not written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DullLines:
    """The rows, or the columns, of a plane.

    Attributes
    ----------
    value : ndarray of shape (N, C)
        What all pixels of a line show; NaN where they differ.
    mean : ndarray of shape (N, C)
        Mean of some of its pixels.
    """

    value: Table
    mean: Table


def lines_of(values: NDArray[Any], step: int) -> DullLines:
    """Return the rows of a plane (Y, X, C), of which every `step`-th column is looked at first."""
    some = values[:, ::step]
    mean = some.mean(axis=1, dtype=np.float64)
    value = np.full(mean.shape, np.nan)
    rows, channels = np.nonzero((some == some[:, :1]).all(axis=1))
    for y, c in zip(rows, channels, strict=True):
        line = values[y, :, c]
        if step == 1 or (line == line[0]).all():
            value[y, c] = line[0]
    return DullLines(value, mean)


def lost_lines(
    plane: DullLines, sides: Sequence[Sequence[DullLines]], least: Table
) -> list[tuple[int, float]]:
    """Return channel and value of lines that hold one value, where others show something else.

    Parameters
    ----------
    plane : DullLines
        Of the plane. All channels of a line are lost together.
    sides : sequence of sequence of DullLines
        Planes of each side, the nearest first; two sides of one each where there is one side. What
        the nearest lost, too, the next one tells.
    least : ndarray of shape (C,)
        By how much one of the channels differs from one of each side.
    """
    lost = np.isfinite(plane.value).all(axis=1)
    for side in sides if lost.any() else ():
        shown = np.zeros_like(lost)
        is_dull = np.ones_like(lost)  # in all planes so far
        for one in side:
            with np.errstate(invalid="ignore"):
                differs = (np.abs(one.mean - plane.value) > least).any(axis=1)
            tells = np.isnan(one.value).any(axis=1)
            shown |= is_dull & tells & differs
            is_dull &= ~tells
        lost &= shown
    values = np.unique(plane.value[lost], axis=0)
    return [(c, float(value)) for line in values for c, value in enumerate(line)]
