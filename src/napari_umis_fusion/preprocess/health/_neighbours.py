"""The planes that a plane is compared with."""

from collections.abc import Sequence

from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics

Side = Sequence[PlaneStatistics]
"""Planes on one side of a plane, in focal order."""


def nearest_two(before: Side, after: Side) -> list[PlaneStatistics]:
    """Return the planes right before and after, or the next two where there is one side only."""
    if before and after:
        return [before[-1], after[0]]
    return [*before[:-3:-1], *after[:2]]


def pairs_around(before: Side, after: Side) -> list[tuple[PlaneStatistics, PlaneStatistics]]:
    """Return the plane before with each plane after, since the next one may be odd itself."""
    if before and after:
        return [(before[-1], one) for one in after]
    two = nearest_two(before, after)
    return [(two[0], two[1])] if len(two) == 2 else []
