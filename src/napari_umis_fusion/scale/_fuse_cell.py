"""The work on one stack of a run: survey, blocks, end. Each part may run in another process."""

import time
import warnings
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.files.ome_zarr import ZarrStack, stored_values
from napari_umis_fusion.fusion import (
    Block,
    FieldSurvey,
    FusedPart,
    FusionResult,
    iter_fuse,
    iter_fuse_part,
    iter_survey_field,
)
from napari_umis_fusion.runtime import (
    HEARTBEAT_S,
    FloatMap,
    Progress,
    Workers,
    locked,
    map_progress,
    repeat_event,
)
from napari_umis_fusion.scale._check_values import check_values
from napari_umis_fusion.scale._finish_cell import ENDING, iter_finish
from napari_umis_fusion.scale._markers import Markers, created_marker, write_marker
from napari_umis_fusion.scale._run_plan import Cell, RunPlan
from napari_umis_fusion.scale._target import (
    CONFIDENCE,
    DEPTH,
    DEPTH_ERROR,
    FOCUS,
    INDEX,
    NEVER,
    SOURCE,
    SUB_PLANE_ERROR,
    FieldArrays,
    create_field,
    parts_of,
)

PATIENCE_S = 600.0
"""How long to wait for another process that creates the arrays of the same field."""


def iter_cell_part(plan: RunPlan, cell: Cell, block: int, threads: int = 0) -> Generator[Progress]:
    """Fuse one block of a run, with all that must be done before and can be done after it.

    Parameters
    ----------
    plan : RunPlan
        The run.
    cell : Cell
        Which stack.
    block : int
        Which block of it.
    threads : int
        Threads to run on; 0: those of the config.

    Yields
    ------
    Progress
        Of the planes of this block; safe to abandon at any event.
    """
    work = _CellWork(plan, cell, threads)
    if not work.markers.block(block).is_file():
        yield from work.iter_block(block)
    if not work.markers.missing:
        yield from work.iter_end()


class _CellWork:
    """The work on one stack."""

    def __init__(self, plan: RunPlan, cell: Cell, threads: int) -> None:
        self.plan, self.cell, self.markers = plan, cell, Markers(plan, cell)
        config = plan.config.replace(align_border="mask")
        self.config = config.replace(threads=threads) if threads else config
        source = plan.source.fields[cell.field]
        self.stack = ZarrStack(source, picks={"t": cell.time})
        self.blocks = plan.grids[cell.field].blocks

    def iter_block(self, number: int) -> Generator[Progress]:
        """Fuse and write a block."""
        start = time.perf_counter()
        self.markers.folder.mkdir(parents=True, exist_ok=True)
        self._create()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if len(self.blocks) == 1:
                part = yield from self._iter_whole()
            else:
                survey = yield from self._iter_survey()
                part = yield from iter_fuse_part(
                    self.stack, self.config, survey, self.blocks[number]
                )
        notes = [*part.notes, *(str(one.message).split(";")[0] for one in caught)]
        with Workers(1) as workers:
            writing = workers.submit(self._write, part, self.blocks[number])
            yield from repeat_event(workers.result(writing), ENDING)
        content = {
            "seconds": round(time.perf_counter() - start, 3),
            "uncovered_px": part.uncovered_px,
            "provenance": part.provenance,
            "notes": list(dict.fromkeys(notes)),
        }
        write_marker(self.markers.block(number), content)

    def _create(self) -> None:
        """Create the arrays of the field, unless somebody did."""
        field, marker = self.cell.field, created_marker(self.plan, self.cell.field)
        if marker.is_file():
            return
        with locked(marker.with_name("create.lock"), PATIENCE_S):
            if not marker.is_file():
                values = stored_values(self.plan.source.fields[field].array)
                create_field(self.plan, field)
                write_marker(marker, {"field": field, "values": values})

    def _iter_whole(self) -> Generator[Progress, None, FusedPart]:
        """Fuse whole planes."""
        steps = iter_fuse(self.stack, self.config)
        return self._as_part((yield from map_progress(steps, lambda event: event)))

    def _as_part(self, result: FusionResult) -> FusedPart:
        if result.alignment is not None:
            result.alignment.save(self.markers.alignment)
        return FusedPart(
            result.all_in_focus,
            result.index_map,
            result.source_map,
            result.sub_plane_map,
            result.confidence_map,
            result.focus_map,
            0,  # those notes are there already
            result.health,
            result.provenance,
            result.notes,
            result.sub_plane_error_map,
        )

    def _iter_survey(self) -> Generator[Progress, None, FieldSurvey]:
        """Return what was found of whole planes; the first who needs it looks."""
        if not self.markers.survey.is_file():
            with (yield from iter_hold(self.markers.lock)):
                if not self.markers.survey.is_file():
                    survey = yield from iter_survey_field(self.stack, self.config, self.blocks)
                    if survey.alignment is not None:
                        survey.alignment.save(self.markers.alignment)
                    survey.save(self.markers.survey)
        return FieldSurvey.load(self.markers.survey)

    def _write(self, part: FusedPart, block: Block) -> None:
        """Write a block of all pictures."""
        arrays = FieldArrays(self.plan, self.cell.field, self.cell.time)
        values: dict[str, Any] = {
            "": part.image,
            INDEX: part.index_map,
            SOURCE: part.source_map,
            CONFIDENCE: part.confidence_map,
            FOCUS: part.focus_map,
        }
        for picture in parts_of(self.plan, self.cell.field):
            if picture.path == NEVER:  # known once all blocks are there
                continue
            found = values.get(picture.path)
            if found is None:
                is_error = picture.path in (DEPTH_ERROR, SUB_PLANE_ERROR)
                found = part.sub_plane_error_map if is_error else part.sub_plane_map
                assert found is not None
                if picture.path in (DEPTH, DEPTH_ERROR):
                    found = depth_um(found, self.stack.calibration.z_step_um)
            arrays.write(picture, found, *block.kept)

    def iter_end(self) -> Generator[Progress]:
        """End the work on a stack whose blocks are all there, unless somebody else does."""
        if self.markers.is_finished:
            return
        with (yield from iter_hold(self.markers.lock)):
            if not self.markers.is_finished:
                check_values(self.plan, [self.cell.field])
                yield from iter_finish(self.plan, self.cell, self.config, self.stack)


def iter_hold(lock: Path) -> Generator[Progress, None, ExitStack]:
    """Wait until nobody else works on a stack, and return what holds its lock until it is left.

    The system releases the lock of a process that ends, whatever ends it.
    """
    held = ExitStack()
    while True:
        try:
            held.enter_context(locked(lock, 0))
        except TimeoutError:
            time.sleep(HEARTBEAT_S)
            yield ENDING
        else:
            return held


def depth_um(sub_plane: FloatMap, step_um: float | None) -> FloatMap:
    """Return the depth of positions in planes."""
    depth: FloatMap = sub_plane * np.float32(1 if step_um is None else step_um)
    return depth
