"""What is copied once the index map is known: every value of the image is a recorded one."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.copies import (
    CopiedEdges,
    NearestToMean,
    RecordedCopy,
    iter_copy_nearest,
    iter_copy_recorded,
)
from napari_umis_fusion.fusion.decision import IndexMap
from napari_umis_fusion.fusion.planes import CroppedPlanes, Passes, ScreenedPlanes, scales_values
from napari_umis_fusion.fusion.run._compositor import Compositor
from napari_umis_fusion.runtime import Progress, ScratchMemory, Workers, repeat_event
from napari_umis_fusion.stack import Plane


@dataclass(frozen=True, slots=True)
class Copies:
    """The second passes of a config that copies values.

    Attributes
    ----------
    config : FusionConfig
        Options of the fusion.
    passes : Passes
        What they need.
    workspace : ScratchMemory
        Memory for maps.
    workers : Workers
        Threads to run on.
    """

    config: FusionConfig
    passes: Passes
    workspace: ScratchMemory
    workers: Workers

    def iter_copy(
        self,
        compositor: Compositor,
        index_map: IndexMap,
        planes: ScreenedPlanes | CroppedPlanes,
    ) -> Generator[Progress, None, IndexMap]:
        """Change the image of a compositor; return its source map, which may be the index map.

        Planes that are exposed otherwise were scaled to decide. Their pixels are copied from the
        planes whose recorded values are nearest to the scaled ones.
        """
        image = compositor.all_in_focus
        lit = [] if scales_values(self.config) else planes.scaled
        if self.passes.second == "copy_filtered":
            sound = planes.sound_stack(scales=True if lit else None)
            decided, policy = compositor.decision.index, self.config.nan_policy
            copy = RecordedCopy(sound, decided, index_map, image, policy)
            yield from iter_copy_recorded(copy, self.workers)
        elif self.passes.second == "copy_nearest":
            mean = self.workspace.full(image.shape, image.dtype, 0)
            averaging = compositor.iter_average(mean)
            event = Progress("verifying", 0, len(planes.sound_stack()))
            yield from repeat_event(averaging, event)
            return (yield from self._iter_nearest(mean, compositor, index_map, planes))
        if not lit:
            return index_map
        own = self.workspace.full(image.shape, image.dtype, 0)
        own[...] = image
        return (yield from self._iter_nearest(own, compositor, index_map, planes))

    def _iter_nearest(
        self,
        wanted: Plane,
        compositor: Compositor,
        index_map: IndexMap,
        planes: ScreenedPlanes | CroppedPlanes,
    ) -> Generator[Progress, None, IndexMap]:
        source_map = self.workspace.lasting(index_map.shape, np.uint16)
        source_map[...] = index_map
        lit = () if scales_values(self.config) else planes.scaled
        image = compositor.all_in_focus
        nearest = NearestToMean(wanted, image, source_map, self.workspace, lit)
        sound = planes.sound_stack()
        yield from iter_copy_nearest(sound, nearest, self.config, self.workers)
        if compositor.correction is not None:
            mending = CopiedEdges(nearest, compositor.correction.edges, self.workspace)
            yield from mending.iter_mend(sound, self.config.nan_policy, self.workers)
        return source_map
