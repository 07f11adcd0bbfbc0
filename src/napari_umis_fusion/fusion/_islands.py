"""The last look at the index map: islands that show what no plane in focus shows.

Thin transmitted specimens bend light. Inside of their cells, planes far out of focus are crisper
than those in focus, and show the opposite contrast: rings and crescents that are not there.
"""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion._decision import FinalMaps
from napari_umis_fusion.fusion._island_evidence import IslandEvidence
from napari_umis_fusion.fusion._island_map import (
    FAR_PLANES,
    Islands,
    find_islands,
    reduce_grey,
    reduce_index,
    working_step,
)
from napari_umis_fusion.fusion._island_patches import IslandPatches, Patch, mark_doubtful
from napari_umis_fusion.fusion._verification import IndexMap
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import BoolMap, FloatMap, Workers, split_rows
from napari_umis_fusion.stack import CheckedPlane, Plane, Prefetch, Stack, read_plane

DOUBTFUL_CONFIDENCE = 0.1
"""Highest confidence where an island is doubtful."""

WHY = (
    "as thin transmitted specimens do, whose contrast inverts through focus; the preset "
    "'thin transmitted' is made for them"
)


@dataclass(frozen=True, slots=True)
class Fused:
    """What was fused; its arrays are changed in place.

    Attributes
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        The all-in-focus image.
    index_map : ndarray of shape (Y, X), uint16
        The index map.
    source_map : ndarray of shape (Y, X), uint16, or None
        Where values are copied, the plane of each.
    maps : FinalMaps
        The other maps.
    """

    image: Plane
    index_map: IndexMap
    source_map: IndexMap | None
    maps: FinalMaps


def iter_settle_islands(
    stack: Stack, fused: Fused, config: FusionConfig, workers: Workers
) -> Generator[None, None, tuple[str, ...]]:
    """Mend or mark islands whose contrast is inverted, yielding every 50 ms while threads work.

    Without islands, no plane is read again.

    Parameters
    ----------
    stack : Stack
        As planes are copied from it.
    fused : Fused
        What was fused of it.
    config : FusionConfig
        With `islands`: "mend", "mark" or "keep".
    workers : Workers
        Threads to run on.

    Returns
    -------
    tuple of str
        Notes for the user.
    """
    if config.islands == "keep" or len(stack) <= FAR_PLANES + 1:
        return ()
    step = working_step(fused.index_map.shape)
    to_grey = yield from workers.result(workers.submit(GreyConverter, stack, config.channel))
    grey = yield from workers.result(workers.submit(_fused_grey, fused, to_grey, step))
    index = reduce_index(fused.index_map, step)
    islands = yield from workers.result(workers.submit(find_islands, index, grey))
    if not len(islands):
        return ()
    evidence = IslandEvidence(islands, grey, len(stack))
    planes = Prefetch(stack, config.nan_policy, workers)
    for z in range(len(stack)):
        checked = yield from planes.iter_next()
        compare = partial(_compare, evidence, grey, to_grey, step)
        yield from workers.result(workers.submit(compare, checked, z))
    verdict = evidence.judge()
    inverted, doubtful = verdict.inverted[islands.labels], verdict.doubtful[islands.labels]
    mended = 0.0
    if config.islands == "mend" and inverted.any():
        mended = yield from _iter_mend(stack, fused, (inverted, islands, step), config, workers)
    else:
        doubtful |= inverted
    marking = partial(mark_doubtful, fused.maps.confidence, doubtful, step, DOUBTFUL_CONFIDENCE)
    if doubtful.any():
        yield from workers.each(marking, split_rows(fused.index_map.shape[0]))
    return tuple(_notes(mended, float(doubtful.mean())))


def _iter_mend(
    stack: Stack,
    fused: Fused,
    found: tuple[BoolMap, Islands, int],
    config: FusionConfig,
    workers: Workers,
) -> Generator[None, None, float]:
    """Mend islands; return the share of the index map that was changed."""
    inverted, islands, step = found
    patches = IslandPatches(
        fused.image,
        fused.index_map,
        fused.source_map,
        fused.maps,
        has_opacity=stack.has_opacity,
    )
    yield from workers.result(workers.submit(patches.begin, inverted, islands.rim, step))
    changed: list[int] = []
    for z in patches.planes():
        checked = yield from workers.result(workers.submit(read_plane, stack, z, config.nan_policy))

        def add(patch: Patch, checked: CheckedPlane = checked, z: int = z) -> None:
            changed.append(patches.add(checked, z, patch))

        yield from workers.each(add, patches.parts_of(z))
    return sum(changed) / fused.index_map.size


def _fused_grey(fused: Fused, to_grey: GreyConverter, step: int) -> FloatMap:
    """Return the reduced image, 0 where no plane shows anything."""
    return np.nan_to_num(reduce_grey(fused.image, to_grey, step))


def _compare(
    evidence: IslandEvidence,
    fused: FloatMap,
    to_grey: GreyConverter,
    step: int,
    checked: CheckedPlane,
    z: int,
) -> None:
    """Compare a plane; what it does not show speaks for the image."""
    grey = reduce_grey(checked.plane, to_grey, step)
    unknown = ~np.isfinite(grey)
    if checked.invalid is not None:
        height, width = grey.shape
        rows, columns = (np.arange(0, side, step) for side in checked.invalid.shape)
        covered = np.logical_or.reduceat(checked.invalid, rows, axis=0)
        unknown |= np.logical_or.reduceat(covered, columns, axis=1)[:height, :width]
    evidence.add(np.where(unknown, fused, grey), z)


def _notes(mended: float, doubtful: float) -> list[str]:
    notes = []
    if mended > 0:
        notes.append(
            f"{_percent(mended)} of the image mended: it came from planes that show the opposite "
            f"of what the planes in focus around it show, {WHY}"
        )
    if doubtful > 0:
        notes.append(
            f"{_percent(doubtful)} of the image is doubtful, and has a low confidence: it may come "
            f"from planes that show the opposite of what the planes in focus show, {WHY}"
        )
    return notes


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else "less than 0.1 %"
