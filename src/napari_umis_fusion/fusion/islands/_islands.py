"""The last look at the index map: islands that show what no plane in focus shows.

Thin transmitted specimens bend light. Inside of their cells, planes far out of focus are crisper
than those in focus, and show the opposite contrast: rings and crescents that are not there.
"""

from collections.abc import Generator
from functools import partial

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.depth import percent
from napari_umis_fusion.fusion.islands._island_evidence import Verdict
from napari_umis_fusion.fusion.islands._island_look import Fused, IslandLook
from napari_umis_fusion.fusion.islands._island_map import (
    FAR_PLANES,
    Islands,
    find_islands,
    is_far,
    reduce_index,
    working_step,
)
from napari_umis_fusion.fusion.islands._island_patches import FRAYED_PX, mark_doubtful
from napari_umis_fusion.fusion.islands._shapes import grown
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import BoolMap, FloatMap, Workers, split_rows, tiles_of
from napari_umis_fusion.stack import Stack

DOUBTFUL_CONFIDENCE = 0.1
"""Highest confidence where an island is doubtful."""

WHY = "as happens in thin transmitted specimens, which have a preset of their own"


def iter_settle_islands(
    stack: Stack, fused: Fused, config: FusionConfig, to_grey: GreyConverter, workers: Workers
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
    to_grey : GreyConverter
        Conversion of planes to grey.
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
    look = IslandLook(stack, config, to_grey, step, workers)
    grey = yield from workers.result(workers.submit(look.reduce, fused.image))
    index = reduce_index(fused.index_map, step)
    islands = yield from workers.result(workers.submit(find_islands, index, grey))
    if not len(islands):
        return ()
    # Means, and values near to them, dilute what the planes of islands show.
    if fused.source_map is not fused.index_map:
        yield from look.iter_copy(grey, np.where(islands.labels > 0, index, -1))
    verdict = yield from look.iter_judge(islands, grey)
    doubtful = verdict.doubtful[islands.labels]
    mended = 0.0
    if config.islands == "mend" and verdict.inverted.any():
        mended, objects = yield from _iter_mend(look, fused, islands, verdict, grey)
        doubtful |= objects
        follow = partial(fused.maps.follow, fused.index_map)
        yield from workers.each(follow, tiles_of(fused.index_map, config.tile_px))
    else:
        doubtful |= verdict.inverted[islands.labels]
    if doubtful.any():
        confidence = fused.maps.confidence
        marking = partial(mark_doubtful, confidence, doubtful, step, DOUBTFUL_CONFIDENCE)
        yield from workers.each(marking, split_rows(confidence.shape[0]))
    return tuple(_notes(mended, float(doubtful.mean())))


def _iter_mend(
    look: IslandLook, fused: Fused, islands: Islands, verdict: Verdict, grey: FloatMap
) -> Generator[None, None, tuple[float, BoolMap]]:
    """Mend inverted islands but for objects in them; return the share, and the objects' pixels."""
    inverted = verdict.inverted[islands.labels]
    objects = yield from look.iter_objects(grey, islands.rim, inverted)
    part = inverted & ~objects
    # Whatever else is far from its rim is real: soft borders would blur what is small.
    index = reduce_index(fused.index_map, look.step)
    others = is_far(index, islands.rim) & ~grown(part, FRAYED_PX)
    kept = objects | grown(others, FRAYED_PX)
    share = yield from look.iter_mend(fused, part, kept, islands.rim)
    return share, inverted & objects


def _notes(mended: float, doubtful: float) -> list[str]:
    notes = []
    if mended > 0:
        notes.append(
            f"{percent(mended)} of the image mended: it came from planes that show the opposite "
            f"of what the planes in focus around it show, {WHY}"
        )
    if doubtful > 0:
        notes.append(
            f"{percent(doubtful)} of the image marked by a low confidence: its planes may show "
            f"the opposite of what those in focus show, {WHY}"
        )
    return notes
