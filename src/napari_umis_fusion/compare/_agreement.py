"""How far results agree on the plane of each pixel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment import Window
from napari_umis_fusion.compare._fuse_region import overlap_of
from napari_umis_fusion.fusion import FusionResult
from napari_umis_fusion.runtime import BoolMap, FloatMap


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What a result decided, and where.

    Attributes
    ----------
    window : tuple of slice
        Rows and columns of the reference plane that the result shows.
    index_map : ndarray of shape (Y, X), uint16
        The plane in focus.
    sub_plane_map : ndarray of shape (Y, X), float32
        Position of the focus peak, in planes.
    in_focus : ndarray of shape (Y, X), bool
        Where some plane shows detail: elsewhere any plane is as good as another.
    """

    window: Window
    index_map: NDArray[np.uint16]
    sub_plane_map: FloatMap
    in_focus: BoolMap

    @classmethod
    def of(cls, result: FusionResult, window: Window) -> "Decided":
        """Return what a result decided; `window` is where it lies if planes were not aligned."""
        where = result.window or window
        return cls(where, result.index_map, result.sub_plane_map, ~result.never_in_focus())

    def within(self, window: Window, values: NDArray[Any]) -> NDArray[Any]:
        """Return the part of one of the maps in a window of the reference plane."""
        rows, columns = (
            slice(part.start - mine.start, part.stop - mine.start)
            for part, mine in zip(window, self.window, strict=True)
        )
        return values[rows, columns]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two results agree, over the pixels that both show in focus.

    Attributes
    ----------
    share : float
        Share of pixels, 0 to 1, whose planes differ by one at most.
    difference : float
        Mean absolute difference of their depths, in planes.
    """

    share: float
    difference: float


def agreement_of(one: Decided, other: Decided) -> Agreement | None:
    """Return how far two results agree; None if they have no pixel in common."""
    window = overlap_of(one.window, other.window)
    if window is None:
        return None
    counted = one.within(window, one.in_focus) & other.within(window, other.in_focus)
    if not counted.any():
        return None
    indices = (each.within(window, each.index_map)[counted] for each in (one, other))
    planes = [index.astype(np.int32) for index in indices]  # differences have signs
    depths = [each.within(window, each.sub_plane_map)[counted] for each in (one, other)]
    return Agreement(
        float((np.abs(planes[0] - planes[1]) <= 1).mean()),
        float(np.abs(depths[0] - depths[1]).mean(dtype=np.float64)),
    )


def mean_agreement(known: Mapping[frozenset[str], Agreement], name: str) -> Agreement | None:
    """Return the mean over all pairs that a name is in; None if there is none."""
    mine: Sequence[Agreement] = [found for pair, found in known.items() if name in pair]
    if not mine:
        return None
    return Agreement(
        sum(one.share for one in mine) / len(mine), sum(one.difference for one in mine) / len(mine)
    )
