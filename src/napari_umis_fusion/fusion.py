"""Fuse a stack: planes stream by once, and the maps of one plane's size are all that stays."""

import warnings
from collections.abc import Generator, Mapping
from functools import partial
from typing import Any

import numpy as np

from napari_umis_fusion.alignment.aligned_stack import AlignedStack
from napari_umis_fusion.alignment.placing import Transforms, iter_put_in_place
from napari_umis_fusion.array_stack import as_stack
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.decision import Maps
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.events import Finished, FusionEvent, Progress, Started
from napari_umis_fusion.gathering import Gathering
from napari_umis_fusion.nearest import NearestValues, iter_copy_nearest
from napari_umis_fusion.provenance import describe_run
from napari_umis_fusion.reading import ReadAhead
from napari_umis_fusion.result import FusionResult
from napari_umis_fusion.stack import Calibration, Plane, Stack
from napari_umis_fusion.streaming import StreamingFusion
from napari_umis_fusion.tiles import split_rows
from napari_umis_fusion.verification import IndexMap, Statistic, iter_filter, reference_window_px
from napari_umis_fusion.weighted import WeightedMean
from napari_umis_fusion.workers import Workers, drain, reporting
from napari_umis_fusion.workspace import Workspace

FILTERS: dict[str, Statistic] = {"mode": "mode", "fuzzy": "median"}
"""Verifications that filter the decision map once it is complete."""

MOST_PLANES = 1 << 16
"""Indices are 16-bit."""


