"""Planes whose fine detail is not the specimen's: noise, fringes, what sharpening and contrast add.

Where focus lies on one side of a plane, a specimen's detail grows from plane to plane towards it:
what a plane shows there lies between what its neighbours show. Detail of another origin is added,
or made stronger, everywhere. Its places are compared with what detail changes elsewhere from plane
to plane, so that coarse steps and layers one behind the other, which come and go fast, are none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.preprocess.health._energies import RINGS, SECTORS, Energies
from napari_umis_fusion.preprocess.health._neighbours import Side
from napari_umis_fusion.preprocess.health._statistics import Mask, PlaneStatistics, Table

MIN_SLOPE = 1.15
"""How much more energy the next plane towards focus has at least, where focus is on one side."""

MIN_PLACES, MIN_SHARE = 6, 0.3
"""Fewer such places, or a smaller share of them, tell nothing."""

PERCENTILE, PERCENTILE_END = 25, 5
"""Of the places: three of four have to show more than they should; of a first or last plane, which
may be the only one that shows a layer before all others, nineteen of twenty."""

MANY_STEPS = 2.0
"""By so many times what detail usually changes from plane to plane..."""

MIN_MORE = 0.3
"""...and this besides, it is more than in the planes on both sides, as logarithms of energies; in a
first or last plane, more than in the next one. Of 984 sound planes between others and 350 first and
last ones that chose it, none had more than -0.1 and 0.2."""

MAX_DIPS = 0.3
"""Share of the places at which a neighbour shows less than those around it, from which on it is the
odd one itself, as by a jolt."""


def has_own_detail(plane: PlaneStatistics, before: Side, after: Side) -> bool:
    """Whether a plane shows detail, of some period and direction, that no focus explains.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane, in the light of those around it.
    before, after : sequence of PlaneStatistics
        Up to three planes on either side, in focal order.
    """
    (own,), near, far = (_energies(side) for side in ([plane], before[::-1], after))
    sides = [_Side.of(side, own) for side in (near, far) if side]
    if own is None or any(one is None for one in sides) or not sides:
        return False
    known = [one for one in sides if one is not None]
    steps = np.concatenate([one.steps for one in known])
    places = _towards_focus(known)
    if not len(steps) or places.sum() < max(MIN_PLACES, MIN_SHARE * len(places)):
        return False
    if len(known) == 2 and any(_dips(one, two) for one, two in (known, known[::-1])):
        return False
    usual = np.maximum.reduce([one.nearest for one in known])[places]
    percentile = PERCENTILE if len(known) == 2 else PERCENTILE_END
    more = np.percentile(np.log(own[places] / usual), percentile, axis=0)
    return bool((more - MANY_STEPS * np.median(steps, axis=0)).max() > MIN_MORE)


def _energies(planes: Side) -> list[Energies | None]:
    return [None if one.detail is None else one.detail.energies for one in planes]


@dataclass(frozen=True, slots=True)
class _Side:
    """Energies of the planes on one side of a plane, the nearest first."""

    planes: tuple[Energies, ...]

    @classmethod
    def of(cls, planes: Sequence[Energies | None], like: Energies | None) -> "_Side | None":
        """Return a side; None if nothing is known of a plane."""
        shape = None if like is None else like.shape
        known = tuple(one for one in planes if one is not None and one.shape == shape)
        return cls(known) if len(known) == len(planes) else None

    @property
    def nearest(self) -> Energies:
        """Energies of the nearest plane."""
        return self.planes[0]

    @property
    def steps(self) -> Table:
        """How detail changes from plane to plane."""
        pairs = zip(self.planes[:-1], self.planes[1:], strict=True)
        steps = [np.abs(np.log(one / other)) for one, other in pairs]
        return np.concatenate(steps) if steps else np.zeros((0, self.nearest.shape[1]))

    @property
    def total(self) -> Table:
        """Energy of each plane at each place, without the finest ring, which is noise first."""
        rings = (len(RINGS) - 2) * SECTORS
        return np.stack([one[:, :rings].sum(axis=1) for one in self.planes])


def _towards_focus(sides: Sequence[_Side]) -> Mask:
    """Return the places whose detail grows along z, on and on: bool of shape (places,)."""
    found = np.zeros(len(sides[0].nearest), np.bool_)
    if len(sides) == 1:  # a second plane that is dull by itself is followed by no such order
        total = sides[0].total
        if len(total) > 2:
            found |= (total[1:] > MIN_SLOPE * total[:-1]).all(axis=0)
        return found
    for low, high in (sides, sides[::-1]):
        if len(high.total) < 2:
            continue
        nearest, second = high.total[:2]
        found |= (nearest > MIN_SLOPE * low.total.max(axis=0)) & (second > MIN_SLOPE * nearest)
    return found


def _dips(side: _Side, other: _Side) -> bool:
    """Whether the nearest plane of a side shows less than those next to it, of which one is odd."""
    if len(side.total) < 2:
        return False
    nearest, second = side.total[:2]
    dips = MIN_SLOPE * nearest < np.minimum(second, other.total[0])
    return bool(dips.mean() > MAX_DIPS)
