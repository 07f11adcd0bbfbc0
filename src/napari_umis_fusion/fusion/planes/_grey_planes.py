"""The grey levels of planes as they arrive, of which focus is measured."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_umis_fusion.fusion.planes._lending import lend
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import FloatMap, Tile, Workers
from napari_umis_fusion.stack import CheckedPlane, Stack, fill_invalid

if TYPE_CHECKING:
    from napari_umis_fusion.fusion.planes._sensor import SensorCorrection


@dataclass(frozen=True, slots=True, eq=False)
class GreyPlane:
    """A plane with its grey levels.

    Attributes
    ----------
    z : int
        Its number.
    checked : CheckedPlane
        As recorded.
    grey : ndarray of shape (Y, X)
        Grey levels in even light, without what the camera adds; where nothing is shown, what is
        most likely there.
    """

    z: int
    checked: CheckedPlane
    grey: FloatMap


class GreyPlanes:
    """Converts planes to grey; a plane that lacks a part borrows it from the planes around it.

    Parameters
    ----------
    stack : Stack
        Whose planes they are; knows the light of each.
    to_grey : GreyConverter
        The conversion.
    tiles : sequence of Tile
        Parts of a plane, one for each job.
    workers : Workers
        Threads to run on.
    blank : callable
        Returns memory for a grey image.

    Attributes
    ----------
    correction : SensorCorrection or None
        Takes off grey images what the camera adds to each of them.
    """

    def __init__(
        self,
        stack: Stack,
        to_grey: GreyConverter,
        tiles: Sequence[Tile],
        workers: Workers,
        blank: Callable[[], FloatMap],
    ) -> None:
        self.correction: SensorCorrection | None = None
        self._to_grey, self._tiles, self._workers, self._blank = to_grey, tiles, workers, blank
        self._lighting = stack.lighting(to_grey.range)
        # Grey images of planes that were composed, to be reused: their allocation takes time.
        self._free: list[FloatMap] = []
        self._last: FloatMap | None = None
        self._added, self._end = 0, len(stack) - 1
        # Waits for the next plane, and the grey levels of the plane before it.
        self._borrower: tuple[GreyPlane, FloatMap | None] | None = None

    def reuse(self, grey: FloatMap) -> None:
        """Take back a grey image that nobody reads any more."""
        self._free.append(grey)

    def iter_add(self, checked: CheckedPlane, z: int) -> Generator[None, None, list[GreyPlane]]:
        """Convert plane `z`, yielding every 50 ms; return the planes that wait no more."""
        grey, before = self._free.pop() if self._free else self._blank(), self._last
        yield from self.iter_convert(checked, grey)
        if self._lighting is not None:
            job = self._workers.submit(self._lighting.correct, grey, z)
            yield from self._workers.result(job)
        if self.correction is not None:
            yield from self.correction.iter_correct(grey, z)
        yield from self._iter_lend(checked, grey, z)
        self._added += 1
        known, converted, self._last = self.waiting(), GreyPlane(z, checked, grey), grey
        if checked.borrows and checked.invalid is not None:
            self._borrower = converted, before
            return known
        return [*known, converted]

    def waiting(self) -> list[GreyPlane]:
        """Return the plane that waits, if there is one; it waits no more."""
        borrower, self._borrower = self._borrower, None
        return [] if borrower is None else [borrower[0]]

    def _iter_lend(self, checked: CheckedPlane, grey: FloatMap, z: int) -> Generator[None]:
        """Let the plane that waits borrow from plane `z`, which is the one after it."""
        if self._borrower is None:
            return
        borrower, before = self._borrower
        part = borrower.checked.invalid
        assert part is not None
        if checked.invalid is not None:
            part = part & ~checked.invalid
        # With a copy of itself, the first or the last plane would be compared with nothing else.
        is_second, is_last_but_one = self._added == 2, z == self._end
        if not part.any() or (is_last_but_one and not is_second and before is not None):
            return  # it has borrowed from the plane before
        if is_second and not is_last_but_one:
            before = None
        job = self._workers.submit(lend, borrower.grey, part, before, grey)
        yield from self._workers.result(job)

    def iter_convert(self, checked: CheckedPlane, grey: FloatMap) -> Generator[None]:
        """Fill `grey`; where nothing is shown, from the plane before, or from what is around."""
        plane, invalid = checked.plane, checked.invalid

        def convert(tile: Tile) -> None:
            grey[tile.window] = self._to_grey(plane[tile.window])

        yield from self._workers.each(convert, self._tiles)
        if checked.borrows and invalid is not None and self._last is not None:
            grey[invalid] = self._last[invalid]
        elif checked.unknown is not None:
            filling = self._workers.submit(fill_invalid, grey, checked.unknown)
            yield from self._workers.result(filling)
