"""The second pass of copied values: what a filtered map changed, from the planes it names."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.config import NanPolicy
from napari_umis_fusion.fusion._verification import IndexMap
from napari_umis_fusion.runtime import Progress, Workers, repeat_event
from napari_umis_fusion.stack import Plane, Stack, read_plane


@dataclass(frozen=True, slots=True)
class RecordedCopy:
    """Brings an image composed by one index map in line with another.

    Attributes
    ----------
    stack : Stack
        Where the planes are.
    composed : ndarray of shape (Y, X), uint16
        Which plane each pixel of `image` was copied from.
    index_map : ndarray of shape (Y, X), uint16
        Which plane it shall come from. Where that plane is NaN or infinite it falls back to
        `composed`.
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
        """List the planes that pixels must be copied from."""
        used = np.zeros(len(self.stack), np.bool_)
        for wanted, has in zip(self.index_map, self.composed, strict=True):
            used[wanted[wanted != has]] = True
        return [int(z) for z in np.flatnonzero(used)]

    def copy_from(self, z: int) -> None:
        """Read plane `z` and copy its pixels."""
        reading = read_plane(self.stack, z, self.nan_policy)
        here = (self.index_map == z) & (self.composed != z)
        if reading.invalid is not None:
            unfit = here & reading.invalid
            self.index_map[unfit] = self.composed[unfit]
            here &= ~unfit
        where = here if self.image.ndim == 2 else here[..., None]
        np.copyto(self.image, reading.plane, where=where)


def iter_collect(gathering: RecordedCopy, workers: Workers) -> Generator[Progress]:
    """Copy from all planes that pixels must be copied from, one after the other."""
    total = len(gathering.stack)
    listing = workers.submit(gathering.planes)
    for z in (yield from repeat_event(workers.result(listing), Progress("verifying", 0, total))):
        copying = workers.submit(gathering.copy_from, z)
        yield from repeat_event(workers.result(copying), Progress("verifying", z, total))
