"""What some neighbouring planes show together, and the pile of what is still to be merged."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from napari_umis_fusion.fusion.decision import INVALID, Decision, copy_pixels
from napari_umis_fusion.fusion.mean import WeightedMean
from napari_umis_fusion.runtime import BoolMap, FloatMap, ScratchMemory, Tile, Workers
from napari_umis_fusion.stack import Plane


@dataclass(slots=True)
class Composite:
    """Neighbouring planes, composed.

    Attributes
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        Every pixel is copied from the plane that `decision` names.
    decision : Decision
        The plane of each pixel, with its focus.
    grey : ndarray of shape (Y, X), float32
        Grey levels of the image; of no size where composites are not compared by them.
    weighted : WeightedMean or None
        The weighted mean of the planes.
    """

    image: Plane
    decision: Decision
    grey: FloatMap
    weighted: WeightedMean | None

    def another(self, workspace: ScratchMemory) -> "Composite":
        """Create a composite for other planes of the stack."""
        image = workspace.full(self.image.shape, self.image.dtype, 0)
        grey = workspace.full(self.grey.shape, np.float32, 0)
        weighted = None if self.weighted is None else self.weighted.another(workspace)
        return Composite(image, self.decision.of_other_planes(workspace), grey, weighted)

    def clear(self, tile: Tile) -> None:
        """Make a tile ready for a first plane, which is chosen for all pixels."""
        self.decision.chosen[tile.window] = INVALID
        if self.weighted is not None:
            self.weighted.clear(tile)

    def copy(self, image: Plane, grey: FloatMap, takeover: BoolMap, tile: Tile) -> None:
        """Copy the pixels of a tile for which another image is chosen."""
        copy_pixels(image, takeover, self.image, tile)
        if self.grey.size:
            copy_pixels(grey, takeover, self.grey, tile)

    def merge(
        self, other: "Composite", takeover: BoolMap, agreement: FloatMap | None, tile: Tile
    ) -> None:
        """Merge a tile of the composite of later planes into this one.

        Parameters
        ----------
        other : Composite
            Of other planes.
        takeover : ndarray of shape (Y, X), bool
            Pixels for which it is chosen.
        agreement : ndarray of shape (Y, X), optional
            Agreement of both in local brightness, 0 to 1.
        tile : Tile
            The part to merge.
        """
        self.copy(other.image, other.grey, takeover, tile)
        self.decision.take(other.decision, takeover, tile)
        if self.weighted is not None and other.weighted is not None:
            self.weighted.merge(other.weighted, takeover, agreement, tile)


@dataclass(frozen=True, slots=True)
class SurfaceComposite:
    """Neighbouring planes, composed to find the surface; maps of shape (Y, X), float32.

    Attributes
    ----------
    decision : Decision
        The plane of the surface at each pixel.
    detail, grey : ndarray
        Detail and grey levels of that plane.
    """

    decision: Decision
    detail: FloatMap
    grey: FloatMap

    def another(self, workspace: ScratchMemory) -> "SurfaceComposite":
        """Create a composite for other planes of the stack."""
        detail, grey = (workspace.full(self.grey.shape, np.float32, 0) for _ in range(2))
        return SurfaceComposite(self.decision.of_other_planes(workspace), detail, grey)

    def clear(self, tile: Tile) -> None:
        """Make a tile ready for a first plane, which is chosen for all pixels."""
        self.decision.chosen[tile.window] = INVALID

    def copy(self, grey: FloatMap, detail: FloatMap, takeover: BoolMap, tile: Tile) -> None:
        """Copy the pixels of a tile for which another plane is chosen."""
        copy_pixels(grey, takeover, self.grey, tile)
        copy_pixels(detail, takeover, self.detail, tile)

    def merge(self, other: "SurfaceComposite", takeover: BoolMap, tile: Tile) -> None:
        """Merge a tile of the composite of other planes into this one."""
        self.copy(other.grey, other.detail, takeover, tile)
        self.decision.take(other.decision, takeover, tile)


def composite_bytes(value: int, mean: int, *, is_ranking: bool, prefers: bool) -> int:
    """Return the memory of one pixel of a composite that waits to be merged, in bytes.

    Parameters
    ----------
    value, mean : int
        Bytes of the image, and of the sums of the mean.
    is_ranking, prefers : bool
        Whether focus is a share, and whether it is weighed by a preference.
    """
    # The decision; peaks, where they are not fitted to focus; grey levels; the surface.
    fitted = 4 if is_ranking or prefers else 0
    surface = 26 if is_ranking and not prefers else 0
    return value + mean + 14 + fitted + (4 if is_ranking else 0) + surface


class _Composed(Protocol):
    def another(self, workspace: ScratchMemory) -> Self: ...

    def clear(self, tile: Tile) -> None: ...


T = TypeVar("T", bound=_Composed)


class Pile(Generic[T]):
    """Composites that wait to be merged, those of later planes last.

    Parameters
    ----------
    first : T
        Composite of the first planes, into which all are merged in the end.
    workspace : ScratchMemory
        Memory for the others, which are used again.
    workers : Workers
        Threads to run on.
    tiles : list of Tile
        Tiles of a plane.
    """

    def __init__(
        self, first: T, workspace: ScratchMemory, workers: Workers, tiles: list[Tile]
    ) -> None:
        self._waiting: list[T] = []
        self._spare = [first]
        self._workspace, self._workers, self._tiles = workspace, workers, tiles

    @property
    def top(self) -> T | None:
        """The last composite, unless there is none yet."""
        return self._waiting[-1] if self._waiting else None

    def iter_begin(self) -> Generator[None, None, T]:
        """Put an empty composite on top of the others, and return it."""
        spare = self._spare
        top = spare.pop() if spare else self._waiting[0].another(self._workspace)
        yield from self._workers.each(top.clear, self._tiles)
        self._waiting.append(top)
        return top

    def take_off(self, back: int) -> tuple[T, T]:
        """Take off the last composite, to be used again later, and return it.

        The other one, which it is to be merged into, is so many places before it.
        """
        top = self._waiting.pop()
        self._spare.append(top)
        return top, self._waiting[-back]

    def forget_spare(self) -> None:
        """Free what no plane needs any more: all were merged."""
        self._spare.clear()
