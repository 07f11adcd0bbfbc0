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
    plane: DullLines, others: Sequence[DullLines], least: Table
) -> list[tuple[int, float]]:
    """Return channel and value of lines that hold one value, where others show something else.

    Parameters
    ----------
    plane : DullLines
        Of the plane. All channels of a line are lost together.
    others : sequence of DullLines
        The nearest plane of each side; two where there is one side.
    least : ndarray of shape (C,)
        By how much one of the channels differs from each of them.
    """
    lost = np.isfinite(plane.value).all(axis=1)
    for one in others if lost.any() else ():
        with np.errstate(invalid="ignore"):
            lost &= (np.abs(one.mean - plane.value) > least).any(axis=1)
        lost &= np.isnan(one.value).any(axis=1)
    values = np.unique(plane.value[lost], axis=0)
    return [(c, float(value)) for line in values for c, value in enumerate(line)]
