"""Stacks as alignment and the range of grey see them: sound planes only."""

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import AlignmentError
from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._plane_health import PlaneHealth
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, measure_plane
from napari_umis_fusion.stack import Plane, Stack

Event = TypeVar("Event")
Done = TypeVar("Done")


class Likeness(Stack):
    """All of another stack but its planes."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.shape, self.dtype, self.calibration = stack.shape, stack.dtype, stack.calibration
        self.sources, self.rgb = stack.sources, stack.rgb

    def plane(self, z: int) -> Plane:
        return self.stack.plane(z)

    def uncovered(self, z: int) -> NDArray[np.bool_] | None:
        return self.stack.uncovered(z)


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
        Of its planes, or of some of them. For one that is left out, torn or clipped the nearest
        whole plane stands in; one that is exposed otherwise is scaled.
    """

    def __init__(self, stack: Stack, healths: Sequence[PlaneHealth]) -> None:
        super().__init__(stack)
        whole = [one for one in healths if not (one.is_left_out or one.gaps or one.tops)]
        self._whole = whole or [PlaneHealth(one.z) for one in healths]

    def plane(self, z: int) -> Plane:
        """Read plane `z`, or the one that stands in for it."""
        nearest = min(self._whole, key=lambda one: abs(one.z - z))
        return nearest.scaled(self.stack.plane(nearest.z))


def iter_with_sound_planes(
    stack: Stack, look_at: Callable[[Stack], Generator[Event, None, Done]]
) -> Generator[Event, None, Done]:
    """Look at all planes of a stack; if some are not sound, look again at those that are.

    Parameters
    ----------
    stack : Stack
        As recorded.
    look_at : callable
        What is done with a stack, such as to align it; it reads every plane.

    Returns
    -------
    object
        What `look_at` returns, for a stack without planes that would mislead it.
    """
    watched = WatchedStack(stack)
    failure: AlignmentError | None = None
    try:
        done = yield from look_at(watched)
    except AlignmentError as error:
        failure = error
    healths = watched.judge(range(len(stack)))
    if all(health.is_sound for health in healths):
        if failure is not None:
            raise failure
        return done
    return (yield from look_at(StandInStack(stack, healths)))
