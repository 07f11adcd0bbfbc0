"""Planes whose channels stand in another order, as blue, green, red."""

from collections.abc import Iterable, Sequence
from itertools import permutations

import numpy as np

from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics

COLOURS = 3
"""Channels that are looked at: a fourth one may be an opacity."""

MIN_OFF, MIN_STEPS = 0.03, 4.0
"""Share of what a plane spans, and steps of whole numbers, by which the next one differs."""

MAX_LEFT = 1 / 4
"""Share of that which is left in another order of the channels."""

MIN_TILES = 16
"""Fewer tell nothing."""

Order = tuple[int, ...]


class ChannelOrders:
    """Takes planes in focal order, and puts channels in the order that most of the first have.

    Attributes
    ----------
    found : dict of int to tuple of int
        By plane, the channels as recorded that come first, second and third; empty if as they are.
    """

    def __init__(self) -> None:
        self.found: dict[int, Order] = {}
        self._last: PlaneStatistics | None = None

    def settle(self, planes: Iterable[PlaneStatistics]) -> list[PlaneStatistics]:
        """Return planes that follow each other in one order; those seen before are in it."""
        settled = list(planes)
        if self._last is None:
            self._last = _usual(settled)
            first = next(place for place, one in enumerate(settled) if one is self._last)
            for place in range(first, -1, -1):  # towards the front, each like the one after it
                settled[place] = self._settled(settled[place])
            self._last = settled[first]
        for place, plane in enumerate(settled):
            if plane.z not in self.found:
                settled[place] = self._settled(plane)
        return settled

    def _settled(self, plane: PlaneStatistics) -> PlaneStatistics:
        """Return a plane in the order of the last one."""
        assert self._last is not None
        order = self.found[plane.z] = channel_order(plane, self._last)
        settled = plane.reordered(order) if order else plane
        if plane.shown.sum() >= MIN_TILES:
            self._last = settled
        return settled


def _usual(planes: Sequence[PlaneStatistics]) -> PlaneStatistics:
    """Return the first of some planes whose channels stand in the order that most have."""
    orders, last = list[Order](), planes[0]
    for plane in planes:  # each is compared with the one before, which is most like it
        orders.append(channel_order(plane, last))
        last = plane.reordered(orders[-1]) if orders[-1] else plane
    most = max(orders, key=orders.count)  # the first, where as many have another
    return planes[orders.index(most)]


def channel_order(plane: PlaneStatistics, reference: PlaneStatistics) -> Order:
    """Return the order of the channels of a plane that makes it like another; empty if they are.

    Defocus moves light within some pixels: channels are as bright as in the next plane.

    Parameters
    ----------
    plane, reference : PlaneStatistics
        Of two planes that follow each other.
    """
    channels = plane.mean.shape[2]
    shown = plane.shown & reference.shown
    if channels < 2 or shown.sum() < MIN_TILES:
        return ()
    here, there = (one.mean.reshape(-1, channels)[shown] for one in (plane, reference))
    as_it_is = range(min(channels, COLOURS))
    rest = tuple(range(COLOURS, channels))

    def off(order: Sequence[int]) -> float:
        changes = np.abs(here[:, list(order)] - there[:, : len(order)])
        return float(changes.mean(axis=0).max())

    least = max(MIN_OFF * float(reference.span[:COLOURS].max()), MIN_STEPS * reference.rounding)
    now = off(as_it_is)
    if now < least:  # as of nearly all planes
        return ()
    best = min(permutations(as_it_is), key=off)
    return (*best, *rest) if off(best) < MAX_LEFT * now else ()
