"""Lines that a plane shows twice, or that are another plane's: a buffer that was not filled anew.

No camera records the same line twice: its noise tells.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._dull_lines import DullLines
from napari_umis_fusion.preprocess.health._neighbours import Side, nearest_two
from napari_umis_fusion.preprocess.health._padding import Strip
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics

Mask = NDArray[np.bool_]

MIN_LINES = 8
"""Lines in a row whose means are those of another plane to the last bit."""

MAX_USUAL = 0.02
"""Share of such lines in two other planes that follow each other, from which on they tell nothing:
a drawing has no noise, and a video may repeat what does not change."""

MAX_SHARE = 0.95
"""Nor are planes torn that are the same as a whole."""

MAX_ALIKE = 0.2
"""Nor do lines tell of which more are like the next one: an even ground without noise is the same
in other planes, too, by chance."""


def stale_strips(plane: PlaneStatistics, before: Side, after: Side) -> tuple[Strip, ...]:
    """Return the lines of a plane that it, or one of the planes before it, shows to the last bit.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.
    """
    strips: list[Strip] = []
    around = [one.lines for one in nearest_two(before, after) if one.lines]
    for axis, lines in enumerate(plane.lines):
        strips += [(axis, *ends) for ends in _shown_twice(lines, [one[axis] for one in around])]
        for one in before[::-1]:
            found = _runs(_are_same(lines, one.lines[axis]), lines) if one.lines else []
            if found and not _are_usual(axis, [*before, *after]):
                strips += [(axis, start, stop) for start, stop in found]
                break
    return tuple(strips)


def _are_same(lines: DullLines, others: DullLines) -> Mask:
    if lines.mean.shape != others.mean.shape:
        return np.zeros(len(lines.mean), np.bool_)
    same = (lines.mean == others.mean).all(axis=1)
    is_dull = np.isfinite(lines.value).all(axis=1)  # of one value, as others may be
    return np.asarray(same & ~is_dull)


def _runs(same: Mask, lines: DullLines) -> list[tuple[int, int]]:
    """Return where many lines in a row are the same: the first, and the one after the last."""
    if same.sum() < MIN_LINES or same.mean() > MAX_SHARE:
        return []
    ends = np.flatnonzero(np.diff(np.pad(same, 1).astype(np.int8))).reshape(-1, 2)
    alike = (lines.mean[1:] == lines.mean[:-1]).all(axis=1)
    return [
        (int(start), int(stop))
        for start, stop in ends
        if stop - start >= MIN_LINES and alike[start : stop - 1].mean() <= MAX_ALIKE
    ]


def _shown_twice(lines: DullLines, around: Sequence[DullLines]) -> list[tuple[int, int]]:
    """Return lines that are there twice, of the two places that which other planes show less."""
    kinds = lines.mean @ np.arange(1.0, lines.mean.shape[1] + 1)
    order = np.argsort(kinds, kind="stable")
    is_same = kinds[order[1:]] == kinds[order[:-1]]
    steps = (order[1:] - order[:-1])[is_same]
    if len(steps) < MIN_LINES or not around:  # as of nearly all planes
        return []
    step = int(np.bincount(steps).argmax())
    found = []
    here, there = _moved(lines, step), _moved(lines, 0, -step)
    for start, stop in _runs(_are_same(here, there), here):
        one, other = slice(start, stop), slice(start + step, stop + step)
        if any((two.mean[one] == two.mean[other]).all(axis=1).mean() > MAX_USUAL for two in around):
            continue
        off = [np.abs(lines.mean - two.mean).sum(axis=1) for two in around]
        false = max((one, other), key=lambda place: min(float(two[place].sum()) for two in off))
        found.append((false.start, false.stop))
    return found


def _moved(lines: DullLines, start: int, stop: int | None = None) -> DullLines:
    return DullLines(lines.value[start:stop], lines.mean[start:stop])


def _are_usual(axis: int, others: Side) -> bool:
    """Whether planes that follow each other have the same lines, most of them."""
    pairs = [(one.lines, two.lines) for one, two in pairwise(others) if one.lines and two.lines]
    shares = [_are_same(one[axis], two[axis]).mean() for one, two in pairs]
    return not shares or 2 * sum(share > MAX_USUAL for share in shares) >= len(shares)
