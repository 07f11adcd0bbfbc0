"""The fusion of a stack, plane by plane, in maps of the size of one plane."""

import warnings
from collections.abc import Generator, Mapping
from functools import partial
from typing import Any

from napari_umis_fusion.alignment import TransformsLike, iter_align_if_asked
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.fusion._events import Finished, FusionEvent, Started
from napari_umis_fusion.fusion._plane_range import (
    counted_in,
    note_on_others,
    overrides_within,
    slab_of,
)
from napari_umis_fusion.fusion.blocks import check_aligning, iter_blocks, plan_memory
from napari_umis_fusion.fusion.planes import (
    iter_in_one_light,
    iter_mask,
    light_notes,
    passes_of,
    with_kept_planes,
)
from napari_umis_fusion.fusion.result import (
    FusionResult,
    OverrideMap,
    check_nowhere,
    fit_overrides,
    load_overrides,
    override,
)
from napari_umis_fusion.fusion.run import iter_passes
from napari_umis_fusion.runtime import (
    Progress,
    ScratchMemory,
    Workers,
    config_of,
    repeat_event,
    run_to_end,
)
from napari_umis_fusion.stack import MAX_CHANNELS, MAX_PLANES, Calibration, Stack


def fuse(
    stack: Any,
    config: FusionConfig | None = None,
    *,
    calibration: Calibration | None = None,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
    transforms: TransformsLike | None = None,
    overrides: Any = None,
    planes: tuple[int, int] | None = None,
    **options: Any,
) -> FusionResult:
    """Fuse a z-stack into one all-in-focus image.

    Parameters
    ----------
    stack : array-like of shape (Z, Y, X) or (Z, Y, X, C), Stack, path or list of paths
        NumPy, dask, zarr, xarray or any array-like that is indexed by plane; or files as
        `open_stack` accepts them. Planes are read one at a time.
    config : FusionConfig, optional
        Options of the fusion.
    calibration : Calibration, optional
        Physical sizes; by default those of the stack.
    z_axis, index : optional
        For files and named dimensions (xarray): the z axis, and the index of each axis that is
        not fused; see `open_stack`.
    transforms : Alignment, array-like of shape (Z, 2, 3) or path, optional
        Known alignment, from another run or channel, instead of the one that `config.align` would
        estimate: ``result.alignment``, an array (see `Alignment`) or a CSV file of either.
    overrides : array-like of shape (Y, X) of whole numbers, or path, optional
        Planes chosen by hand: 0 as decided, k + 1 the value of plane k; see
        `FusionResult.with_overrides`. With `planes`, they count planes of the whole stack, and
        those that are not fused do not count, with a note.
    planes : (int, int), optional
        First and last plane to fuse, counted from 0: a slab. The maps count planes as the whole
        stack does. By default all planes are fused.
    **options
        Fields of `FusionConfig` that replace those of `config`.

    Returns
    -------
    FusionResult
        The all-in-focus image in the dtype of the stack, and its maps.

    Raises
    ------
    StackError
        If the stack cannot be fused.
    StackFileError
        If a file cannot be read.
    ConfigError
        If an option is not accepted.
    CheckpointError, DeviceError
        If the network's weights cannot be loaded, or its device is not available or out of memory.
    AlignmentError
        If `transforms` belong to another stack, or planes have too little overlap.

    Warns
    -----
    UserWarning
        If there is only one plane, which is returned unchanged.

    Examples
    --------
    >>> from napari_umis_fusion import fuse
    >>> from napari_umis_fusion.synthetic import make_stack
    >>> result = fuse(make_stack("bumps", (64, 64), planes=4).stack)
    >>> result.all_in_focus.shape, result.index_map.dtype
    ((64, 64, 3), dtype('uint16'))
    """
    steps = iter_fuse(
        stack,
        config,
        calibration=calibration,
        z_axis=z_axis,
        index=index,
        transforms=transforms,
        overrides=overrides,
        planes=planes,
        **options,
    )
    return run_to_end(steps)


