"""Frames that were written in part: rows, columns or a corner that hold one value."""

from collections.abc import Sequence

import numpy as np

from napari_umis_fusion.preprocess.health._blank import MIN_DIFFERENCE
from napari_umis_fusion.preprocess.health._dull_lines import lost_lines
from napari_umis_fusion.preprocess.health._statistics import Mask, PlaneStatistics

MIN_UNLIKE = 0.5
"""Share of the constant tiles where all planes around show something else."""

MIN_NEAT = 0.9
"""Share of the constant tiles within that shape, in a first or last plane."""

MIN_CORNER = 1 / 16
"""Share of the plane that a constant part takes up at least, such as a rectangle at its border."""

MIN_FILL = 0.95
"""Of that rectangle, the share that is constant."""

MIN_CONTRAST, MIN_FAR, MIN_OTHER = 0.2, 0.3, 0.75
"""Share of the span by which the planes right before and after differ from a constant part of
another shape, in so much of it; more of it differs at all. Lost lines differ by as much."""

MIN_STEPS = 1.5
"""Whole numbers that differ by less may be the same light."""

MAX_VALUES = 3
"""Constant values that are looked at: the most frequent ones."""


def find_gaps(
    plane: PlaneStatistics,
    sides: Sequence[Sequence[PlaneStatistics]],
    tops: Sequence[float] = (),
) -> tuple[tuple[tuple[int, float], ...], Mask]:
    """Return the parts of a plane that were not written.

    What was not written ends with a line or at the border, and planes on both sides show
    something there; a dark background is of any shape, and dark in them too.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    sides : sequence of sequence of PlaneStatistics
        Planes before it, and planes after it; no empty sequence at the ends of the stack.
    tops : sequence of float
        Of each channel, the value at which it is clipped; empty where it is not.

    Returns
    -------
    gaps : tuple of (int, float)
        Channel and its value there.
    tiles : ndarray of shape (rows of tiles, columns of tiles), bool
        Where they lie.
    """
    gaps: list[tuple[int, float]] = []
    tiles = np.zeros(plane.mean.shape[:2], np.bool_)
    if not sides:
        return (), tiles
    for c in range(plane.mean.shape[2]):
        for value in _constants(plane, c):
            if value in tops[c : c + 1]:
                continue
            here = plane.constant[..., c] & (plane.lowest[..., c] == value)
            if _was_not_written(here, sides, c, value):
                gaps.append((c, value))
                tiles |= here
    gaps += [gap for gap in _lost_lines(plane, sides) if gap not in gaps and gap[1] not in tops]
    return tuple(gaps), tiles


def _was_not_written(
    here: Mask, sides: Sequence[Sequence[PlaneStatistics]], channel: int, value: float
) -> bool:
    """Whether constant tiles, or some of them, show what planes on both sides do not."""
    if not all(_may_show_more(side, channel, value, here) for side in sides):
        return False
    shaped = _in_shape(here)
    if len(sides) > 1 and shaped.any():
        nearest = sides[0][-1], sides[1][0]
        if not any(_show_more([one], channel, value, shaped) for one in nearest):
            return False  # an even ground, which haze hides further away
    if len(sides) < 2:
        # A dark ground the plane before the first may have had too.
        is_neat = shaped.any() and shaped.sum() >= MIN_NEAT * here.sum()
        return bool(is_neat and _show_more(sides[0], channel, value, shaped))
    if shaped.any() and all(_show_more(side, channel, value, shaped) for side in sides):
        return True
    return _is_hole(here, [sides[0][-1], sides[1][0]], channel, value)


