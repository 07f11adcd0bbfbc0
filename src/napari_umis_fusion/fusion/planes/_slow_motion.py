"""Tell that planes moved, by too little each for the health check, where nobody aligns them."""

from collections.abc import Generator

from napari_umis_fusion.alignment import glimpse_motion, reduced_plane
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.planes._cropped_planes import AnyPlanes
from napari_umis_fusion.runtime import Progress, Workers, repeat_event
from napari_umis_fusion.stack import Stack, read_plane

MIN_CREEP_PX = 1.0
"""Way of a corner from which on planes are compared, which takes as long as a plane or two."""

MAX_RATIO = 3.0
"""How much more the comparison may find than what was added up: it may err where planes repeat."""

TOLD = {"moved", "place", "adrift"}
"""Findings that tell of motion already."""


def iter_slow_motion(
    stack: Stack, planes: AnyPlanes, config: FusionConfig, workers: Workers
) -> Generator[Progress, None, tuple[str, ...]]:
    """Compare the first, middle and last plane if all of them may have moved; returns notes."""
    kept = [one.z for one in planes.healths if not one.is_left_out]
    if planes.creep_px < MIN_CREEP_PX or len(kept) < 3 or stack.alignment is not None:
        return ()
    if any(TOLD.intersection(one.findings) for one in planes.healths):
        return ()

    def look() -> float:
        ends = sorted({kept[0], kept[len(kept) // 2], kept[-1]})
        reduced = [reduced_plane(read_plane(stack, z, config.nan_policy).plane) for z in ends]
        return glimpse_motion([grey for grey, _ in reduced], reduced[0][1])

    looking = workers.submit(look)
    moved = yield from repeat_event(
        workers.result(looking), Progress("verifying", len(stack), len(stack))
    )
    if not 0 < moved < MAX_RATIO * planes.creep_px:
        return ()
    return (
        f"planes move by about {moved:.0f} px from the first to the last, little by little: "
        'align="auto" puts planes in place',
    )
