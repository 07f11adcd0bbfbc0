"""The fusion of a field part by part, each perhaps in another process."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from napari_umis_fusion.alignment import align_with, iter_align_if_asked
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.fusion.blocks._block import GRID_PX, Block
from napari_umis_fusion.fusion.blocks._blocks import BlockRun, Survey
from napari_umis_fusion.fusion.blocks._field_survey import FieldSurvey
from napari_umis_fusion.fusion.blocks._memory import block_config
from napari_umis_fusion.fusion.blocks._memory_estimates import survey_mb
from napari_umis_fusion.fusion.decision import IndexMap
from napari_umis_fusion.fusion.depth import FinalMaps, coverage_notes
from napari_umis_fusion.fusion.islands import Fused, iter_settle_islands
from napari_umis_fusion.fusion.planes import (
    AnyPlanes,
    iter_in_one_light,
    iter_mask,
    light_notes,
    with_kept_planes,
)
from napari_umis_fusion.fusion.result import (
    FusionResult,
    check_nowhere,
    describe_run,
    iter_fill_nowhere,
)
from napari_umis_fusion.fusion.run import Composed
from napari_umis_fusion.preprocess.health import PlaneHealth
from napari_umis_fusion.runtime import (
    FloatMap,
    Progress,
    ScratchMemory,
    Workers,
    map_events,
    repeat_event,
)
from napari_umis_fusion.stack import CroppedStack, Plane, Stack

SURVEY_SHARE = 0.5
"""Share of ``memory_mb`` within which planes are judged as a whole."""


@dataclass(frozen=True, slots=True, eq=False)
class FusedPart:
    """What came of a part of the planes; arrays of shape (Y, X), and the image perhaps (Y, X, C).

    Attributes
    ----------
    image, index_map, source_map, sub_plane_map, confidence_map, focus_map : ndarray
        As in `FusionResult`.
    uncovered_px : int
        Pixels that no plane shows.
    health : tuple of PlaneHealth
        What is known of each plane.
    provenance : dict
        As in `FusionResult`.
    notes : tuple of str
        Notes for the user.
    sub_plane_error_map : ndarray or None
        As in `FusionResult`.
    """

    image: Plane
    index_map: IndexMap
    source_map: IndexMap | None
    sub_plane_map: FloatMap
    confidence_map: FloatMap
    focus_map: FloatMap
    uncovered_px: int
    health: tuple[PlaneHealth, ...]
    provenance: dict[str, Any]
    notes: tuple[str, ...]
    sub_plane_error_map: FloatMap | None = None


def is_too_large(stack: Stack, config: FusionConfig) -> bool:
    """Whether whole planes are too large to be judged, or looked at for islands."""
    return survey_mb(stack, config) > SURVEY_SHARE * config.memory_mb


def iter_survey_field(
    stack: Stack, config: FusionConfig, blocks: tuple[Block, ...]
) -> Generator[Progress, None, FieldSurvey]:
    """Read all planes of a stack once, and find what its parts must agree on.

    Parameters
    ----------
    stack : Stack
        As recorded.
    config : FusionConfig
        Options of the fusion; borders that alignment leaves uncovered are masked.
    blocks : tuple of Block
        The parts.

    Raises
    ------
    StackError
        If whole planes are asked for, by `align`, `light`, `moving` or `nowhere`, that are too
        large for `memory_mb`.
    """
    config = config.replace(align_border="mask")
    check_nowhere(stack, config)
    with ScratchMemory(config.memory_mb) as scratch, Workers(config.threads) as workers:
        masked = yield from iter_mask(stack, config, workers)
        if is_too_large(stack, config):
            return (yield from _iter_survey_middle(masked, config, scratch, workers))
        surveying = partial(_iter_survey_whole, masked, blocks, scratch, workers)
        found = yield from iter_in_one_light(surveying, config)
        told = light_notes(config.light, found.light)
        return replace(found, notes=(*found.notes, *told))


def _iter_survey_whole(
    masked: Stack,
    blocks: tuple[Block, ...],
    scratch: ScratchMemory,
    workers: Workers,
    config: FusionConfig,
) -> Generator[Progress, None, FieldSurvey]:
    """Align the planes, and judge all of each."""
    recorded, _ = with_kept_planes(masked)
    placed = yield from iter_align_if_asked(recorded, config, None, workers)
    run = BlockRun(placed, block_config(config, placed), blocks, scratch, workers)
    found: Survey = yield from run.iter_survey()
    return FieldSurvey.of(found, placed.alignment)


def _iter_survey_middle(
    stack: Stack, config: FusionConfig, scratch: ScratchMemory, workers: Workers
) -> Generator[Progress, None, FieldSurvey]:
    """Judge planes by their middle, where all of them are too large for the memory."""
    needs_whole = config.corrects_illumination or config.moving == "reject"
    if config.aligns or needs_whole or config.nowhere != "decided":
        raise StackError(
            f"planes of {stack.shape[1]} x {stack.shape[2]} px need "
            f"{survey_mb(stack, config):,.0f} MB to "
            "be aligned, lit evenly, searched for what moves or filled where nothing is in focus; "
            "accepted is up to "
            f"{SURVEY_SHARE * config.memory_mb:,.0f} MB, half of memory_mb. Raise memory_mb, or "
            "leave out align, light, moving and nowhere."
        )
    if config.light == "auto":
        config = config.replace(light="none")  # a change is told, and the light not measured
    part = _middle(stack, config)
    whole = slice(0, part.shape[1]), slice(0, part.shape[2])
    run = BlockRun(part, block_config(config, stack), (Block(whole, whole),), scratch, workers)
    found = FieldSurvey.of((yield from run.iter_survey()), None)
    note = (
        f"planes were judged by the {part.shape[1]} x {part.shape[2]} px in their middle, and "
        "islands were looked for block by block: whole planes need more than half of memory_mb"
    )
    # Places of specks and of a pattern hold in the middle only.
    healths = tuple(replace(one, specks=0) for one in found.healths)
    return replace(found, healths=healths, specks={}, pattern=None, notes=(note,))


def _middle(stack: Stack, config: FusionConfig) -> Stack:
    """Return the middle of the planes, as large as half of the memory allows."""
    part = stack
    while is_too_large(part, config) and min(part.shape[1:3]) > 2 * GRID_PX:
        # Quarters of each side, so that few steps are needed.
        rows, columns = (slice(side // 8, side - side // 8) for side in part.shape[1:3])
        part = CroppedStack(part, rows, columns)
    return part


def iter_fuse_part(
    stack: Stack, config: FusionConfig, survey: FieldSurvey, block: Block
) -> Generator[Progress, None, FusedPart]:
    """Fuse one block of a field that was surveyed; planes stream by, a rectangle of each.

    Parameters
    ----------
    stack : Stack
        As recorded; the same as was surveyed.
    config : FusionConfig
        The config of the survey.
    survey : FieldSurvey
        What was found.
    block : Block
        What is fused, and what it is computed from.

    Yields
    ------
    Progress
        Of the planes of this block.
    """
    with ScratchMemory(config.memory_mb) as scratch, Workers(config.threads) as workers:
        placed, config = yield from _iter_place(stack, config, survey, workers)
        run = BlockRun(placed, block_config(config, placed), (block,), scratch, workers)
        known = survey.known_to(run)
        total = len(placed)
        composing = run.iter_block(0, known, scratch)
        composed, planes = yield from map_events(
            composing, lambda event: Progress("measuring", event.done - total, total)
        )
        if is_too_large(placed, config):
            settling = known.run.iter_settle(composed, planes.sound_stack())
            composed = yield from settling
        return _cut(placed, config, known, composed, planes, block, survey.notes)


def _iter_place(
    stack: Stack, config: FusionConfig, survey: FieldSurvey, workers: Workers
) -> Generator[Progress, None, tuple[Stack, FusionConfig]]:
    """Return the stack as it is fused, and the config in the light that the survey found."""
    config = config.replace(align_border="mask", light=survey.light)
    masked: Stack = yield from iter_mask(stack, config, workers)
    if survey.alignment is None:
        return masked, config
    return align_with(masked, survey.alignment, config), config


def _cut(
    stack: Stack,
    config: FusionConfig,
    known: Survey,
    composed: Composed,
    planes: AnyPlanes,
    block: Block,
    notes: tuple[str, ...],
) -> FusedPart:
    """Return what is kept of a block."""
    inner, maps = block.inner, composed.maps
    said = tuple(dict.fromkeys([*composed.notes, *planes.notes, *known.run.notes(), *notes]))
    details = {**composed.origin, **planes.describe(), **known.run.sensor.describe()}
    sub_plane = maps.sub_plane[inner].copy()
    source = composed.source_map
    return FusedPart(
        composed.image[inner].copy(),
        composed.index_map[inner].copy(),
        None if source is None else source[inner].copy(),
        sub_plane,
        maps.confidence[inner].copy(),
        maps.focus[inner].copy(),
        int(np.isnan(sub_plane).sum()),
        tuple(planes.healths),
        describe_run(stack, config, **details),
        said,
        None if maps.sub_plane_error is None else maps.sub_plane_error[inner].copy(),
    )


def iter_settle_field(
    stack: Stack, config: FusionConfig, survey: FieldSurvey, whole: FusedPart
) -> Generator[Progress, None, tuple[str, ...]]:
    """Take the last look at the index map of a whole field, whose parts were put together.

    Parameters
    ----------
    stack : Stack
        As recorded.
    config : FusionConfig
        The config of the survey.
    survey : FieldSurvey
        What was found.
    whole : FusedPart
        The parts; arrays are changed in place. Not for planes for which `is_too_large` holds.

    Returns
    -------
    tuple of str
        Notes for the user.
    """
    with ScratchMemory(config.memory_mb) as scratch, Workers(config.threads) as workers:
        placed, config = yield from _iter_place(stack, config, survey, workers)
        share = whole.uncovered_px / (placed.shape[1] * placed.shape[2])
        uncovered = coverage_notes(share, whole.image)
        last = Progress("verifying", len(placed), len(placed))
        yield last
        run = BlockRun(placed, block_config(config, placed), (), scratch, workers)
        known = survey.known_to(run)
        maps = FinalMaps(whole.sub_plane_map, whole.confidence_map, whole.focus_map)
        fused = Fused(whole.image, whole.index_map, whole.source_map, maps)
        sound = known.planes.sound_stack()
        settling = iter_settle_islands(sound, fused, config, known.to_grey, workers)
        notes = yield from repeat_event(settling, last)
        sound, part = known.planes.sound_stack(scales=False), _result(whole, config)
        filled = yield from iter_fill_nowhere(placed, sound, part, config, workers)
        if whole.source_map is not None and filled.source_map is not None:
            whole.source_map[...] = filled.source_map
        return (*uncovered, *notes, *filled.notes)


def _result(whole: FusedPart, config: FusionConfig) -> FusionResult:
    """Return the parts as the result of a fusion, without its notes."""
    return FusionResult(
        whole.image,
        whole.index_map,
        whole.sub_plane_map,
        whole.confidence_map,
        whole.focus_map,
        whole.source_map,
        config,
        health=whole.health,
    )
