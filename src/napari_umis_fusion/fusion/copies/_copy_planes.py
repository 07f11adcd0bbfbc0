"""Second pass that copies the pixels which filtering the decision map has changed."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.config import NanPolicy
from napari_umis_fusion.fusion.decision import IndexMap
from napari_umis_fusion.runtime import Progress, Workers, repeat_event
from napari_umis_fusion.stack import Plane, Stack, read_plane


@dataclass(frozen=True, slots=True)
class RecordedCopy:
    """Copies pixels anew where an index map differs from that of an image.

    Attributes
    ----------
    stack : Stack
        Source of the planes.
    composed : ndarray of shape (Y, X), uint16
        The plane from which each pixel of `image` was copied.
    index_map : ndarray of shape (Y, X), uint16
        The plane from which it is to be copied. Where that plane is NaN or infinite, it is
        changed back to `composed`.
    image : ndarray of shape (Y, X) or (Y, X, C)
        Changed in place.
    nan_policy : {"raise", "ignore"}
        What to do with NaN and infinite values.
    """

    stack: Stack
    composed: IndexMap
    index_map: IndexMap
    image: Plane
    nan_policy: NanPolicy

    def planes(self) -> list[int]:
        """List the planes from which pixels must be copied."""
        used = np.zeros(len(self.stack), np.bool_)
        # Row by row, without a mask of the size of the plane.
        for wanted, has in zip(self.index_map, self.composed, strict=True):
            used[wanted[wanted != has]] = True
        return [int(z) for z in np.flatnonzero(used)]

    def copy_from(self, z: int) -> None:
        """Read plane `z` and copy its pixels."""
        checked = read_plane(self.stack, z, self.nan_policy)
        here = (self.index_map == z) & (self.composed != z)
        if checked.invalid is not None:
            unfit = here & checked.invalid
            self.index_map[unfit] = self.composed[unfit]
            here &= ~unfit
        where = here if self.image.ndim == 2 else here[..., None]
        np.copyto(self.image, checked.plane, where=where)


def iter_copy_recorded(copy: RecordedCopy, workers: Workers) -> Generator[Progress]:
    """Copy pixels from all planes that are needed, one after the other."""
    total = len(copy.stack)
    listing = workers.submit(copy.planes)
    for z in (yield from repeat_event(workers.result(listing), Progress("verifying", 0, total))):
        copying = workers.submit(copy.copy_from, z)
        yield from repeat_event(workers.result(copying), Progress("verifying", z, total))
