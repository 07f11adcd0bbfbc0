"""Stacks as the range of grey sees them: sound planes only."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._plane_health import PlaneHealth
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, measure_plane
from napari_umis_fusion.stack import Plane, Stack


class Likeness(Stack):
    """All of another stack but its planes."""

    def __init__(self, stack: Stack) -> None:
        self._describe_as(stack)
        self.stack = stack

    def plane(self, z: int) -> Plane:
        return self.stack.plane(z)

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> NDArray[np.bool_] | None:
        return self.stack.uncovered(z, rows, columns)


class WatchedStack(Likeness):
    """A stack whose planes are summed up as somebody reads them.

    Attributes
    ----------
    seen : dict of int to PlaneStatistics
        The planes read so far.
    """

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.seen: dict[int, PlaneStatistics] = {}

    def plane(self, z: int) -> Plane:
        """Read plane `z`, and sum it up the first time."""
        plane = self.stack.plane(z)
        if z not in self.seen:
            self.seen[z] = measure_plane(z, plane, self.stack.uncovered(z))
        return plane

    def judge(self, planes: range) -> tuple[PlaneHealth, ...]:
        """Judge neighbouring planes, reading those that nobody has."""
        for z in planes:
            if z not in self.seen:
                self.plane(z)
        return judge_planes(self.seen[z] for z in planes)


class StandInStack(Likeness):
    """A stack in which sound planes stand in for those that are not.

    Parameters
    ----------
    stack : Stack
        As recorded.
    healths : sequence of PlaneHealth
        Of its planes, or of some of them. For one that is left out or not whole the nearest whole
        plane stands in; one that is exposed otherwise is scaled.
    """

    def __init__(self, stack: Stack, healths: Sequence[PlaneHealth]) -> None:
        super().__init__(stack)
        whole = [one for one in healths if one.is_whole and not one.is_left_out]
        self._whole = whole or [PlaneHealth(one.z) for one in healths]

    def plane(self, z: int) -> Plane:
        """Read plane `z`, or the one that stands in for it."""
        nearest = min(self._whole, key=lambda one: abs(one.z - z))
        return nearest.scaled(self.stack.plane(nearest.z))
