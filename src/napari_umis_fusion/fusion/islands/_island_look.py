"""What reads planes again, to judge islands of the index map and to mend them."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.decision import IndexMap
from napari_umis_fusion.fusion.depth import FinalMaps
from napari_umis_fusion.fusion.islands._island_evidence import (
    OBJECT_PX,
    IslandEvidence,
    Verdict,
    find_objects,
)
from napari_umis_fusion.fusion.islands._island_map import Islands, Planes, block_any, reduce_grey
from napari_umis_fusion.fusion.islands._island_patches import IslandPatches, Patch
from napari_umis_fusion.fusion.islands._shapes import grown
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import BoolMap, FloatMap, Workers
from napari_umis_fusion.stack import OPACITY, CheckedPlane, Plane, Prefetch, Stack, read_plane


@dataclass(frozen=True, slots=True)
class Fused:
    """What was fused; its arrays are changed in place.

    Attributes
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        The all-in-focus image.
    index_map : ndarray of shape (Y, X), uint16
        The index map.
    source_map : ndarray of shape (Y, X), uint16, or None
        Where values are copied, the plane of each.
    maps : FinalMaps
        The other maps.
    """

    image: Plane
    index_map: IndexMap
    source_map: IndexMap | None
    maps: FinalMaps


@dataclass(frozen=True, slots=True)
class IslandLook:
    """Reads the planes of a stack again.

    Attributes
    ----------
    stack : Stack
        As planes are copied from it.
    config : FusionConfig
        What to do with NaN and infinite values.
    to_grey : GreyConverter
        Conversion of planes to grey.
    step : int
        Pixels of the planes for each pixel of the working maps, along each axis.
    workers : Workers
        Threads to run on.
    """

    stack: Stack
    config: FusionConfig
    to_grey: GreyConverter
    step: int
    workers: Workers

    def reduce(self, plane: Plane) -> FloatMap:
        """Return a reduced grey image, 0 where nothing is known."""
        return np.nan_to_num(reduce_grey(plane, self.to_grey, self.step))

    def iter_copy(self, grey: FloatMap, planes: Planes) -> Generator[None]:
        """Replace the values of an image by those of the planes of a map, reduced; -1: none."""
        for z in np.unique(planes[planes >= 0]):
            checked = yield from self._iter_read(int(z))
            plane = yield from self.workers.result(self.workers.submit(self.reduce, checked.plane))
            np.copyto(grey, plane, where=planes == z)

    def iter_judge(self, islands: Islands, fused: FloatMap) -> Generator[None, None, Verdict]:
        """Compare islands with all planes."""
        evidence = IslandEvidence(islands, fused, len(self.stack))
        planes = Prefetch(self.stack, self.config.nan_policy, self.workers)
        for z in range(len(self.stack)):
            checked = yield from planes.iter_next()
            comparing = self.workers.submit(self._compare, evidence, fused, checked, z)
            yield from self.workers.result(comparing)
        return evidence.judge()

    def _compare(
        self, evidence: IslandEvidence, fused: FloatMap, checked: CheckedPlane, z: int
    ) -> None:
        """Compare a plane; what it does not show speaks for the image."""
        grey = self.reduce(checked.plane)
        if checked.invalid is not None:
            unknown = block_any(checked.invalid, self.step)
            np.copyto(grey, fused, where=unknown)
        evidence.add(grey, z)

    def iter_objects(
        self, own: FloatMap, rim: Planes, inverted: BoolMap
    ) -> Generator[None, None, BoolMap]:
        """Return where inverted islands have objects of their own."""
        around = grown(inverted, 2 * OBJECT_PX)
        at_rim = own.copy()
        yield from self.iter_copy(at_rim, np.where(around, rim, -1))
        finding = self.workers.submit(find_objects, own, at_rim, inverted)
        return (yield from self.workers.result(finding))

    def iter_mend(
        self, fused: Fused, part: BoolMap, kept: BoolMap, rim: Planes
    ) -> Generator[None, None, float]:
        """Mend a part of the image; return the share of the index map that was changed."""
        image = fused.image[..., :OPACITY] if self.stack.has_opacity else fused.image
        patches = IslandPatches(image, fused.index_map, fused.source_map, fused.maps)
        choosing = self.workers.submit(patches.begin, part, kept, rim, self.step)
        yield from self.workers.result(choosing)
        changed: list[int] = []
        for z in patches.planes():
            checked = yield from self._iter_read(z)
            adding = partial(_add, patches, checked, z, changed)
            yield from self.workers.each(adding, patches.parts_of(z))
        return sum(changed) / fused.index_map.size

    def _iter_read(self, z: int) -> Generator[None, None, CheckedPlane]:
        reading = self.workers.submit(read_plane, self.stack, z, self.config.nan_policy)
        return (yield from self.workers.result(reading))


def _add(
    patches: IslandPatches, checked: CheckedPlane, z: int, changed: list[int], patch: Patch
) -> None:
    """Add a plane to a patch, and note how many pixels were changed."""
    changed.append(patches.add(checked, z, patch))
