"""The passes of one fusion, from the first plane to the result."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.decision import Decision, IndexMap, Verified, iter_verify
from napari_umis_fusion.fusion.depth import DepthFit, FinalMaps, settle_coverage
from napari_umis_fusion.fusion.islands import Fused, iter_settle_islands
from napari_umis_fusion.fusion.planes import (
    AnyPlanes,
    Passes,
    ScreenedPlanes,
    Sensor,
    iter_reject_moving,
    left_out_of,
    passes_of,
)
from napari_umis_fusion.fusion.result import FusionResult, iter_fill_nowhere
from napari_umis_fusion.fusion.run._composed import Composed
from napari_umis_fusion.fusion.run._compositor import Compositor
from napari_umis_fusion.fusion.run._copies import Copies
from napari_umis_fusion.fusion.run._described_result import describe_result
from napari_umis_fusion.fusion.seams import GreyScales
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import (
    Progress,
    ScratchMemory,
    Stage,
    Workers,
    repeat_event,
    tiles_of,
)
from napari_umis_fusion.stack import Stack

MAP_TILE_PX = 256
"""Tiles in which maps are filled: not large ones, for their sums have twice the digits."""


def iter_passes(
    stack: Stack, config: FusionConfig, workspace: ScratchMemory, workers: Workers
) -> Generator[Progress, None, FusionResult]:
    """Fuse a stack whose planes are aligned, all of each plane at once.

    Parameters
    ----------
    stack : Stack
        Read once or twice; see `passes_of`.
    config : FusionConfig
        Options of the fusion.
    workspace : ScratchMemory
        Memory for the maps; those of the result may outlive it.
    workers : Workers
        Threads to run on.

    Yields
    ------
    Progress
        While threads work.
    """
    # Planes that are still being taken are measured as they come, and looked at last.
    sensor = Sensor(stack, config, workspace, workers, is_put_off=stack.is_arriving)
    run = Run(stack, config, passes_of(config, len(stack)), workspace, workers, sensor)
    planes, to_grey = yield from run.iter_referee()
    begun = len(stack) if run.passes.referees else 0
    composed, screening = yield from run.iter_compose(planes, to_grey, begun=begun)
    composed = yield from run.iter_settle(composed, screening.sound_stack())
    result, sound = describe_result(run, composed, screening), screening.sound_stack(scales=False)
    return (yield from iter_fill_nowhere(stack, sound, result, config, workers))


@dataclass(frozen=True, slots=True)
class Run:
    """Common data of the passes, and the passes themselves."""

    stack: Stack
    config: FusionConfig
    passes: Passes
    workspace: ScratchMemory
    workers: Workers
    sensor: Sensor
    compositor: Callable[..., Compositor] = Compositor

    @property
    def verified(self) -> Progress:
        """The last event."""
        return Progress("verifying", len(self.stack), len(self.stack))

    def iter_referee(
        self,
    ) -> Generator[Progress, None, tuple[ScreenedPlanes, GreyConverter | None]]:
        """Return the planes, without what moves if that is asked for."""
        planes = ScreenedPlanes(self.stack, self.config, self.passes, self.workers)
        if not self.passes.referees:
            return planes, None
        shared = self.config, self.workspace, self.workers
        return (yield from iter_reject_moving(self.stack, planes, *shared))

    def iter_compose(
        self,
        planes: AnyPlanes,
        to_grey: GreyConverter | None = None,
        scales: GreyScales | None = None,
        begun: int = 0,
    ) -> Generator[Progress, None, tuple[Composed, AnyPlanes]]:
        """Run all passes but that of the referee.

        Parameters
        ----------
        planes : ScreenedPlanes or CroppedPlanes
            The planes of the stack.
        to_grey, scales : optional
            What is known already of the units of whole planes.
        begun : int
            Planes that the stage has done before.

        Returns
        -------
        Composed
            The fusion.
        ScreenedPlanes or CroppedPlanes
            The planes, with what was found.
        """
        compositor, screening = yield from self.iter_first_pass(planes, to_grey, scales, begun)
        decision, notes = compositor.decision, list(compositor.measure.notes)
        index_map = yield from self.iter_index_map(decision)
        source_map = None
        if self.passes.copies:
            copies = Copies(self.config, self.passes, self.workspace, self.workers)
            source_map = yield from copies.iter_copy(compositor, index_map, screening)
        elif self.passes.second == "average":
            verified, to_grey = Verified(index_map, decision.index), compositor.to_grey
            del compositor  # frees its maps for those of the second pass
            compositor = yield from self.iter_average(verified, to_grey, screening)
        maps = yield from self.iter_maps(compositor, decision, index_map)
        if not self.passes.copies:
            averaging = compositor.iter_average(compositor.all_in_focus)
            yield from repeat_event(averaging, self.verified)
        yield self.verified
        image, opacity = compositor.all_in_focus, compositor.opacity
        uncovered = settle_coverage(image, opacity, decision, index_map, maps)
        said, origin = (*notes, *compositor.measure.notes), compositor.measure.provenance()
        found = image, index_map, source_map, maps, uncovered, origin, said, compositor.to_grey
        return Composed(*found), screening

    def iter_settle(self, composed: Composed, stack: Stack) -> Generator[Progress, None, Composed]:
        """Mend or mark islands of the index map of whole planes, read from `stack`."""
        fused = Fused(composed.image, composed.index_map, composed.source_map, composed.maps)
        settling = iter_settle_islands(stack, fused, self.config, composed.to_grey, self.workers)
        notes = yield from repeat_event(settling, self.verified)
        return replace(composed, notes=(*composed.notes, *notes))

    def iter_first_pass(
        self,
        planes: AnyPlanes,
        to_grey: GreyConverter | None,
        scales: GreyScales | None,
        begun: int,
    ) -> Generator[Progress, None, tuple[Compositor, AnyPlanes]]:
        """Measure and decide; returns the composition, and the planes with what was found."""
        stream = partial(
            self.iter_stream, "measuring", averages=self.passes.averages, scales=scales
        )
        known = left_out_of(planes)
        streaming = yield from stream(planes, to_grey=to_grey, begun=begun)
        total = begun + len(self.stack)
        looking = self.sensor.iter_catch_up(streaming.to_grey)
        if (yield from repeat_event(looking, Progress("measuring", total, total))):
            del streaming
            planes = ScreenedPlanes(self.stack, self.config, self.passes, self.workers)
            known = left_out_of(planes)
            streaming = yield from stream(planes)
        if planes.has_any:
            if not self._misses_planes(planes, known):
                return streaming, planes
            # As if the planes that are left out had never been there.
            to_grey, planes = streaming.to_grey, planes.again()
            del streaming
            return (yield from stream(planes, to_grey=to_grey)), planes
        del streaming
        planes = planes.unscreened()
        return (yield from stream(planes)), planes

    def _misses_planes(self, planes: AnyPlanes, known: frozenset[int]) -> bool:
        """Whether planes are left out that were not `known`, and the order of merges depends on it.

        Two planes are composed in any order alike, and so are all without seams.
        """
        missed = left_out_of(planes)
        is_ordered = self.config.verification == "seams" and len(self.stack) - len(missed) > 2
        return is_ordered and missed != known

    def iter_stream(
        self,
        stage: Stage,
        planes: AnyPlanes,
        *,
        averages: bool,
        verified: Verified | None = None,
        to_grey: GreyConverter | None = None,
        scales: GreyScales | None = None,
        begun: int = 0,
    ) -> Generator[Progress, None, Compositor]:
        """Compose all planes in one pass, `begun` planes after the stage; see `Compositor`."""
        total, workers = begun + len(self.stack), self.workers
        make = partial(
            self.compositor,
            *(self.stack, self.config, self.workspace, workers),
            averages=averages,
            verified=verified,
            scales=scales,
            left_out=left_out_of(planes),
        )
        # On a thread, since it may load a network and read the middle plane.
        setting_up = planes.iter_with_range(make, self.config.channel, to_grey)
        compositor = yield from repeat_event(setting_up, Progress(stage, begun, total))
        looking = self.sensor.iter_correction(compositor.to_grey)
        correction = yield from repeat_event(looking, Progress(stage, begun, total))
        compositor.correct(correction)
        self.sensor.hand_out(planes.taken)
        for z in range(len(self.stack)):
            event = Progress(stage, begun + z, total)
            checked = yield from repeat_event(planes.iter_next(), event)
            if checked is not None:
                yield from repeat_event(compositor.iter_add(checked, z), event)
        last = Progress(stage, total, total)
        yield from repeat_event(compositor.iter_finish(), last)
        yield last
        return compositor

    def iter_index_map(self, decision: Decision) -> Generator[Progress, None, IndexMap]:
        """Verify the decision map."""
        # It belongs to the result, which outlives the scratch memory.
        index_map = self.workspace.lasting(decision.index.shape, np.uint16)
        threads = self.workers.threads
        verifying = iter_verify(decision.index, self.config, self.passes, threads, index_map)
        yield from repeat_event(verifying, Progress("verifying", 0, len(self.stack)))
        return index_map

    def iter_average(
        self, verified: Verified, to_grey: GreyConverter, screening: AnyPlanes
    ) -> Generator[Progress, None, Compositor]:
        """Measure all planes again and average them around the index map."""
        return (
            yield from self.iter_stream(
                "verifying", screening.again(), averages=True, verified=verified, to_grey=to_grey
            )
        )

    def iter_maps(
        self, compositor: Compositor, decision: Decision, index_map: IndexMap
    ) -> Generator[Progress, None, FinalMaps]:
        """Fill the maps of the decision of the first pass."""
        overruled = index_map != decision.index
        with_error = self.config.depth_error
        maps = FinalMaps.blank(index_map.shape, self.workspace, with_error=with_error)
        tiles = tiles_of(index_map, MAP_TILE_PX)
        fitted, planes = decision, index_map
        if compositor.surface is not None:
            settling = self.workers.each(compositor.surface.settle, tiles)
            yield from repeat_event(settling, self.verified)
            fitted = compositor.surface.decision
            planes = fitted.index  # which no filter overrules
        fit = DepthFit(fitted, planes, overruled, len(self.stack))
        yield from repeat_event(self.workers.each(fit.fit, tiles), self.verified)
        fill = partial(maps.fill, decision, overruled, fit)
        yield from repeat_event(self.workers.each(fill, tiles), self.verified)
        if compositor.measure.is_share:  # focus of different pixels cannot be compared
            yield from repeat_event(compositor.iter_detail(maps.focus), self.verified)
        elif compositor.preference is not None:
            np.maximum(compositor.preference.highest, 0, out=maps.focus)
        return maps

    def notes(self) -> list[str]:
        """Return notes for the user on the stack and on memory."""
        notes = [*self.stack.notes(self.config), *self.sensor.notes]
        if self.workspace.on_disk:
            notes.append("maps kept in a temporary file: they are larger than memory_mb")
        return notes
