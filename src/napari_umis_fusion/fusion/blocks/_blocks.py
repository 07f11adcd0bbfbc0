"""The fusion of planes that are too large for the memory, block by block.

Planes are read, judged and measured for their range of grey once as a whole; then each block is
fused from rectangles of all planes. Memory is that of a block, and of the result.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure import choose_measure
from napari_umis_fusion.fusion.blocks._block import Block
from napari_umis_fusion.fusion.blocks._memory import MemoryPlan, block_config
from napari_umis_fusion.fusion.decision import IndexMap, default_measure, needs_scale
from napari_umis_fusion.fusion.depth import FinalMaps
from napari_umis_fusion.fusion.planes import (
    RANKING_MEASURES,
    AnyPlanes,
    CroppedPlanes,
    ScreenedPlanes,
    Sensor,
    passes_of,
)
from napari_umis_fusion.fusion.result import FusionResult, iter_fill_nowhere
from napari_umis_fusion.fusion.run import Composed, Run, describe_result
from napari_umis_fusion.fusion.seams import GreyScales
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import (
    FloatMap,
    Progress,
    ScratchMemory,
    Workers,
    give_back_memory,
    map_events,
    repeat_event,
)
from napari_umis_fusion.stack import CheckedPlane, CroppedStack, Stack, fill_invalid


def iter_blocks(
    stack: Stack,
    config: FusionConfig,
    plan: MemoryPlan,
    workspace: ScratchMemory,
    workers: Workers,
) -> Generator[Progress, None, FusionResult]:
    """Fuse a stack whose planes are aligned, block by block; see `iter_passes`.

    Parameters
    ----------
    plan : MemoryPlan
        The blocks.
    """
    run = BlockRun(stack, block_config(config, stack), plan.blocks, workspace, workers)
    survey = yield from run.iter_survey()
    whole: Composed | None = None
    uncovered = 0
    notes: dict[str, None] = {}  # the same of most blocks
    for number, block in enumerate(plan.blocks):
        give_back_memory()  # of whole planes, or of the last block
        with workspace.part() as scratch:
            composed, screening = yield from run.iter_block(number, survey, scratch)
            whole = run.blank(composed) if whole is None else whole
            pasting = workers.submit(paste_block, composed, whole, block)
            event = run.progress(number + 1, 0)
            uncovered += yield from repeat_event(workers.result(pasting), event)
            notes |= dict.fromkeys(composed.notes)
            del composed, pasting  # frees the maps of the block for those of the next
    assert whole is not None
    yield Progress("verifying", 1, 1)
    share = uncovered / (stack.shape[1] * stack.shape[2])
    whole = replace(whole, uncovered=share, notes=tuple(notes))
    whole = yield from survey.run.iter_settle(whole, survey.planes.sound_stack())
    sound = survey.planes.sound_stack(scales=False)
    result = describe_result(survey.run, whole, screening, *plan.notes, config=config)
    return (yield from iter_fill_nowhere(stack, sound, result, config, workers))


@dataclass(frozen=True, slots=True)
class Survey:
    """What must be known of whole planes before a part of them is fused."""

    run: Run
    planes: ScreenedPlanes
    to_grey: GreyConverter
    scales: GreyScales | None


@dataclass(frozen=True, slots=True)
class BlockRun:
    """Common data of all blocks."""

    stack: Stack
    config: FusionConfig
    blocks: tuple[Block, ...]
    workspace: ScratchMemory
    workers: Workers

    def progress(self, number: int, done: int) -> Progress:
        """Return an event: planes done of block `number`, among all planes of all blocks."""
        planes = len(self.stack)
        # The survey reads each plane, and counts like a block.
        total = planes * (len(self.blocks) + 1)
        return Progress("measuring", min(planes * (number + 1) + done, total), total)

    def iter_survey(self) -> Generator[Progress, None, Survey]:
        """Read all planes once, and judge them and the sensor."""
        stack, config, workers = self.stack, self.config, self.workers
        sensor = Sensor(stack, config, self.workspace, workers)
        passes = passes_of(config, len(stack))
        run = Run(stack, config, passes, self.workspace, workers, sensor)
        begun = self.progress(-1, 0)
        planes, to_grey = yield from map_events(run.iter_referee(), lambda _: begun)
        if to_grey is None:
            make = partial(_with_span, config)
            to_grey = yield from repeat_event(planes.iter_with_range(make, config.channel), begun)
            for z in range(len(stack)):
                yield from repeat_event(planes.iter_next(), self.progress(-1, z))
            planes = planes.again() if planes.has_any else planes.unscreened()
        read = self.progress(0, 0)
        yield from repeat_event(sensor.iter_correction(to_grey), read)
        sensor.hand_out(0)
        scales = yield from repeat_event(self._iter_scales(planes, to_grey, sensor), read)
        return Survey(run, planes, to_grey, scales)

    def _iter_scales(
        self, planes: ScreenedPlanes, to_grey: GreyConverter, sensor: Sensor
    ) -> Generator[None, None, GreyScales | None]:
        """Return the unit of the measure on the first sound plane, as `Compositor` finds it."""
        config, workers = self.config, self.workers
        if not needs_scale(config, choose_measure(config, workers, to_grey)):
            return None
        default, sums = default_measure(config, workers), np.zeros(2)
        first = planes.again()
        z, checked = 0, (yield from first.iter_next())
        while checked is None:
            z, checked = z + 1, (yield from first.iter_next())
        for block in self.blocks:
            measure = choose_measure(config, workers, to_grey)
            part = checked.part(*block.seen)
            job = workers.submit(self._grey_of, part, z, block, to_grey)
            grey = yield from workers.result(job)
            correction = yield from sensor.within(block.seen).iter_correction(to_grey)
            yield from correction.iter_correct(grey, z)
            found = np.empty((2, *grey.shape), np.float32)
            yield from measure.iter_add(grey, part.plane)
            yield from measure.iter_fill(found[0])
            yield from default.iter_fill(grey, part.plane, found[1])
            if part.invalid is not None:
                found[0][part.invalid] = 0
            sums += found[:, *block.inner].sum((1, 2), dtype=np.float64)
        return GreyScales(sums[1] / sums[0] if sums[0] > 0 else 1.0, to_grey.range.scale)

    def _grey_of(
        self, checked: CheckedPlane, z: int, block: Block, to_grey: GreyConverter
    ) -> FloatMap:
        grey = to_grey(checked.plane)
        if checked.unknown is not None:
            fill_invalid(grey, checked.unknown)
        lighting = CroppedStack(self.stack, *block.seen).lighting(to_grey.range)
        if lighting is not None:
            lighting.correct(grey, z)
        return grey

    def iter_block(
        self, number: int, survey: Survey, scratch: ScratchMemory
    ) -> Generator[Progress, None, tuple[Composed, AnyPlanes]]:
        """Fuse one block."""
        seen, planes = self.blocks[number].seen, len(self.stack)
        run = replace(
            survey.run,
            stack=CroppedStack(self.stack, *seen),
            workspace=scratch,
            sensor=survey.run.sensor.within(seen),
        )
        part, passes = CroppedPlanes(survey.planes.again(), *seen, self.workers), run.passes
        composing = run.iter_compose(part, survey.to_grey, survey.scales)
        share = 2 if passes.reads_twice else 1

        def of_block(event: Progress) -> Progress:
            is_late = event.stage == "verifying"
            done = event.done // share + (planes // 2 if is_late and share == 2 else 0)
            return self.progress(number, min(done, planes))

        return (yield from map_events(composing, of_block))

    def blank(self, part: Composed) -> Composed:
        """Return whole planes, empty, in which blocks like `part` belong."""
        shape = self.stack.shape[1:]
        lasting = self.workspace.lasting
        return replace(
            part,
            image=lasting(shape, self.stack.dtype),
            index_map=(index_map := lasting(shape[:2], np.uint16)),
            source_map=self._blank_source(part, index_map),
            maps=FinalMaps.blank(
                shape[:2], self.workspace, with_error=part.maps.sub_plane_error is not None
            ),
        )

    def _blank_source(self, part: Composed, index_map: IndexMap) -> IndexMap | None:
        """Return an empty source map, where it is not the index map."""
        if part.source_map is None or part.source_map is part.index_map:
            return None if part.source_map is None else index_map
        return self.workspace.lasting(index_map.shape, np.uint16)


def _with_span(config: FusionConfig, *, to_grey: GreyConverter) -> GreyConverter:
    """Return the converter, once the middle plane was looked at if anybody needs that."""
    if config.focus_measure in RANKING_MEASURES:
        to_grey.span()
    return to_grey


def paste_block(part: Composed, whole: Composed, block: Block) -> int:
    """Copy what is kept of a block into the whole planes; return how much no plane shows, in px."""
    for source, target in (
        (part.image, whole.image),
        (part.index_map, whole.index_map),
        (part.source_map, whole.source_map),
        (part.maps.sub_plane, whole.maps.sub_plane),
        (part.maps.confidence, whole.maps.confidence),
        (part.maps.focus, whole.maps.focus),
        (part.maps.sub_plane_error, whole.maps.sub_plane_error),
    ):
        if source is not None and target is not None:
            target[block.kept] = source[block.inner]
    return int(np.isnan(part.maps.sub_plane[block.inner]).sum())
