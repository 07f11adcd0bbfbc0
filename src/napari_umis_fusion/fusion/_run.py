"""The passes of one fusion, from the first plane to the result."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion._compositor import Compositor
from napari_umis_fusion.fusion._copy_planes import RecordedCopy, iter_copy_recorded
from napari_umis_fusion.fusion._coverage import settle_coverage
from napari_umis_fusion.fusion._decision import Decision, FinalMaps, Verified
from napari_umis_fusion.fusion._passes import Passes, passes_of
from napari_umis_fusion.fusion._provenance import describe_run
from napari_umis_fusion.fusion._recorded_values import NearestToMean, iter_copy_nearest
from napari_umis_fusion.fusion._referee import iter_reject_moving
from napari_umis_fusion.fusion._result import FusionResult
from napari_umis_fusion.fusion._screening import ScreenedPlanes, scales_values
from napari_umis_fusion.fusion._sensor import Sensor
from napari_umis_fusion.fusion._verification import IndexMap, iter_verify
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import (
    Progress,
    ScratchMemory,
    Stage,
    Workers,
    repeat_event,
    split_rows,
)
from napari_umis_fusion.stack import Stack


def iter_passes(
    stack: Stack, config: FusionConfig, workspace: ScratchMemory, workers: Workers
) -> Generator[Progress, None, FusionResult]:
    """Fuse a stack whose planes are aligned.

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
    sensor = Sensor(stack, config, workspace, workers)
    run = _Run(stack, config, passes_of(config, len(stack)), workspace, workers, sensor)
    compositor, screening = yield from run.iter_first_pass()
    decision, notes = compositor.decision, list(compositor.measure.notes)
    index_map = yield from run.iter_index_map(decision)
    source_map = index_map if run.passes.copies else None
    if run.passes.second == "copy_filtered":
        yield from run.iter_copy_filtered(compositor, index_map, screening)
    elif run.passes.second == "copy_nearest":
        source_map = yield from run.iter_copy_nearest(compositor, index_map, screening)
    elif run.passes.second == "average":
        verified, to_grey = Verified(index_map, decision.index), compositor.to_grey
        del compositor  # frees its maps for those of the second pass
        compositor = yield from run.iter_average(verified, to_grey, screening)
    maps = yield from run.iter_maps(compositor, decision, index_map)
    if compositor.weighted is not None and not run.passes.copies:
        filling = compositor.weighted.iter_fill(compositor.all_in_focus, workers)
        yield from repeat_event(filling, run.verified)
    yield run.verified
    image, opacity = compositor.all_in_focus, compositor.opacity
    notes += settle_coverage(image, opacity, decision, index_map, maps.sub_plane)
    # Both passes may give the same notes.
    notes = list(dict.fromkeys([*notes, *compositor.measure.notes, *screening.notes, *run.notes()]))
    return FusionResult(
        all_in_focus=image,
        index_map=index_map,
        sub_plane_map=maps.sub_plane,
        confidence_map=maps.confidence,
        focus_map=maps.focus,
        source_map=source_map,
        config=config,
        calibration=stack.calibration,
        rgb=stack.rgb,
        alignment=stack.alignment,
        window=stack.window,
        provenance=describe_run(
            stack,
            config,
            **compositor.measure.provenance(),
            **screening.describe(),
            **run.sensor.describe(),
            notes=notes,
        ),
        notes=tuple(notes),
        health=tuple(screening.healths),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """Common data of the passes, and the passes themselves."""

    stack: Stack
    config: FusionConfig
    passes: Passes
    workspace: ScratchMemory
    workers: Workers
    sensor: Sensor

    @property
    def verified(self) -> Progress:
        """The last event."""
        return Progress("verifying", len(self.stack), len(self.stack))

    def iter_first_pass(self) -> Generator[Progress, None, tuple[Compositor, ScreenedPlanes]]:
        """Measure and decide; returns what came of it, and the planes with what was found."""
        planes = ScreenedPlanes(self.stack, self.config, self.passes, self.workers)
        averages, to_grey, begun = self.passes.averages, None, 0
        if self.passes.referees:
            shared = self.config, self.workspace, self.workers
            planes, to_grey = yield from iter_reject_moving(self.stack, planes, *shared)
            begun = len(self.stack)
        streaming = yield from self.iter_stream(
            "measuring", planes, averages=averages, to_grey=to_grey, begun=begun
        )
        if planes.has_any:
            return streaming, planes
        del streaming
        planes = planes.unscreened()
        return (yield from self.iter_stream("measuring", planes, averages=averages)), planes

    def iter_stream(
        self,
        stage: Stage,
        planes: ScreenedPlanes,
        *,
        averages: bool,
        verified: Verified | None = None,
        to_grey: GreyConverter | None = None,
        begun: int = 0,
    ) -> Generator[Progress, None, Compositor]:
        """Compose all planes in one pass, `begun` planes after the stage; see `Compositor`."""
        total, workers = begun + len(self.stack), self.workers
        make = partial(
            Compositor,
            *(self.stack, self.config, self.workspace, workers),
            averages=averages,
            verified=verified,
        )
        # On a thread, since it may load a network and read the middle plane.
        setting_up = planes.iter_with_range(make, self.config.channel, to_grey)
        compositor = yield from repeat_event(setting_up, Progress(stage, begun, total))
        looking = self.sensor.iter_correction(compositor.to_grey)
        compositor.correction = yield from repeat_event(looking, Progress(stage, begun, total))
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

    def iter_copy_filtered(
        self, compositor: Compositor, index_map: IndexMap, screening: ScreenedPlanes
    ) -> Generator[Progress]:
        """Copy the pixels that the filter changed."""
        decided, image = compositor.decision.index, compositor.all_in_focus
        stack, policy = screening.sound_stack(), self.config.nan_policy
        copy = RecordedCopy(stack, decided, index_map, image, policy)
        yield from iter_copy_recorded(copy, self.workers)

    def iter_copy_nearest(
        self, compositor: Compositor, index_map: IndexMap, screening: ScreenedPlanes
    ) -> Generator[Progress, None, IndexMap]:
        """Copy the values nearest to the mean, and return the source map."""
        assert compositor.weighted is not None
        source_map = self.workspace.lasting(index_map.shape, np.uint16)
        source_map[...] = index_map
        image = compositor.all_in_focus
        scaled = () if scales_values(self.config) else screening.scaled
        nearest = NearestToMean(compositor.weighted, image, source_map, self.workspace, scaled)
        yield from iter_copy_nearest(screening.sound_stack(), nearest, self.config, self.workers)
        return source_map

    def iter_average(
        self, verified: Verified, to_grey: GreyConverter, screening: ScreenedPlanes
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
        maps = FinalMaps.blank(index_map.shape, self.workspace)
        fill = partial(maps.fill, decision, index_map, overruled)
        yield from repeat_event(
            self.workers.each(fill, split_rows(index_map.shape[0])), self.verified
        )
        if compositor.measure.is_share:  # focus of different pixels cannot be compared
            yield from repeat_event(compositor.iter_detail(maps.focus), self.verified)
        return maps

    def notes(self) -> list[str]:
        """Return notes for the user on the stack and on memory."""
        notes = [*self.stack.notes(self.config), *self.sensor.notes]
        if self.workspace.on_disk:
            notes.append("maps kept in a temporary file: they are larger than memory_mb")
        return notes