def iter_fuse(
    stack: Any,
    config: FusionConfig | None = None,
    *,
    calibration: Calibration | None = None,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
    transforms: TransformsLike | None = None,
    overrides: Any = None,
    planes: tuple[int, int] | None = None,
    workspace: ScratchMemory | None = None,
    **options: Any,
) -> Generator[FusionEvent, None, FusionResult]:
    """Fuse a z-stack as a generator of events.

    Takes the parameters of `fuse`. The arguments are checked at the first event.

    Parameters
    ----------
    workspace : ScratchMemory, optional
        Scratch memory of a larger run, to be shared; by default a new one of
        `FusionConfig.memory_mb`.

    Yields
    ------
    Started, MemoryPlan, Progress, Finished
        `Started` first, `MemoryPlan` once planes are aligned, `Progress` at least every 100 ms,
        `Finished` last. The generator can be closed at any time; no thread or temporary file is
        left behind.

    Returns
    -------
    FusionResult
        As `Finished` holds it.
    """
    config = config_of(FusionConfig, config, options)
    opened = as_stack(stack, calibration=calibration, z_axis=z_axis, index=index)
    chosen = None if overrides is None else load_overrides(overrides, opened)
    slab = slab_of(opened, planes, config)
    part = None if slab is opened else planes
    within = chosen if part is None or chosen is None else overrides_within(chosen, *part)
    _check_planes(opened)
    result = yield from _iter_fuse_stack(slab, config, transforms, within, workspace)
    if part is not None:
        others = [] if chosen is None else note_on_others(chosen, *part)
        result = counted_in(opened, result, part[0]).with_notes(*others)
    yield Finished(result)
    return result


def _iter_fuse_stack(
    opened: Stack,
    config: FusionConfig,
    transforms: TransformsLike | None,
    chosen: OverrideMap | None,
    workspace: ScratchMemory | None,
) -> Generator[FusionEvent, None, FusionResult]:
    """Fuse all planes of a stack; yields all events but the last one."""
    _check_channels(opened, config)
    check_nowhere(opened, config)
    if chosen is not None and not config.aligns and transforms is None:
        fit_overrides(chosen, opened.shape[1:3], None)
    yield Started(opened.shape)
    scratch = ScratchMemory(config.memory_mb) if workspace is None else workspace.part()
    with scratch, Workers(config.threads) as workers:
        masked = yield from iter_mask(opened, config, workers)
        composing = partial(_iter_compose, masked, transforms, scratch, workers)
        aligned, result = yield from iter_in_one_light(composing, config)
        result = result.with_notes(*light_notes(config.light, result.config.light))
        if chosen is not None:
            overriding = workers.submit(override, result, aligned, chosen)
            last = Progress("verifying", len(aligned), len(aligned))
            result = yield from repeat_event(workers.result(overriding), last)
    return result


def _iter_compose(
    masked: Stack,
    transforms: TransformsLike | None,
    scratch: ScratchMemory,
    workers: Workers,
    config: FusionConfig,
) -> Generator[FusionEvent, None, tuple[Stack, FusionResult]]:
    """Align the planes and fuse them; returns them as they were fused, and the result."""
    recorded, kept = with_kept_planes(masked)
    if masked.alignment is None and transforms is None:
        check_aligning(masked, config)
    aligned = yield from iter_align_if_asked(recorded, config, transforms, workers)
    plan = plan_memory(aligned, config, passes_of(config, len(aligned)), scratch)
    yield plan
    kept.keep(plan.kept_planes)
    if len(plan.blocks) == 1:
        result = yield from iter_passes(aligned, config, scratch, workers)
    else:
        result = yield from iter_blocks(aligned, config, plan, scratch, workers)
    return aligned, result


def _check_channels(stack: Stack, config: FusionConfig) -> None:
    """Refuse many channels that share one decision, unless one of them makes it."""
    channels = stack.channel_count or 1
    if channels > MAX_CHANNELS and not isinstance(config.channel, int):
        msg = (
            f"got {channels} channels; accepted are at most {MAX_CHANNELS} that decide together. "
            "Choose the channel that decides for all: channel=0 (--channel 0), or select one: "
            'index={"C": 0} (--index C=0).'
        )
        raise StackError(msg)


def _check_planes(stack: Stack) -> None:
    if len(stack) > MAX_PLANES:
        msg = f"got {len(stack)} planes; accepted are at most {MAX_PLANES}. Fuse fewer planes."
        raise StackError(msg)
    if len(stack) == 1:
        warnings.warn(
            "the stack has one plane, which is returned as it is; check that the right axis is "
            "used as z.",
            stacklevel=5,  # the caller of `fuse`
        )
