"""The end of the work on a stack: the last look at its index map, masks, pyramids, provenance."""

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any, TypeVar

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files.ome_zarr import ZarrStack
from napari_umis_fusion.fusion import (
    FieldSurvey,
    FusedPart,
    coverage_notes,
    find_focus_threshold,
    is_too_large,
    iter_settle_field,
)
from napari_umis_fusion.preprocess.health import PlaneHealth
from napari_umis_fusion.runtime import Progress, ScratchMemory, Workers, atomic_write, repeat_event
from napari_umis_fusion.scale._markers import Markers, read_marker, write_marker
from napari_umis_fusion.scale._pyramid import write_pyramid
from napari_umis_fusion.scale._run_plan import Cell, RunPlan
from napari_umis_fusion.scale._target import (
    CONFIDENCE,
    DEPTH,
    DEPTH_ERROR,
    FOCUS,
    INDEX,
    NEVER,
    SOURCE,
    SUB_PLANE,
    SUB_PLANE_ERROR,
    FieldArrays,
    Part,
    parts_of,
)

Done = TypeVar("Done")

SAMPLE_PX = 2**24
"""Pixels from which threshold and median of a field are found at most: every second of larger ones,
and so on."""


ENDING = Progress("verifying", 1, 1)
"""The event of all that comes after the fusion itself."""


def iter_finish(
    plan: RunPlan, cell: Cell, config: FusionConfig, stack: ZarrStack
) -> Generator[Progress]:
    """Finish a stack whose blocks are all written; done again from any point, it ends the same.

    Parameters
    ----------
    plan : RunPlan
        The run.
    cell : Cell
        Which stack.
    config : FusionConfig
        Options of the fusion.
    stack : ZarrStack
        The stack, as recorded.
    """
    end = _End(plan, cell, config, stack)
    notes = (yield from end.iter_settle()) if plan.blocks(cell) > 1 else ()
    with Workers(1) as workers:
        quality = yield from _iter_run(workers, end.write_mask)
        for part in parts_of(plan, cell.field):
            write = partial(write_pyramid, end.arrays, part, end.shape, end.grid.shard)
            yield from _iter_run(workers, write)
            yield from _iter_run(workers, partial(end.arrays.sweep, part))
    end.write_report(notes, quality)


def _iter_run(workers: Workers, job: Callable[[], Done]) -> Generator[Progress, None, Done]:
    """Call a function on a thread, yielding while it runs."""
    return (yield from repeat_event(workers.result(workers.submit(job)), ENDING))


