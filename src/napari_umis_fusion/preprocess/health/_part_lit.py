"""Lines of a plane in another light than the rest: the lamp changed while the frame was read.

Means of lines, relative to those of the planes before and after, change where focus does, but
slowly. A shutter that rolls, or a lamp that is switched, leaves a step.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._dull_lines import DullLines
from napari_umis_fusion.preprocess.health._padding import Strip

Table = NDArray[np.float64]

MIN_STEP = float(np.log(1.2))
"""Logarithm of the least step of light."""

MAX_SPREAD, MOST_LINES = 1 / 4, 90
"""In so many percent of the lines, those on one side of it differ by less than this share of the
step, and so do the planes around; on the side that counts, so does the light from theirs."""

MIN_LINES = 8
"""Lines on either side."""

BESIDE = 3
"""Lines on either side within which all of the step lies, but for MAX_SPREAD of it."""


MARGIN = 2
"""Lines by which what is left out goes beyond the step: the first may be lit for a part of it."""


def lit_strips(lines: Sequence[DullLines], around: Sequence[Sequence[DullLines]]) -> list[Strip]:
    """Return the lines of a plane that are lit otherwise than the rest and the planes around.

    Parameters
    ----------
    lines : sequence of DullLines
        Rows and columns of the plane.
    around : sequence of sequence of DullLines
        Of the planes before and after it, or of two on one side; one alone does not tell which of
        them is odd.
    """
    if len(around) < 2:
        return []
    strips: list[Strip] = []
    for axis, here in enumerate(lines):
        if np.isfinite(here.value).all(axis=1).any():
            continue  # torn, or padded
        others = [one[axis].mean.sum(axis=1) for one in around]
        step = _step_of(here.mean.sum(axis=1), others)
        if step is None:
            continue
        start, is_after = step
        size = len(here.mean)
        odd = (max(0, start - MARGIN), size) if is_after else (0, min(size, start + MARGIN))
        strips.append((axis, *odd))
    return strips


def _step_of(here: Table, others: Sequence[Table]) -> tuple[int, bool] | None:
    """Return the line where the light changes, and whether those from it on are the odd ones."""
    values = np.stack([here, *others])
    if len(here) < 4 * MIN_LINES or not (np.isfinite(values).all() and (values > 0).all()):
        return None
    logs = np.log(values)
    change = logs[0] - logs[1:].mean(axis=0)
    start = _split(change)
    sides = change[:start], change[start:]
    middles = [float(np.median(side)) for side in sides]
    step = abs(middles[1] - middles[0])
    most = MAX_SPREAD * step
    if step < MIN_STEP or min(map(abs, middles)) > most:
        return None
    offs = [side - middle for side, middle in zip(sides, middles, strict=True)]
    offs += [one - two for one, two in pairwise(logs[1:])]
    near = change[start - BESIDE], change[start + BESIDE - 1]
    if any(np.percentile(np.abs(off), MOST_LINES) > most for off in offs):
        return None
    if abs(near[1] - near[0]) < step - 2 * most:
        return None
    return start, abs(middles[1]) > abs(middles[0])


def _split(change: Table) -> int:
    """Return where two constants explain most, by least squares."""
    count = np.arange(1, len(change))
    total = np.cumsum(change)
    first, last = total[:-1], total[-1] - total[:-1]
    explained = first**2 / count + last**2 / (len(change) - count)
    return int(explained[MIN_LINES - 1 : -MIN_LINES + 1].argmax()) + MIN_LINES
