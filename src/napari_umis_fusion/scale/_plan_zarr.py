"""What a run over OME-Zarr would do, and what it would take; nothing is written."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.files.ome_zarr import ZarrStack
from napari_umis_fusion.runtime import MEGABYTE, config_of, user_path
from napari_umis_fusion.scale._markers import Markers
from napari_umis_fusion.scale._run_plan import Cell, RunPlan
from napari_umis_fusion.scale._source import open_source
from napari_umis_fusion.scale._target import parts_of
from napari_umis_fusion.scale._zarr_events import ZarrStarted


def plan_zarr(
    source: str | PathLike[str],
    output: str | PathLike[str],
    config: FusionConfig | None = None,
    *,
    wells: str | Sequence[str] = (),
    keep_z: bool = True,
    shard_px: int = 0,
    **options: Any,
) -> RunPlan:
    """Plan what `fuse_zarr` would do; nothing is written.

    Takes the parameters of `fuse_zarr`, without those that say who fuses the blocks.

    Returns
    -------
    RunPlan
        What `describe_plan` tells in numbers.

    Raises
    ------
    StackFileError
        If the input cannot be read, or holds the output.
    ConfigError
        If an option is not accepted, or the output is an address.
    """
    config = config_of(FusionConfig, config, options)
    if shard_px < 0:
        raise ConfigError(f"shard_px={shard_px}; accepted are positive numbers of px, or 0.")
    found = open_source(source, wells)
    target = user_path(output).absolute()
    if "://" in str(output):
        raise ConfigError(
            f"output {output}: accepted is a folder; copy results to their address afterwards."
        )
    origin = Path(found.url)
    if "://" not in found.url and (origin == target or origin in target.parents):
        raise StackFileError(f"{target}: lies in the input; choose another output.")
    return RunPlan.of(target, found, config, keeps_z=keep_z, shard_px=shard_px)


def describe_plan(plan: RunPlan, cells: Sequence[Cell] | None = None) -> ZarrStarted:
    """Say what there is to do; no plane is read.

    Parameters
    ----------
    plan : RunPlan
        The run.
    cells : sequence of Cell, optional
        Stacks to count; by default all.

    Returns
    -------
    ZarrStarted
    """
    cells = plan.cells if cells is None else cells
    left = {cell: Markers(plan, cell).missing for cell in cells}
    blocks = sum(plan.blocks(cell) for cell in cells)
    missing = sum(map(len, left.values()))
    output = sum(_output_bytes(plan, cell.field) for cell in cells)
    pixels = sum(
        int(np.prod(plan.source.fields[cell.field].shape[-3:])) * len(numbers) / plan.blocks(cell)
        for cell, numbers in left.items()
    )
    needed_mb = max((_block_mb(plan, one) for one in {cell.field for cell in cells}), default=0.0)
    done = blocks - missing
    size_mb = output / MEGABYTE
    return ZarrStarted(plan.output, len(cells), blocks, done, needed_mb, size_mb, pixels / 1e9)


def _output_bytes(plan: RunPlan, field: int) -> int:
    """Return the size of the results of a stack without compression, with their pyramids."""
    source = plan.source.fields[field]
    pixels = source.size("y") * source.size("x")
    per_pixel = sum(
        np.dtype(part.dtype).itemsize * (1 if part.path else source.size("c"))
        for part in parts_of(plan, field)
    )
    return pixels * per_pixel * 4 // 3


def _block_mb(plan: RunPlan, field: int) -> float:
    stack = ZarrStack(plan.source.fields[field])
    return plan.grids[field].largest_mb(stack, plan.config)