def fuse(
    stack: Any,
    config: FusionConfig | None = None,
    *,
    calibration: Calibration | None = None,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
    transforms: Transforms | None = None,
    **options: Any,
) -> FusionResult:
    """Fuse a z-stack into one all-in-focus image.

    Parameters
    ----------
    stack : array-like of shape (Z, Y, X) or (Z, Y, X, C), Stack, path or list of paths
        NumPy, dask, zarr, xarray or anything that gives planes by index; or files as
        `open_stack` takes them. One plane at a time is read, never the whole.
    config : FusionConfig, optional
        How to fuse.
    calibration : Calibration, optional
        Physical sizes, where the stack does not tell.
    z_axis, index : optional
        For files and named dimensions (xarray): which axis is z, and which index of axes that
        are not fused; see `open_stack`.
    transforms : Alignment, array-like of shape (Z, 2, 3) or path, optional
        Where planes lie, as known from another run or channel, instead of what `config.align`
        would find: ``result.alignment``, an array (see `Alignment`) or a CSV file of either.
    **options
        Fields of `FusionConfig`, on top of `config`.

    Returns
    -------
    FusionResult
        The all-in-focus image in the dtype of the stack, and its maps.

    Raises
    ------
    StackError
        If the stack cannot be fused; says why.
    StackFileError
        If a file cannot be read.
    ConfigError
        If an option is out of bounds.
    CheckpointError, DeviceError
        If the network's weights cannot be loaded, or its device is absent.
    AlignmentError
        If `transforms` are of another stack, or planes have too little in common.

    Warns
    -----
    UserWarning
        If there is only one plane, which is returned as it is.

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
        **options,
    )
    return drain(steps)


def iter_fuse(
    stack: Any,
    config: FusionConfig | None = None,
    *,
    calibration: Calibration | None = None,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
    transforms: Transforms | None = None,
    **options: Any,
) -> Generator[FusionEvent, None, FusionResult]:
    """Fuse a z-stack and tell about it on the way.

    Takes what `fuse` takes. The arguments are checked when the first event is asked for.

    Yields
    ------
    Started, Progress, Finished
        `Started` first, `Progress` at least every 100 ms, `Finished` last. It can be abandoned
        at any of them (``close()``); no thread or temporary file is left behind.

    Returns
    -------
    FusionResult
        As `Finished` holds it.
    """
    config = (config or FusionConfig()).replace(**options)
    opened = as_stack(stack, calibration=calibration, z_axis=z_axis, index=index)
    _check_planes(opened)
    yield Started(opened.shape)
    with Workspace(config.memory_mb) as workspace, Workers(config.threads) as workers:
        placed = yield from iter_put_in_place(opened, config, transforms, workers)
        result = yield from _run(placed, config, workspace, workers)
    yield Finished(result)
    return result


def _check_planes(stack: Stack) -> None:
    if len(stack) > MOST_PLANES:
        msg = f"got {len(stack)} planes; at most {MOST_PLANES} can be told apart. Fuse fewer."
        raise StackError(msg)
    if len(stack) == 1:
        warnings.warn(
            "the stack has one plane, which is returned as it is; check that the right axis is "
            "taken as z.",
            stacklevel=5,
        )


def _run(
    stack: Stack, config: FusionConfig, workspace: Workspace, workers: Workers
) -> Generator[Progress, None, FusionResult]:
    total = len(stack)
    first = Progress("measuring", 0, total)
    setup = workers.submit(StreamingFusion, stack, config, workspace, workers)
    streaming = yield from reporting(workers.result(setup), first)
    planes = ReadAhead(stack, config.nan_policy, workers)
    for z in range(total):
        event = Progress("measuring", z, total)
        reading = yield from reporting(planes.iter_next(), event)
        yield from reporting(streaming.iter_add(reading), event)
    yield from reporting(streaming.iter_finish(), Progress("measuring", total, total))
    yield Progress("measuring", total, total)
    return (yield from _finish(stack, streaming, workspace, workers))


def _finish(
    stack: Stack, streaming: StreamingFusion, workspace: Workspace, workers: Workers
) -> Generator[Progress, None, FusionResult]:
    config, decision, total = streaming.config, streaming.decision, len(stack)
    first, last = Progress("verifying", 0, total), Progress("verifying", total, total)
    index_map = yield from reporting(_iter_verify(decision.index, config, workers), first)
    image = streaming.all_in_focus
    if config.verification in FILTERS:
        gathering = Gathering(stack, decision.index, index_map, image, config.nan_policy)
        yield from _gather(gathering, workers)
    overruled = index_map != decision.index
    maps = Maps.blank(index_map.shape)
    fill = partial(maps.fill, decision, index_map, overruled)
    mean, source_map = streaming.weighted, index_map if config.blend == "select" else None
    filled = workers.each(fill, split_rows(index_map.shape[0]))
    if mean is not None and source_map is not None:
        yield from reporting(filled, first)
        source_map = index_map.copy()
        nearest = NearestValues(mean, image, source_map, workspace)
        yield from iter_copy_nearest(stack, nearest, config, workers)
    else:
        yield from reporting(filled, last)
    if streaming.measure.is_share:  # of the planes of one pixel: says nothing of other pixels
        yield from reporting(streaming.iter_detail(maps.focus), last)
    if mean is not None and source_map is None:
        yield from reporting(_iter_mean(mean, image, workers), last)
    yield last
    notes = list(streaming.measure.notes)
    if isinstance(stack, AlignedStack):
        notes += stack.notes(config)
    if workspace.on_disk:
        notes.append("maps kept in a temporary file: they are larger than memory_mb")
    return FusionResult(
        all_in_focus=image,
        index_map=index_map,
        sub_plane_map=maps.sub_plane,
        confidence_map=maps.confidence,
        focus_map=maps.focus,
        source_map=source_map,
        config=config,
        calibration=stack.calibration,
        rgb=stack.rgb,
        alignment=stack.alignment if isinstance(stack, AlignedStack) else None,
        window=stack.window if isinstance(stack, AlignedStack) else None,
        provenance=describe_run(stack, config, **streaming.measure.provenance(), notes=notes),
        notes=tuple(notes),
    )


def _iter_verify(
    decision_map: IndexMap, config: FusionConfig, workers: Workers
) -> Generator[None, None, IndexMap]:
    """Return the index map; 'seams' has verified the decisions when they were made."""
    if config.verification not in FILTERS:
        return np.array(decision_map)
    window_px = config.verification_window_px or reference_window_px(*decision_map.shape)
    statistic = FILTERS[config.verification]
    return (yield from iter_filter(decision_map, window_px, statistic, workers.threads))


def _gather(gathering: Gathering, workers: Workers) -> Generator[Progress]:
    total = len(gathering.stack)
    listing = workers.submit(gathering.planes)
    for z in (yield from reporting(workers.result(listing), Progress("verifying", 0, total))):
        copying = workers.submit(gathering.copy_from, z)
        yield from reporting(workers.result(copying), Progress("verifying", z, total))


def _iter_mean(weighted: WeightedMean, image: Plane, workers: Workers) -> Generator[None]:
    def fill(rows: slice) -> None:
        image[rows] = weighted.mean(rows)

    yield from workers.each(fill, split_rows(len(image)))
