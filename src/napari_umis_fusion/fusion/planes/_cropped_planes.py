"""A rectangle of screened planes."""

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from napari_umis_fusion.config import ChannelRule
from napari_umis_fusion.fusion.planes._screening import ScreenedPlanes
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.preprocess.health import PlaneHealth
from napari_umis_fusion.runtime import Workers
from napari_umis_fusion.stack import CheckedPlane, CroppedStack, Stack

if TYPE_CHECKING:
    from concurrent.futures import Future

Done = TypeVar("Done")


class CroppedPlanes:
    """A rectangle of the planes of a stack, screened as a whole, each read while one is worked on.

    Parameters
    ----------
    planes : ScreenedPlanes
        All of the planes; must be known.
    rows, columns : slice
        The rectangle.
    workers : Workers
        One of their threads reads.
    """

    taken = 0

    def __init__(
        self, planes: ScreenedPlanes, rows: slice, columns: slice, workers: Workers
    ) -> None:
        self._planes, self._rows, self._columns, self._workers = planes, rows, columns, workers
        self._upcoming: Future[CheckedPlane | None] | None = None
        self._given = 0

    @property
    def healths(self) -> Sequence[PlaneHealth]:
        """What is known of each plane."""
        return self._planes.healths

    @property
    def has_any(self) -> bool:
        """Whether any plane was not left out."""
        return self._planes.has_any

    @property
    def scaled(self) -> list[int]:
        """Planes that compete in the light of those around them."""
        return self._planes.scaled

    @property
    def notes(self) -> list[str]:
        """Say what was found, and done about it."""
        return self._planes.notes

    def describe(self) -> dict[str, Any]:
        """Return what was found as JSON values."""
        return self._planes.describe()

    def iter_with_range(
        self,
        make: Callable[..., Done],
        channel: ChannelRule | int,
        to_grey: GreyConverter | None = None,
    ) -> Generator[None, None, Done]:
        """Call ``make(to_grey=...)``; see `ScreenedPlanes`."""
        return (yield from self._planes.iter_with_range(make, channel, to_grey))

    def iter_next(self) -> Generator[None, None, CheckedPlane | None]:
        """Wait for the next plane; None if it is left out."""
        reading = self._upcoming or self._read(self._given)
        found = yield from self._workers.result(reading)
        self._given += 1
        is_last = self._given == len(self.healths)
        self._upcoming = None if is_last else self._read(self._given)
        return found

    def _read(self, z: int) -> "Future[CheckedPlane | None]":
        return self._workers.submit(self._planes.known_part, z, self._rows, self._columns)

    def again(self) -> "CroppedPlanes":
        """Return the planes of another pass, with what is known of them."""
        return self._of(self._planes.again())

    def unscreened(self) -> "CroppedPlanes":
        """Return the planes as they are, for a stack of which none is sound."""
        return self._of(self._planes.unscreened())

    def sound_stack(self, *, scales: bool | None = None) -> Stack:
        """Return the rectangle of the stack as planes are copied from it; see `ScreenedPlanes`."""
        return CroppedStack(self._planes.sound_stack(scales=scales), self._rows, self._columns)

    def _of(self, planes: ScreenedPlanes) -> "CroppedPlanes":
        return CroppedPlanes(planes, self._rows, self._columns, self._workers)


AnyPlanes = ScreenedPlanes | CroppedPlanes


def left_out_of(planes: AnyPlanes) -> frozenset[int]:
    """Return the planes that are left out, as far as planes have been judged."""
    return frozenset(one.z for one in planes.healths if one.is_left_out)
