"""Planes as they stream by: read a little ahead, judged, and given as far as they are sound."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from napari_umis_fusion.config import ChannelRule, NanPolicy
from napari_umis_fusion.preprocess._grey import GreyConverter
from napari_umis_fusion.preprocess.health._judge import LOOK_AHEAD, PlaneJudge
from napari_umis_fusion.preprocess.health._plane_health import PlaneHealth
from napari_umis_fusion.preprocess.health._reference import sound_reference
from napari_umis_fusion.preprocess.health._sound_stack import screened
from napari_umis_fusion.preprocess.health._stand_in import WatchedStack
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, measure_plane
from napari_umis_fusion.runtime import Workers
from napari_umis_fusion.stack import CheckedPlane, Stack, read_plane

if TYPE_CHECKING:
    from concurrent.futures import Future

Done = TypeVar("Done")
_Read = tuple[CheckedPlane, PlaneStatistics | None]


class PlaneScreen:
    """Reads the planes of a stack in order, each while one before it is worked on.

    Parameters
    ----------
    stack : Stack
        Where the planes are.
    nan_policy : {"raise", "ignore"}
        What to do with NaN and infinite values.
    workers : Workers
        One of their threads reads.
    known : sequence of PlaneHealth, optional
        What an earlier pass found, one for each plane; by default planes are judged as they are
        read, `LOOK_AHEAD` planes ahead of the one that is handed out.
    is_aligned : bool
        Planes are aligned, or will be: it is no news that they moved.

    Attributes
    ----------
    healths : list of PlaneHealth
        Of the planes so far.
    skipped : set of int
        Planes that were not handed out. Some may be kept at last: planes in another order than
        that of their focus are unlike those around.
    creep_px : float
        About how far planes are apart that moved by little each; a first idea only.
    """

    def __init__(
        self,
        stack: Stack,
        nan_policy: NanPolicy,
        workers: Workers,
        known: Sequence[PlaneHealth] | None = None,
        *,
        is_aligned: bool = False,
    ) -> None:
        self._stack, self._nan_policy, self._workers = stack, nan_policy, workers
        self._judge = PlaneJudge(is_aligned=is_aligned) if known is None else None
        self.healths: list[PlaneHealth] = list(known or ())
        self.skipped: set[int] = set()
        self.creep_px = 0.0
        self._seen: list[PlaneStatistics] = []
        self._ahead: deque[CheckedPlane] = deque()
        self._upcoming: Future[_Read] | None = None
        self._count = 0
        self._given = 0

    @property
    def taken(self) -> int:
        """How many planes were read so far."""
        return self._count

    def iter_with_range(
        self,
        make: Callable[..., Done],
        channel: ChannelRule | int,
        to_grey: GreyConverter | None = None,
    ) -> Generator[None, None, Done]:
        """Call ``make(to_grey=...)`` with the range of grey of a sound plane.

        The middle planes tell it; the first ones tell whether those are as the others.
        """
        workers, watched = self._workers, WatchedStack(self._stack)
        given = to_grey or GreyConverter(watched, channel)
        made = yield from workers.result(workers.submit(partial(make, to_grey=given)))
        if to_grey is not None:
            return made
        if self._judge is None:
            steady = sound_reference(watched, (), self.healths)
        else:
            while self._count < min(LOOK_AHEAD + 1, len(self._stack)):
                yield from self._iter_take()
            looking = workers.submit(sound_reference, watched, self._seen)
            steady = yield from workers.result(looking)
        if steady is None:
            return made
        del made
        given = GreyConverter(steady, channel)
        return (yield from workers.result(workers.submit(partial(make, to_grey=given))))

    def iter_next(self) -> Generator[None, None, CheckedPlane | None]:
        """Wait for the next plane; None if it is left out. Raises as `read_plane` does."""
        while not self._ahead or self._given >= len(self.healths):
            yield from self._iter_take()
        self._start()
        reading, health = self._ahead.popleft(), self.healths[self._given]
        self._given += 1
        if health.is_left_out:
            self.skipped.add(health.z)
            return None
        if health.is_sound:
            return reading
        screening = self._workers.submit(self._screened, reading, health)
        return (yield from self._workers.result(screening))

    def iter_following(self) -> Generator[None, None, CheckedPlane | None]:
        """Wait for the plane after the last one handed out, as recorded; None at the end."""
        if not self._ahead and self._count < len(self._stack):
            yield from self._iter_take()
            self._start()
        return self._ahead[0] if self._ahead else None

    def _screened(self, reading: CheckedPlane, health: PlaneHealth) -> CheckedPlane:
        """Return a whole plane as it competes."""
        return screened(reading, health)

    def _start(self) -> None:
        """Start to read the next plane, unless one is being read or none is left."""
        if self._upcoming is None and self._count < len(self._stack):
            self._upcoming = self._workers.submit(self._read, self._count)

    def _iter_take(self) -> Generator[None]:
        """Wait for the plane that is read next."""
        self._start()
        assert self._upcoming is not None
        reading, statistics = yield from self._workers.result(self._upcoming)
        self._upcoming = None
        self._count += 1
        self._ahead.append(reading)
        if self._judge is None or statistics is None:
            return
        if self._count <= LOOK_AHEAD + 1:
            self._seen.append(statistics)
        found = self._judge.add(statistics)
        if self._count < len(self._stack):
            self.healths += found
        else:
            self.healths[:] = self._judge.finish([*self.healths, *found])
            self.creep_px = self._judge.creep_px

    def _read(self, z: int) -> _Read:
        reading = read_plane(self._stack, z, self._nan_policy)
        if self._judge is None:
            return reading, None
        return reading, measure_plane(z, reading.plane, reading.unknown)
