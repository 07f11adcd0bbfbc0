"""A pass before the others: which parts of planes show what most planes do not."""

from collections.abc import Generator

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.planes._screening import ScreenedPlanes
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.preprocess.health import MovingParts, cell_side, cells_of, find_moving
from napari_umis_fusion.runtime import FloatMap, Progress, ScratchMemory, Workers, repeat_event
from napari_umis_fusion.stack import CheckedPlane, Lighting, Stack


def iter_reject_moving(
    stack: Stack,
    planes: ScreenedPlanes,
    config: FusionConfig,
    workspace: ScratchMemory,
    workers: Workers,
) -> Generator[Progress, None, tuple[ScreenedPlanes, GreyConverter]]:
    """Return the planes of the next pass, without what moves, and their conversion to grey."""
    total, side_px = len(stack), cell_side(stack.shape[1:3])
    first = Progress("measuring", 0, 2 * total)
    to_grey = yield from repeat_event(planes.iter_with_range(_same, config.channel), first)
    lighting = stack.lighting(to_grey.range)
    rows, columns = (max(1, side // side_px) for side in stack.shape[1:3])
    cells = workspace.full((total, rows, columns), np.float32, np.nan)
    for z in range(total):
        event = Progress("measuring", z, 2 * total)
        checked = yield from repeat_event(planes.iter_next(), event)
        if checked is not None:
            job = workers.submit(_fill, cells[z], checked, z, to_grey, lighting, side_px)
            yield from repeat_event(workers.result(job), event)
    looking = workers.submit(find_moving, cells)
    found = yield from repeat_event(
        workers.result(looking), Progress("measuring", total, 2 * total)
    )
    return planes.again(MovingParts(found, side_px)), to_grey


def _same(to_grey: GreyConverter) -> GreyConverter:
    return to_grey


def _fill(
    cells: FloatMap,
    checked: CheckedPlane,
    z: int,
    to_grey: GreyConverter,
    lighting: Lighting | None,
    side_px: int,
) -> None:
    grey = to_grey(checked.plane)
    if lighting is not None:
        lighting.correct(grey, z)
    cells[...] = cells_of(grey, checked.invalid, side_px)
