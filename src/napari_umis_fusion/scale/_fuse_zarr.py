"""Fuse OME-Zarr: an image, or the fields of a plate, block by block."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, UmisFusionError
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.scale._cluster import read_cluster
from napari_umis_fusion.scale._executors import (
    Step,
    Unit,
    UnitDone,
    iter_here,
    iter_on_cluster,
    iter_on_dask,
)
from napari_umis_fusion.scale._markers import Markers
from napari_umis_fusion.scale._plan_zarr import describe_plan, plan_zarr
from napari_umis_fusion.scale._planned_stacks import fused_of
from napari_umis_fusion.scale._plate import write_plate
from napari_umis_fusion.scale._run_plan import Cell, RunPlan, attach
from napari_umis_fusion.scale._stored_values import check_values
from napari_umis_fusion.scale._tables import write_tables
from napari_umis_fusion.scale._zarr_events import (
    FieldFailed,
    ZarrEvent,
    ZarrProgress,
    ZarrSummary,
)


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
    names = {one.name for one in wanted.source.fields}
    plan = attach(wanted)
    write_plate(plan)
    cells = [cell for cell in plan.cells if plan.source.fields[cell.field].name in names]
    share = _share_of([(cell, one) for cell in cells for one in range(plan.blocks(cell))], task, of)
    check_values(plan, {cell.field for cell, _ in share})
    run = _Run(plan, cells, _left(plan, share))
    yield describe_plan(plan, cells)
    threads = wanted.config.threads
    if described is not None:
        steps = iter_on_cluster(plan, run.units, described, threads)
    elif scheduler is not None:
        steps = iter_on_dask(plan, run.units, scheduler, threads)
    else:
        steps = iter_here(plan, run.units, threads)
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


def _left(plan: RunPlan, units: list[Unit]) -> list[Unit]:
    """Leave out what is done; of a stack that only lacks its end, one block stays."""
    left: list[Unit] = []
    for cell, block in units:
        markers = Markers(plan, cell)
        is_last = block == plan.blocks(cell) - 1
        if not markers.is_finished and (
            not markers.block(block).is_file() or (is_last and not markers.missing)
        ):
            left.append((cell, block))
    return left


@dataclass(frozen=True, slots=True)
class _Run:
    """The events of a run."""

    plan: RunPlan
    cells: list[Cell]
    units: list[Unit]

    def iter_events(self, steps: Step) -> Generator[ZarrEvent, None, ZarrSummary]:
        """Yield what is done, and end with the tables."""
        done, total, told = 0, len(self.units), set[Cell]()
        errors: list[BaseException] = []
        for step in steps:
            if isinstance(step, UnitDone):
                done += 1
                cell = step.unit[0]
                if step.error is not None:
                    errors.append(step.error)
                    yield self._failed(cell, step.error)
                elif cell not in told and (fused := fused_of(self.plan, cell)) is not None:
                    told.add(cell)
                    yield fused
                yield ZarrProgress(self.plan.name(cell), done, total)
            else:
                name = self.plan.name(step.unit[0]) if step.unit else step.why
                yield ZarrProgress(name, done, total, step.done, step.total)
        write_tables(self.plan)
        if errors and len(self.cells) == 1:
            raise errors[0]
        return self._summary()

    def _failed(self, cell: Cell, error: BaseException) -> FieldFailed:
        Markers(self.plan, cell).fail(error)
        is_expected = isinstance(error, UmisFusionError | OSError)
        kind = "" if is_expected else f"unexpected {type(error).__name__}: "
        return FieldFailed(self.plan.name(cell), f"{kind}{error}")

    def _summary(self) -> ZarrSummary:
        groups: dict[str, list[str]] = {"fused": [], "failed": [], "pending": []}
        for cell in self.cells:
            markers = Markers(self.plan, cell)
            state = "failed" if markers.failed.is_file() else "pending"
            groups["fused" if markers.is_finished else state].append(self.plan.name(cell))
        parts = {name: tuple(found) for name, found in groups.items()}
        return ZarrSummary(self.plan.output, **parts)
