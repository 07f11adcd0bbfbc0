"""Planes as they stream by: read a little ahead, judged, and fused only where they are sound."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion._passes import Passes
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.preprocess.health import (
    LOOK_AHEAD,
    PlaneHealth,
    PlaneJudge,
    PlaneStatistics,
    SoundStack,
    WatchedStack,
    measure_plane,
    notes_on,
    screened,
    sound_reference,
)
from napari_umis_fusion.runtime import Workers
from napari_umis_fusion.stack import CheckedPlane, CroppedStack, Stack, read_plane

if TYPE_CHECKING:
    from concurrent.futures import Future

Done = TypeVar("Done")
Window = tuple[slice, slice]
_Read = tuple[CheckedPlane, PlaneStatistics | None]


def scales_values(config: FusionConfig) -> bool:
    """Whether values of planes that are exposed otherwise may be scaled, not only their measure."""
    return config.blend == "weighted" or config.light == "output"


class ScreenedPlanes:
    """Reads the planes of a stack in order, each while one before it is worked on.

    Parameters
    ----------
    stack : Stack
        Where the planes are.
    config : FusionConfig
        What to do with NaN and infinite values, and whether values may be scaled.
    passes : Passes
        Whether values that are scaled would be copied into the image.
    workers : Workers
        One of their threads reads.
    known : sequence of PlaneHealth, optional
        What an earlier pass found, one for each plane; by default planes are judged as they are
        read, `LOOK_AHEAD` planes ahead of the one that is handed out.
    window : tuple of slice, optional
        Rows and columns to hand out, of planes that are known; by default all.

    Attributes
    ----------
    healths : list of PlaneHealth
        Of the planes so far.
    """

    def __init__(
        self,
        stack: Stack,
        config: FusionConfig,
        passes: Passes,
        workers: Workers,
        known: Sequence[PlaneHealth] | None = None,
        window: Window | None = None,
    ) -> None:
        self._window = window
        self._stack, self._config, self._passes, self._workers = stack, config, passes, workers
        self._must_copy = not scales_values(config) and passes.second != "copy_nearest"
        self._judge = PlaneJudge() if known is None else None
        self.healths: list[PlaneHealth] = list(known or ())
        self._seen: list[PlaneStatistics] = []
        self._ahead: deque[CheckedPlane] = deque()
        self._upcoming: Future[_Read] | None = None
        self._count = 0
        self._given = 0

    @property
    def has_any(self) -> bool:
        """Whether any plane so far was not left out."""
        return any(not health.is_left_out for health in self.healths)

    @property
    def scaled(self) -> list[int]:
        """Planes that compete in the light of those around them."""
        return [one.z for one in self.healths if one.is_scaled and not one.is_left_out]

    @property
    def notes(self) -> list[str]:
        """Say what was found, and done about it."""
        return notes_on(self.healths, copies=not scales_values(self._config))

    def describe(self) -> dict[str, Any]:
        """Return what was found as JSON values; nothing for a sound stack."""
        found = [health.describe() for health in self.healths if health.findings]
        return {"health": found} if found else {}

    def again(self) -> "ScreenedPlanes":
        """Return the planes of another pass, with what is known of them."""
        given = self._stack, self._config, self._passes, self._workers
        return ScreenedPlanes(*given, known=self.healths, window=self._window)

    def within(self, window: Window) -> "ScreenedPlanes":
        """Return a rectangle of the planes, with what is known of them as a whole."""
        given = self._stack, self._config, self._passes, self._workers
        return ScreenedPlanes(*given, known=self.healths, window=window)

    def unscreened(self) -> "ScreenedPlanes":
        """Return the planes as they are, for a stack of which none is sound."""
        known = [PlaneHealth(one.z, one.findings) for one in self.healths]
        return ScreenedPlanes(self._stack, self._config, self._passes, self._workers, known)

    def sound_stack(self) -> Stack:
        """Return the stack as planes are copied from it."""
        stack = self._stack
        if not all(health.is_sound for health in self.healths):
            stack = SoundStack(stack, self.healths, scales=scales_values(self._config))
        return stack if self._window is None else CroppedStack(stack, *self._window)

    def iter_with_range(
        self, make: Callable[..., Done], to_grey: GreyConverter | None
    ) -> Generator[None, None, Done]:
        """Call ``make(to_grey=...)`` with the range of grey of a sound plane.

        The middle plane tells it; the first planes tell whether that one is as the others.
        """
        workers, watched = self._workers, WatchedStack(self._stack)
        given = to_grey or GreyConverter(watched, self._config.channel)
        made = yield from workers.result(workers.submit(partial(make, to_grey=given)))
        if to_grey is not None or self._judge is None:
            return made
        while self._count < min(LOOK_AHEAD + 1, len(self._stack)):
            yield from self._iter_take()
        steady = yield from workers.result(workers.submit(sound_reference, watched, self._seen))
        if steady is None:
            return made
        del made
        given = GreyConverter(steady, self._config.channel)
        return (yield from workers.result(workers.submit(partial(make, to_grey=given))))

    def iter_next(self) -> Generator[None, None, CheckedPlane | None]:
        """Wait for the next plane; None if it is left out. Raises as `read_plane` does."""
        while not self._ahead or self._given >= len(self.healths):
            yield from self._iter_take()
        self._start()
        reading, health = self._ahead.popleft(), self.healths[self._given]
        self._given += 1
        if health.is_left_out:
            return None
        if health.is_sound or self._window is not None:
            return reading
        return (yield from self._workers.result(self._workers.submit(screened, reading, health)))

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
        if self._count == len(self._stack):
            found += self._judge.finish()
        self.healths += [one.without_scaling() if self._must_copy else one for one in found]

    def _read(self, z: int) -> _Read:
        if self._window is not None:
            return self._read_window(z, *self._window), None
        reading = read_plane(self._stack, z, self._config.nan_policy)
        if self._judge is None:
            return reading, None
        return reading, measure_plane(z, reading.plane, reading.invalid)

    def read(self, z: int) -> CheckedPlane:
        """Read one plane of those that are known, out of turn."""
        return self._read(z)[0]

    def _read_window(self, z: int, rows: slice, columns: slice) -> CheckedPlane:
        """Read a rectangle of a plane, screened."""
        health, policy = self.healths[z], self._config.nan_policy
        if health.is_sound or health.is_left_out:
            return read_plane(CroppedStack(self._stack, rows, columns), z, policy)
        # What is torn is found by its share of the whole plane.
        whole = screened(read_plane(self._stack, z, policy), health)
        invalid = None if whole.invalid is None else whole.invalid[rows, columns].copy()
        return CheckedPlane(whole.plane[rows, columns].copy(), invalid, whole.borrows)
