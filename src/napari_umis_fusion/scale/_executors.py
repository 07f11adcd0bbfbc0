"""Who fuses the blocks of a run: this process, or the workers of a dask scheduler."""

import time
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

from napari_umis_fusion.errors import ConfigError, UmisFusionError
from napari_umis_fusion.files.ome_zarr import needs_scale
from napari_umis_fusion.runtime import HEARTBEAT_S, reason_of
from napari_umis_fusion.scale._cluster import ClusterPlan, open_cluster
from napari_umis_fusion.scale._fuse_cell import iter_cell_part
from napari_umis_fusion.scale._fuse_on_worker import MOST_SLOTS, fuse_on_worker, may_run_on_card
from napari_umis_fusion.scale._markers import Markers
from napari_umis_fusion.scale._run_plan import Cell, RunPlan

CONNECT_S = 10.0
"""How long to wait for a scheduler."""

AHEAD = 2
"""Blocks that wait for each thread of a worker, so that none is idle."""

Unit = tuple[Cell, int]
"""A block of a stack."""


@dataclass(frozen=True, slots=True)
class UnitDone:
    """A block was fused, or failed.

    Attributes
    ----------
    unit : tuple
        Stack and block.
    error : BaseException or None
        Why it failed.
    """

    unit: Unit
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class UnitWaits:
    """Nothing has changed but perhaps planes of a block in this process.

    Attributes
    ----------
    unit : tuple or None
        Stack and block that this process works on.
    done, total : int
        Planes of it.
    why : str
        What is waited for, if it is not the work itself.
    """

    unit: Unit | None = None
    done: int = 0
    total: int = 0
    why: str = ""


Step = Generator[UnitDone | UnitWaits]


def iter_units(
    plan: RunPlan, units: list[Unit], threads: int, scheduler: Any, cluster: ClusterPlan | None
) -> Step:
    """Fuse blocks on a cluster or on the workers of a scheduler; without either, here."""
    if cluster is not None:
        return iter_on_cluster(plan, units, cluster, threads)
    if scheduler is not None:
        return iter_on_dask(plan, units, scheduler, threads)
    return iter_here(plan, units, threads)


def iter_here(plan: RunPlan, units: Iterable[Unit], threads: int = 0) -> Step:
    """Fuse blocks in this process, one after the other, each on all threads."""
    failed: set[Cell] = set()
    for cell, block in units:
        if cell in failed:
            continue
        try:
            for event in iter_cell_part(plan, cell, block, threads):
                yield UnitWaits((cell, block), event.done, event.total)
        except Exception as error:
            failed.add(cell)
            yield UnitDone((cell, block), error)
        else:
            yield UnitDone((cell, block))


def iter_on_dask(plan: RunPlan, units: Iterable[Unit], scheduler: Any, threads: int = 0) -> Step:
    """Fuse blocks on the workers of a dask scheduler, each on one thread.

    A worker fuses as many at the same time as it has threads, and more where a network runs on a
    graphics card that has memory for them.

    Parameters
    ----------
    plan : RunPlan
        The run; workers must see its input and output under the same paths.
    units : iterable of (Cell, int)
        The blocks.
    scheduler : str or distributed.Client
        An address, or a client, which stays open.
    threads : int
        Threads of a block; 0: one.
    """
    with needs_scale():
        from distributed import Client
    is_ours = isinstance(scheduler, str)
    try:
        client: Any = _connect(Client, scheduler) if is_ours else scheduler
    except (OSError, ValueError, TimeoutError) as error:
        raise ConfigError(
            f"scheduler={scheduler!r} cannot be reached ({reason_of(error)}); accepted is the "
            "address that dask-scheduler prints, such as tcp://10.0.0.1:8786."
        ) from error
    run = _DaskRun(plan, client, threads or 1, deque(units))
    try:
        yield from run.iter_done()
    finally:
        client.cancel([*run.pending])
        if is_ours:
            client.close()


def iter_on_cluster(
    plan: RunPlan, units: Iterable[Unit], cluster: ClusterPlan, threads: int = 0
) -> Step:
    """Fuse blocks on a cluster that is started for them; nothing is started if there are none."""
    left = list(units)
    if left:
        with open_cluster(cluster) as client:
            yield from iter_on_dask(plan, left, client, threads)


def _connect(client: Any, address: str) -> Any:
    # As the default, it would take over what else is computed here, even if it cannot be reached.
    return client(address, timeout=CONNECT_S, set_as_default=False)


@dataclass(slots=True)
class _DaskRun:
    """Blocks that wait, and those that are on the way."""

    plan: RunPlan
    client: Any
    threads: int
    waiting: deque[Unit]
    pending: dict[Any, Unit] = field(default_factory=dict)
    failed: set[Cell] = field(default_factory=set)

    def iter_done(self) -> Step:
        while self.waiting or self.pending:
            self._submit()
            finished = [future for future in self.pending if future.done()]
            for future in finished:
                unit = self.pending.pop(future)
                error = future.exception() if future.status != "cancelled" else _lost()
                if error is not None:
                    self.failed.add(unit[0])
                yield UnitDone(unit, error)
            if not finished:
                time.sleep(HEARTBEAT_S)
                yield UnitWaits(why="" if self.client.nthreads() else "waiting for workers")

    def _submit(self) -> None:
        """Submit blocks, as many as workers can take."""
        threads = self.client.nthreads()
        room = AHEAD * max(1, sum(threads.values())) - len(self.pending)
        if may_run_on_card(self.plan):  # where a worker may have room for more than its threads
            room += (MOST_SLOTS - 1) * len(threads)
        for _ in range(len(self.waiting)):
            if room <= 0:
                return
            unit = self.waiting.popleft()
            if unit[0] in self.failed:
                continue
            if self._must_wait(unit):
                self.waiting.append(unit)
                continue
            cell, block = unit
            arguments = str(self.plan.output), cell.field, cell.time, block, self.threads
            future = self.client.submit(fuse_on_worker, *arguments, pure=False)
            self.pending[future] = unit
            room -= 1

    def _must_wait(self, unit: Unit) -> bool:
        """Whether another block of the stack is about to find what this one needs."""
        cell = unit[0]
        if self.plan.blocks(cell) == 1 or Markers(self.plan, cell).survey.is_file():
            return False
        return any(other[0] == cell for other in self.pending.values())


def _lost() -> UmisFusionError:
    return UmisFusionError("the block was cancelled; run the command again to fuse it.")
