"""Lines that jump to one side, each by itself, as where a scanner or a cable loses its clock.

A lens draws each line nearly as the one before. So most lines fit the next one best where they are,
or, in a slanted pattern, a little to one side, and always to the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._profiles import passed_by

MAX_LINES, MAX_POINTS = 96, 512
"""Lines that are compared with the next ones, and pixels of each."""

MIN_LINES, MIN_POINTS = 32, 64
"""Shorter sides tell nothing."""

REACH_PX = 4
"""How far lines are moved against each other."""

MAX_LEFT, MAX_UNLIKE = 0.8, 0.6
"""Squared difference that is left where a line fits the next one after a move: as a share of that
without it, and of what both lines hold, since noise alone fits by chance, and leaves most."""

MIN_JUMPS, MANY_JUMPS, MANY_JUMPS_END = 0.4, 2.5, 5.0
"""Share of lines that jump, if that is so many times what they do in the planes around. None of 227
sound planes had both; of 168 whose rows or columns jumped by up to 3 px, some hidden in noise, 136
did. The last is for a first or last plane: far from focus, noise makes lines jump that stay where
they are in the planes next to it, more so if these have an edge such as that of padding."""

MAX_ONE_SIDED = 0.5
"""Mean of their directions, -1 or 1."""

Jumps = tuple[tuple[float, float], ...]
"""Share of the rows, and of the columns, that jump, and the mean of their directions."""


def line_jumps(values: NDArray[Any]) -> Jumps:
    """Return how many lines of a plane (Y, X, C) jump; nothing of small planes."""
    if min(values.shape[:2]) < MIN_POINTS:
        return ()
    return tuple(_jumps(side) for side in (values, values.swapaxes(0, 1)))


def lines_jump(plane: Jumps, around: Sequence[Jumps], *, is_end: bool) -> bool:
    """Whether lines of a plane, maybe a first or last one, jump as those around do not."""
    if not around or not all((plane, *around)):
        return False
    many = MANY_JUMPS_END if is_end else MANY_JUMPS
    for axis, (share, direction) in enumerate(plane):
        usual = max(one[axis][0] for one in around)
        if share > max(MIN_JUMPS, many * usual) and abs(direction) < MAX_ONE_SIDED:
            return True
    return False


def _jumps(lines: NDArray[Any]) -> tuple[float, float]:
    count, points = lines.shape[:2]
    first = np.linspace(0, count - 2, min(MAX_LINES, count - 1)).astype(int)
    begin = max(0, points - MAX_POINTS) // 2
    some = slice(begin, begin + MAX_POINTS)
    with np.errstate(over="ignore", invalid="ignore"):  # values that single precision does not hold
        one, next_one = (
            passed_by(lines[first + by, some].astype(np.float32).mean(axis=2)) for by in (0, 1)
        )
        inner, width = one[:, REACH_PX:-REACH_PX], one.shape[1] - 2 * REACH_PX
        moves = range(2 * REACH_PX + 1)
        off = np.stack([((next_one[:, by : by + width] - inner) ** 2).sum(axis=1) for by in moves])
        energy = (inner**2 + next_one[:, REACH_PX:-REACH_PX] ** 2).sum(axis=1)
    best, stays = off.min(axis=0), off[REACH_PX]
    is_jump = (best < MAX_LEFT * stays) & (best < MAX_UNLIKE * energy)
    jump = np.sign(off.argmin(axis=0) - REACH_PX)[is_jump]
    return len(jump) / len(first), float(jump.mean()) if len(jump) else 0.0
