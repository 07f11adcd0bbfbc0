"""A rectangle of screened planes."""

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from napari_umis_fusion.config import ChannelRule
from napari_umis_fusion.fusion._screening import ScreenedPlanes
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.preprocess.health import PlaneHealth
from napari_umis_fusion.stack import CheckedPlane, CroppedStack, Stack

Done = TypeVar("Done")


class CroppedPlanes:
    """A rectangle of the planes of a stack, screened as a whole.

    What is torn, a speck or in motion is found by its share of the whole plane, so that planes are
    read as a whole, and cut at last.

    Parameters
    ----------
    planes : ScreenedPlanes
        All of the planes; must be known.
    rows, columns : slice
        The rectangle.
    """

    def __init__(self, planes: ScreenedPlanes, rows: slice, columns: slice) -> None:
        self._planes, self._rows, self._columns = planes, rows, columns

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
        whole = yield from self._planes.iter_next()
        if whole is None:
            return None
        window = self._rows, self._columns
        # Copies, which let go of the rest.
        invalid = None if whole.invalid is None else whole.invalid[window].copy()
        if invalid is not None and not invalid.any():
            invalid = None
        return CheckedPlane(whole.plane[window].copy(), invalid, whole.borrows)

    def again(self) -> "CroppedPlanes":
        """Return the planes of another pass, with what is known of them."""
        return CroppedPlanes(self._planes.again(), self._rows, self._columns)

    def unscreened(self) -> "CroppedPlanes":
        """Return the planes as they are, for a stack of which none is sound."""
        return CroppedPlanes(self._planes.unscreened(), self._rows, self._columns)

    def sound_stack(self) -> Stack:
        """Return the rectangle of the stack as planes are copied from it."""
        return CroppedStack(self._planes.sound_stack(), self._rows, self._columns)