class _End:
    """Common data of the end of the work on a stack."""

    def __init__(self, plan: RunPlan, cell: Cell, config: FusionConfig, stack: ZarrStack) -> None:
        self.config, self.stack = config, stack
        self.markers = Markers(plan, cell)
        self.arrays = FieldArrays(plan, cell.field, cell.time)
        self.parts = {part.path: part for part in parts_of(plan, cell.field)}
        self.grid, self._blocks = plan.grids[cell.field], plan.blocks(cell)
        self.shape = self.grid.shape

    def iter_settle(self) -> Generator[Progress, None, tuple[str, ...]]:
        """Take the last look; what it changes is saved before anything is written.

        So whoever is interrupted while writing does not look at what is half written. For planes
        that are too large for it, each block was looked at by itself.
        """
        if is_too_large(self.stack, self.config):
            share = self._uncovered_px() / (self.shape[0] * self.shape[1])
            return tuple(coverage_notes(share, np.empty(0, self.stack.dtype)))
        if not self.markers.settled.is_file():
            with ScratchMemory(self.config.memory_mb) as scratch, Workers(1) as workers:
                survey = FieldSurvey.load(self.markers.survey)
                gather = partial(self._gather, scratch, survey.healths)
                whole = yield from _iter_run(workers, gather)
                notes = yield from iter_settle_field(self.stack, self.config, survey, whole)
                yield from _iter_run(workers, partial(self._save_changes, whole, notes))
        with Workers(1) as workers:
            return (yield from _iter_run(workers, self._apply_changes))

    def _gather(self, scratch: ScratchMemory, healths: tuple[PlaneHealth, ...]) -> FusedPart:
        """Put the blocks of a field together; positions in planes are told only where changed."""
        image = self._whole(scratch, "")
        sub_plane = scratch.lasting(self.shape, np.float32)
        sub_plane[...] = np.nan
        source = self._whole(scratch, SOURCE) if SOURCE in self.parts else None
        index = self._whole(scratch, INDEX)
        if source is None and self.config.blend == "select":
            source = index
        confidence = self._whole(scratch, CONFIDENCE)
        # The focus map tells where nothing is in focus; only filling asks for it.
        is_filled = self.config.nowhere != "decided"
        focus = self._whole(scratch, FOCUS) if is_filled else sub_plane
        maps = sub_plane, confidence, focus
        uncovered = self._uncovered_px()
        return FusedPart(image, index, source, *maps, uncovered, healths, {}, ())

    def _uncovered_px(self) -> int:
        blocks = (read_marker(self.markers.block(one)) for one in range(self._blocks))
        return sum(int(block["uncovered_px"]) for block in blocks)

    def _whole(self, scratch: ScratchMemory, path: str) -> Any:
        part = self.parts[path]
        count = self.arrays.channels(part)
        shape = self.shape if count == 1 else (*self.shape, count)
        dtype = self.stack.dtype if path == "" else part.dtype
        whole = scratch.lasting(shape, dtype)
        for rows in self._bands():
            whole[rows] = self.arrays.read(part, rows, slice(None))
        return whole

    def _bands(self) -> list[slice]:
        """Return the rows of shards."""
        height, step = self.shape[0], self.grid.shard[0]
        return [slice(top, min(top + step, height)) for top in range(0, height, step)]

    def _shards(self) -> Iterator[tuple[slice, slice]]:
        """Yield rows and columns of each shard."""
        width, step = self.shape[1], self.grid.shard[1]
        for rows in self._bands():
            for left in range(0, width, step):
                yield rows, slice(left, min(left + step, width))

    def _save_changes(self, whole: FusedPart, notes: tuple[str, ...]) -> None:
        """Save the rows of shards that were changed."""
        changed: dict[str, Any] = {"notes": np.array(notes, dtype=np.str_)}
        new = {"": whole.image, INDEX: whole.index_map, CONFIDENCE: whole.confidence_map}
        if SOURCE in self.parts and whole.source_map is not None:
            new[SOURCE] = whole.source_map
        for number, rows in enumerate(self._bands()):
            for path, values in new.items():
                was = self.arrays.read(self.parts[path], rows, slice(None))
                if not np.array_equal(was, values[rows], equal_nan=was.dtype.kind == "f"):
                    changed[f"{number}:{path}"] = values[rows]
            moved = whole.sub_plane_map[rows]
            if np.isfinite(moved).any():
                path = DEPTH if DEPTH in self.parts else SUB_PLANE
                depth = self.arrays.read(self.parts[path], rows, slice(None))
                step = self.stack.calibration.z_step_um if path == DEPTH else 1.0
                scaled = moved * np.float32(step)
                changed[f"{number}:{path}"] = np.where(np.isfinite(moved), scaled, depth)
                for path in {DEPTH_ERROR, SUB_PLANE_ERROR} & set(self.parts):
                    error = self.arrays.read(self.parts[path], rows, slice(None))
                    changed[f"{number}:{path}"] = np.where(np.isfinite(moved), np.nan, error)
        with atomic_write(self.markers.settled) as temporary, temporary.open("wb") as file:
            np.savez(file, **changed)

    def _apply_changes(self) -> tuple[str, ...]:
        """Write what was changed, and return the notes of the last look."""
        bands = self._bands()
        with np.load(self.markers.settled, allow_pickle=False) as changed:
            for name in changed.files:
                number, _, path = name.partition(":")
                if number.isdigit():
                    rows = bands[int(number)]
                    values = changed[name]
                    self.arrays.write(self.parts[path], values, rows, slice(None))
            return tuple(str(one) for one in changed["notes"])

    def write_mask(self) -> dict[str, float]:
        """Write where nothing is in focus; return the figures of quality."""
        step = 1
        while self.shape[0] * self.shape[1] > SAMPLE_PX * step**2:
            step += 1
        threshold = find_focus_threshold(self._sample(self.parts[FOCUS], step))
        never = 0
        for shard in self._shards():
            mask = self.arrays.read(self.parts[FOCUS], *shard) < threshold
            never += int(mask.sum())
            self.arrays.write(self.parts[NEVER], mask.astype(np.uint8), *shard)
        share = never / (self.shape[0] * self.shape[1])
        median = np.median(self._sample(self.parts[CONFIDENCE], step), overwrite_input=True)
        return {"never_in_focus": round(share, 5), "median_confidence": round(float(median), 5)}

    def _sample(self, part: Part, step: int) -> Any:
        """Read a picture, or every `step`-th pixel along each side of it."""
        sample = np.empty([-(-side // step) for side in self.shape], part.dtype)
        for shard in self._shards():
            thinned = tuple(slice(-one.start % step, None, step) for one in shard)
            target = tuple(slice(-(-one.start // step), -(-one.stop // step)) for one in shard)
            sample[target] = self.arrays.read(part, *shard)[thinned]
        return sample

    def write_report(self, notes: tuple[str, ...], quality: dict[str, float]) -> None:
        """Write the last marker, and remove what was only needed until now."""
        blocks = [read_marker(self.markers.block(one)) for one in range(self._blocks)]
        said = [note for block in blocks for note in block["notes"]]
        all_notes = list(dict.fromkeys([*said, *notes]))
        content = {
            **quality,
            "seconds": round(sum(block["seconds"] for block in blocks), 3),
            "provenance": {**blocks[0]["provenance"], "notes": all_notes},
            "notes": all_notes,
        }
        write_marker(self.markers.finished, content)
        self.markers.failed.unlink(missing_ok=True)
        for path in (self.markers.settled, self.markers.survey):
            path.unlink(missing_ok=True)
