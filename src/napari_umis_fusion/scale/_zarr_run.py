"""The events of a run over OME-Zarr, from what executors have done."""

from collections.abc import Generator
from dataclasses import dataclass

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.scale._executors import Step, Unit, UnitDone
from napari_umis_fusion.scale._markers import Markers
from napari_umis_fusion.scale._planned_stacks import fused_of
from napari_umis_fusion.scale._run_plan import Cell, RunPlan
from napari_umis_fusion.scale._tables import write_tables
from napari_umis_fusion.scale._zarr_events import (
    FieldFailed,
    ZarrEvent,
    ZarrProgress,
    ZarrSummary,
)


def left_of(plan: RunPlan, units: list[Unit]) -> list[Unit]:
    """Leave out what is done; of a stack that only lacks its end, one block stays."""
    left: list[Unit] = []
    for cell, block in units:
        markers = Markers(plan, cell)
        is_last = block == plan.blocks(cell) - 1
        if not markers.is_finished and (
            not markers.block(block).is_file() or (is_last and not markers.missing)
        ):
            left.append((cell, block))
    return left


@dataclass(frozen=True, slots=True)
class ZarrRun:
    """A run: what is to be done, and the events of its being done.

    Attributes
    ----------
    plan : RunPlan
        The plan.
    cells : list of Cell
        Stacks that were asked for.
    units : list of (Cell, int)
        Blocks that this process sees to.
    """

    plan: RunPlan
    cells: list[Cell]
    units: list[Unit]

    def iter_events(self, steps: Step) -> Generator[ZarrEvent, None, ZarrSummary]:
        """Yield what is done, and end with the tables."""
        done, total, told = 0, len(self.units), set[Cell]()
        errors: list[BaseException] = []
        for step in steps:
            if isinstance(step, UnitDone):
                done += 1
                cell = step.unit[0]
                if step.error is not None:
                    errors.append(step.error)
                    yield self._failed(cell, step.error)
                elif cell not in told and (fused := fused_of(self.plan, cell)) is not None:
                    told.add(cell)
                    yield fused
                yield ZarrProgress(self.plan.name(cell), done, total)
            else:
                name = self.plan.name(step.unit[0]) if step.unit else step.why
                yield ZarrProgress(name, done, total, step.done, step.total)
        write_tables(self.plan)
        if errors and len(self.cells) == 1:
            raise errors[0]
        return self._summary()

    def _failed(self, cell: Cell, error: BaseException) -> FieldFailed:
        Markers(self.plan, cell).fail(error)
        is_expected = isinstance(error, UmisFusionError | OSError)
        kind = "" if is_expected else f"unexpected {type(error).__name__}: "
        return FieldFailed(self.plan.name(cell), f"{kind}{error}")

    def _summary(self) -> ZarrSummary:
        groups: dict[str, list[str]] = {"fused": [], "failed": [], "pending": []}
        for cell in self.cells:
            markers = Markers(self.plan, cell)
            state = "failed" if markers.failed.is_file() else "pending"
            groups["fused" if markers.is_finished else state].append(self.plan.name(cell))
        parts = {name: tuple(found) for name, found in groups.items()}
        return ZarrSummary(self.plan.output, **parts)