def _is_hole(here: Mask, around: Sequence[PlaneStatistics], channel: int, value: float) -> bool:
    """Whether a constant part of any shape is something else by far right before and after.

    Nothing is in focus where a plane holds one value, so that little is lost with it.
    """
    off, far = (
        np.logical_and.reduce([here, *(_differs(one, channel, value, by) for one in around)])
        for by in (MIN_DIFFERENCE, MIN_CONTRAST)
    )
    # Even grounds of compressed files hold one value too, a little off.
    far &= ~np.logical_or.reduce([one.constant[..., channel] for one in around])
    if off.mean() < MIN_OTHER * MIN_CORNER:
        return False
    from scipy.ndimage import label

    parts, count = label(here)
    sizes, fars, offs = (
        np.bincount(parts[some], minlength=count + 1)[1:] for some in (here, far, off)
    )
    is_hole = (fars >= MIN_FAR * sizes) & (offs >= MIN_OTHER * sizes)
    return bool((is_hole & (sizes >= MIN_CORNER * here.size)).any())


def _lost_lines(
    plane: PlaneStatistics, sides: Sequence[Sequence[PlaneStatistics]]
) -> list[tuple[int, float]]:
    """Return channel and value of rows and columns that planes around show far otherwise."""
    around = [_nearest(side, plane.z) for side in sides]
    if len(sides) < 2:
        around = [[one] for one in around[0][:2]]
    if len(around) < 2 or not all(one.lines for side in (*around, [plane]) for one in side):
        return []
    span = np.max([one.span for side in around for one in side[:1]], axis=0)
    least = np.maximum(MIN_CONTRAST * span, MIN_STEPS * plane.rounding)
    found = [
        gap
        for axis, lines in enumerate(plane.lines)
        for gap in lost_lines(lines, [[one.lines[axis] for one in side] for side in around], least)
    ]
    return list(dict.fromkeys(found))


def _nearest(side: Sequence[PlaneStatistics], z: int) -> list[PlaneStatistics]:
    return sorted(side, key=lambda one: abs(one.z - z))


def _constants(plane: PlaneStatistics, channel: int) -> list[float]:
    """Return the most frequent values of constant tiles; none without such tiles."""
    values = plane.lowest[..., channel][plane.constant[..., channel]]
    if values.size == 0:
        return []
    found, counts = np.unique(values, return_counts=True)
    return [float(value) for value in found[np.argsort(-counts)[:MAX_VALUES]]]


def _show_more(side: Sequence[PlaneStatistics], channel: int, value: float, tiles: Mask) -> bool:
    """Whether some plane of a side differs from a value in most of these tiles."""
    shares = [_differs(one, channel, value)[tiles].mean() for one in side]
    return bool(max(shares) >= MIN_UNLIKE)


def _may_show_more(
    side: Sequence[PlaneStatistics], channel: int, value: float, tiles: Mask
) -> bool:
    """Whether `_show_more` may be true of any part of these tiles that `_in_shape` returns.

    It seldom is, and to find the part takes longer: scipy has to be loaded for it.
    """
    least = MIN_UNLIKE * min(*tiles.shape, MIN_CORNER * tiles.size)
    return any(np.count_nonzero(_differs(one, channel, value) & tiles) >= least for one in side)


def _differs(
    plane: PlaneStatistics, channel: int, value: float, share: float = MIN_DIFFERENCE
) -> Mask:
    least = max(share * plane.span[channel], MIN_STEPS * plane.rounding)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(plane.mean[..., channel] - value) > least)


def _in_shape(constant: Mask) -> Mask:
    """Return whole lines of constant tiles, and else a constant rectangle at the border."""
    lines = constant.all(axis=1, keepdims=True) | constant.all(axis=0, keepdims=True)
    if lines.any() or not constant.any():
        return constant & lines
    at_rim = constant[[0, -1]].any() or constant[:, [0, -1]].any()
    if not at_rim or constant.mean() < MIN_CORNER:  # nor is any part of it; scipy loads slowly
        return np.zeros_like(constant)
    from scipy.ndimage import find_objects, label

    parts, _ = label(constant)
    largest = int(np.bincount(parts.ravel())[1:].argmax()) + 1
    place = find_objects(parts)[largest - 1]
    part = np.zeros_like(constant)
    part[place] = parts[place] == largest
    at_border = any(
        side.start == 0 or side.stop == size
        for side, size in zip(place, constant.shape, strict=True)
    )
    filled = part[place].mean() >= MIN_FILL and part.mean() >= MIN_CORNER
    return part if at_border and filled else np.zeros_like(constant)
