"""The result of a run: its arrays, its notes, and how it was made."""

from typing import TYPE_CHECKING

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.depth import coverage_notes
from napari_umis_fusion.fusion.planes import AnyPlanes
from napari_umis_fusion.fusion.result import FusionResult, describe_run
from napari_umis_fusion.fusion.run._composed import Composed

if TYPE_CHECKING:
    from napari_umis_fusion.fusion.run._run import Run


def describe_result(
    run: "Run",
    composed: Composed,
    screening: AnyPlanes,
    *notes: str,
    config: FusionConfig | None = None,
) -> FusionResult:
    """Return the result with its provenance, and `notes` after all others."""
    stack, config = run.stack, config or run.config
    uncovered = coverage_notes(composed.uncovered, composed.image)
    # Both passes may give the same notes.
    all_notes = [*composed.notes, *uncovered, *screening.notes, *run.notes(), *notes]
    said = list(dict.fromkeys(all_notes))
    return FusionResult(
        all_in_focus=composed.image,
        index_map=composed.index_map,
        sub_plane_map=composed.maps.sub_plane,
        confidence_map=composed.maps.confidence,
        focus_map=composed.maps.focus,
        sub_plane_error_map=composed.maps.sub_plane_error,
        source_map=composed.source_map,
        config=config,
        calibration=stack.calibration,
        rgb=stack.rgb,
        alignment=stack.alignment,
        window=stack.window,
        provenance=describe_run(
            stack,
            config,
            **composed.origin,
            **screening.describe(),
            **run.sensor.describe(),
            notes=said,
        ),
        notes=tuple(said),
        health=tuple(screening.healths),
    )
