"""The stacks of a plan, and which of them are fused."""

from dataclasses import dataclass
from pathlib import Path

from napari_umis_fusion.scale._markers import Markers, read_marker
from napari_umis_fusion.scale._run_plan import Cell, RunPlan
from napari_umis_fusion.scale._zarr_events import FieldFused


@dataclass(frozen=True, slots=True)
class PlannedStack:
    """One stack of a plan.

    Attributes
    ----------
    name : str
        As in `FieldFused`.
    source : str
        Path or address of its image.
    result : Path
        Its image in the output.
    shape : tuple of int
        (Z, Y, X), or (Z, Y, X, C).
    fused : FieldFused or None
        What is known of its fusion; None if it is still to be fused.
    """

    name: str
    source: str
    result: Path
    shape: tuple[int, ...]
    fused: FieldFused | None


def planned_stacks(plan: RunPlan) -> list[PlannedStack]:
    """List the stacks of a plan, in its order; no plane is read."""
    return [_planned(plan, cell) for cell in plan.cells]


def _planned(plan: RunPlan, cell: Cell) -> PlannedStack:
    source, url = plan.source.fields[cell.field], plan.source.url
    channels = source.size("c")
    return PlannedStack(
        plan.name(cell),
        f"{url.rstrip('/')}/{source.name}".rstrip("/"),
        plan.image(cell.field),
        (source.size("z"), *source.plane_shape, *((channels,) if channels > 1 else ())),
        fused_of(plan, cell),
    )


def fused_of(plan: RunPlan, cell: Cell) -> FieldFused | None:
    """Return what is known of the fusion of a stack; None if it is not fused."""
    markers = Markers(plan, cell)
    if not markers.is_finished:
        return None
    found = read_marker(markers.finished)
    numbers = found["seconds"], found["never_in_focus"], found["median_confidence"]
    return FieldFused(plan.name(cell), *numbers, tuple(found["notes"]))
