"""Fuse OME-Zarr: an image, or the fields of a plate, block by block."""

from collections.abc import Generator, Sequence
from os import PathLike
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.scale._check_values import check_values
from napari_umis_fusion.scale._cluster import read_cluster
from napari_umis_fusion.scale._executors import Unit, iter_units
from napari_umis_fusion.scale._plan_zarr import describe_plan, plan_zarr
from napari_umis_fusion.scale._plate import write_plate
from napari_umis_fusion.scale._run_plan import attach
from napari_umis_fusion.scale._zarr_events import ZarrEvent, ZarrSummary
from napari_umis_fusion.scale._zarr_run import ZarrRun, left_of


def fuse_zarr(
    source: str | PathLike[str],
    output: str | PathLike[str],
    config: FusionConfig | None = None,
    *,
    wells: str | Sequence[str] = (),
    keep_z: bool = True,
    shard_px: int = 0,
    scheduler: Any = None,
    cluster: str | PathLike[str] | None = None,
    task: int | None = None,
    of: int | None = None,
    **options: Any,
) -> ZarrSummary:
    """Fuse an image or a plate of OME-Zarr; run again, it continues where it was interrupted.

    Parameters
    ----------
    source : str or path
        OME-Zarr 0.4 or 0.5 with axes z, y, x and perhaps t and c: a folder, or an address that
        fsspec knows.
    output : str or path
        A folder for OME-Zarr 0.5; new, or with a run of the same options.
    config : FusionConfig, optional
        Options of the fusion. Borders that alignment leaves uncovered are masked, so that all
        results keep their size.
    wells : str or sequence of str
        Of a plate, names of wells or patterns, such as ``"B03,C*"``; by default all.
    keep_z : bool
        Whether results have an axis z of size 1.
    shard_px : int
        Longest side of a block in px; 0: as large as `memory_mb` allows.
    scheduler : str or distributed.Client, optional
        Workers of dask that fuse the blocks; by default this process does.
    cluster : path, optional
        File of TOML that describes a cluster, such as one of SLURM: it is started for the run, and
        closed after it.
    task, of : int, optional
        Fuse only a share of the blocks: number `task`, counted from 0, `of` so many. For job
        arrays, whose tasks need not know of each other.
    **options
        Fields of `FusionConfig` that replace those of `config`.

    Returns
    -------
    ZarrSummary
        What was fused, and what failed.

    Raises
    ------
    StackFileError
        If input or output cannot be used, or packages of the extra ``scale`` are missing.
    ConfigError
        If an option is not accepted.
    UmisFusionError
        If a single stack was to be fused, and could not be.

    Examples
    --------
    >>> from napari_umis_fusion.scale import fuse_zarr
    >>> fuse_zarr("plate.zarr", "fused.zarr", wells="B03,C*")  # doctest: +SKIP
    """
    steps = iter_fuse_zarr(
        source,
        output,
        config,
        wells=wells,
        keep_z=keep_z,
        shard_px=shard_px,
        scheduler=scheduler,
        cluster=cluster,
        task=task,
        of=of,
        **options,
    )
    return run_to_end(steps)


def iter_fuse_zarr(
    source: str | PathLike[str],
    output: str | PathLike[str],
    config: FusionConfig | None = None,
    *,
    wells: str | Sequence[str] = (),
    keep_z: bool = True,
    shard_px: int = 0,
    scheduler: Any = None,
    cluster: str | PathLike[str] | None = None,
    task: int | None = None,
    of: int | None = None,
    **options: Any,
) -> Generator[ZarrEvent, None, ZarrSummary]:
    """Fuse OME-Zarr as a generator of events; takes the parameters of `fuse_zarr`.

    Yields
    ------
    ZarrStarted, ZarrProgress, FieldFused, FieldFailed
        `ZarrStarted` first, `ZarrProgress` at least every 100 ms. The generator can be closed at
        any time: what is fused stays, and another run continues.

    Returns
    -------
    ZarrSummary
        What was fused, and what failed.
    """
    _check_share(task, of)
    if (scheduler is not None) + (cluster is not None) + (task is not None) > 1:
        raise ConfigError("got more than one of scheduler, cluster and task; accepted is one.")
    described = None if cluster is None else read_cluster(cluster)
    wanted = plan_zarr(
        source, output, config, wells=wells, keep_z=keep_z, shard_px=shard_px, **options
    )
    plan = attach(wanted)
    write_plate(plan)
    names = {one.name for one in wanted.source.fields}
    cells = [cell for cell in plan.cells if plan.source.fields[cell.field].name in names]
    share = _share_of([(cell, one) for cell in cells for one in range(plan.blocks(cell))], task, of)
    check_values(plan, {cell.field for cell, _ in share})
    run = ZarrRun(plan, cells, left_of(plan, share))
    yield describe_plan(plan, cells)
    steps = iter_units(plan, run.units, wanted.config.threads, scheduler, described)
    try:
        return (yield from run.iter_events(steps))
    finally:
        steps.close()


def _check_share(task: int | None, of: int | None) -> None:
    if task is None and of is None:
        return
    if task is None or of is None or of < 1 or not 0 <= task < of:
        raise ConfigError(
            f"task={task}, of={of}; accepted are both, with task from 0 to one less than of."
        )


def _share_of(units: list[Unit], task: int | None, of: int | None) -> list[Unit]:
    """Return consecutive blocks, so that as few stacks as possible are shared."""
    if task is None or of is None:
        return units
    return units[len(units) * task // of : len(units) * (task + 1) // of]
