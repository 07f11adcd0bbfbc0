"""Frames that show another picture than the planes around, or little but noise.

Defocus spreads light over some pixels: means of tiles stay within what the tiles around show in the
planes before and after. On twelve real stacks and 120 rendered ones, at most 11 % of the tiles of a
plane did not, 21 % of a first or last one, and white noise differed by at most 1.3 in variance.
"""

from collections.abc import Sequence

import numpy as np

from napari_umis_fusion.preprocess.health._exposure import affine_light
from napari_umis_fusion.preprocess.health._statistics import Mask, PlaneStatistics, Table

MIN_OFF = 0.03
"""Share of what the planes around span, by which a tile lies outside what they show."""

MIN_UNLIKE, MIN_UNLIKE_END = 0.3, 0.5
"""Share of such tiles in a plane of another picture; in a first or last plane."""

MAX_RATIO = 1 / 3
"""Of that share, what the planes around may have between themselves."""

MAX_RICHER = 2.0
"""Contrast of tiles relative to the planes around: what one optical section alone shows is more."""

MIN_TILES = 16
"""Fewer tell nothing."""

MIN_WHITE = 0.7
"""Energy of neighbouring pixels relative to that of next but one: 1 for noise, less than 0.6 for
what a lens draws."""

MIN_NOISIER = 9.0
"""How much more of it than in the planes on both sides: three times the standard deviation."""

MIN_NOISE = 0.02
"""Standard deviation of noise that spoils a decision, as a share of what those planes span."""

Side = Sequence[PlaneStatistics]


def is_unlike(plane: PlaneStatistics, before: Side, after: Side, lost: Table) -> bool:
    """Whether a plane shows another picture than planes before and after it, which show one.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane; a light of its own does not count.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.
    lost : ndarray of shape (rows of tiles, columns of tiles)
        Share of each tile that was lost.
    """
    is_end = not (before and after)
    pairs = _pairs(before, after)
    least = MIN_UNLIKE_END if is_end else MIN_UNLIKE
    for one, other in pairs:
        here = (lost == 0) & ~(one.constant | other.constant).any(axis=2)
        if here.sum() < MIN_TILES:
            continue
        tiles, both = _in_light_of(plane, one, other, here), (one.mean, other.mean)
        # A plane in focus shows what is blurred in both: then its own blur is like them.
        share = min(_share_off(some, both, here) for some in (tiles, _blurred(tiles)))
        between = max(_share_off(x.mean, (y.mean, y.mean), here) for x, y in _both(one, other))
        if share <= least or between > MAX_RATIO * share:
            continue
        return plane.contrast <= MAX_RICHER * max(one.contrast, other.contrast)
    return False


def is_noisy(plane: PlaneStatistics, before: Side, after: Side) -> bool:
    """Whether a plane has far more noise than those on both sides, such as random bits."""
    sides = [*before[-1:], *after[:1]] if before and after else [*before[-2:], *after[:2]]
    if len(sides) < 2 or not plane.grain.size:
        return False
    near, far = plane.grain.T
    usual = np.max([one.grain[:, 0] for one in sides], axis=0)
    span = np.max([one.span for one in sides], axis=0)
    # The second difference of white noise has six times its variance.
    strong = near / 6 > np.maximum((MIN_NOISE * span) ** 2, MIN_NOISIER / 6 * usual)
    return bool((strong & (near > MIN_WHITE * far)).any())


def _pairs(before: Side, after: Side) -> list[tuple[PlaneStatistics, PlaneStatistics]]:
    if before and after:
        return [(before[-1], one) for one in after]
    side = after[:2] if after else before[:-3:-1]
    return [(side[0], side[1])] if len(side) == 2 else []


def _both(
    one: PlaneStatistics, other: PlaneStatistics
) -> tuple[tuple[PlaneStatistics, PlaneStatistics], ...]:
    return (one, other), (other, one)


def _in_light_of(
    plane: PlaneStatistics, one: PlaneStatistics, other: PlaneStatistics, here: Mask
) -> Table:
    """Return the tiles of a plane as bright as those of two others, where all of them tell."""
    gain, offset = affine_light((one.mean[here] + other.mean[here]) / 2, plane.mean[here])
    return np.asarray((plane.mean - offset) / gain)


def _blurred(tiles: Table) -> Table:
    """Return the means of 3 x 3 tiles."""
    return np.asarray(_around(tiles, np.add) / 9)


def _share_off(tiles: Table, others: tuple[Table, Table], here: Mask) -> float:
    """Return which share of tiles lies outside of what others show in the tiles around."""
    low, high = (_around(edge(*others), edge) for edge in (np.fmin, np.fmax))
    both = np.concatenate([one.reshape(-1, one.shape[2]) for one in others])
    with np.errstate(invalid="ignore"):
        span = np.subtract(*np.nanpercentile(both, (98, 2), axis=0))
        off = np.maximum(tiles - high, low - tiles) > MIN_OFF * np.maximum(span, 1e-300)
    return float(off.any(axis=2)[here].mean())


def _around(tiles: Table, edge: np.ufunc) -> Table:
    """Return the lowest value, the highest, or the sum, of 3 x 3 tiles."""
    found = tiles
    for axis in (0, 1):
        padded = np.pad(found, [(1, 1) if k == axis else (0, 0) for k in range(3)], mode="edge")
        parts = [padded.take(range(k, k + tiles.shape[axis]), axis) for k in range(3)]
        found = np.asarray(edge.reduce(parts))
    return found
