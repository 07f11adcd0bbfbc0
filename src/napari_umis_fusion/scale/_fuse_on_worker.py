"""What a worker of dask is sent: a block, beside which it may begin others.

On processors, each thread of a worker fuses one block. A network on a graphics card leaves the
processor idle and the card half empty, so that such a worker takes as many as its memory holds.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Condition

from napari_umis_fusion.config import NETWORK_MEASURES
from napari_umis_fusion.files.ome_zarr import ZarrStack
from napari_umis_fusion.network import may_have_accelerator
from napari_umis_fusion.runtime import MEGABYTE, free_memory_mb, thread_count
from napari_umis_fusion.scale._fuse_cell import iter_cell_part
from napari_umis_fusion.scale._run_plan import Cell, RunPlan, load_plan

MOST_SLOTS = 8
"""Blocks of one worker at most: Python itself keeps more of them from running side by side."""

USABLE_SHARE = 0.85
"""Share of the free memory that blocks may take; torch itself and other programs need some."""


def may_run_on_card(plan: RunPlan) -> bool:
    """Whether blocks of a run take a graphics card where a worker has one."""
    return plan.config.focus_measure in NETWORK_MEASURES and plan.config.device != "cpu"


def count_slots(plan: RunPlan, field: int) -> int:
    """Return how many blocks of a field fit into the memory of this machine and of its card.

    Returns
    -------
    int
        From 1 to `MOST_SLOTS`; 0 where no network runs on a CUDA device, so that memory of the
        machine is all that blocks take, and the threads of the worker are what limits them.
    """
    config = plan.config
    if not may_run_on_card(plan) or not may_have_accelerator():
        return 0
    from napari_umis_fusion.network import choose_device, free_device_bytes

    free = free_device_bytes(choose_device(config.device))
    if free is None:
        return 0
    grid, stack = plan.grids[field], ZarrStack(plan.source.fields[field])
    on_card = USABLE_SHARE * free / MEGABYTE / grid.device_mb(config)
    in_memory = USABLE_SHARE * free_memory_mb() / grid.largest_mb(stack, config)
    return max(1, int(min(on_card, in_memory, thread_count(), MOST_SLOTS)))


class BlockSlots:
    """The blocks that this process fuses at the same time."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._running = self._most = 0

    @contextmanager
    def taken(self, count: Callable[[], int]) -> Iterator[None]:
        """Wait for a slot, and hold it.

        Parameters
        ----------
        count : callable
            Returns the number of slots, 0 for any; asked while no block is in memory.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._running < (self._most or self._running + 1))
            if self._running == 0:
                self._most = count()
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify()

    @property
    def has_room(self) -> bool:
        """Whether there are slots, and one of them is free."""
        return self._running < self._most


SLOTS = BlockSlots()


def fuse_on_worker(output: str, field: int, time_point: int, block: int, threads: int) -> None:
    """Fuse one block of a run, and let the worker begin another while its card has room.

    It takes plain values, opens input and output by their paths, and writes whole shards that
    nobody else writes.

    Parameters
    ----------
    output : str
        The output, which holds the plan.
    field, time_point, block : int
        Which block.
    threads : int
        Threads to run on; 0: those of the config.
    """
    from distributed import secede

    plan, cell, holds_thread = load_plan(Path(output)), Cell(field, time_point), True
    with SLOTS.taken(partial(count_slots, plan, field)):
        for _ in iter_cell_part(plan, cell, block, threads):
            if holds_thread and SLOTS.has_room:
                # The worker gives the thread to the next block.
                secede()  # type: ignore[no-untyped-call]
                holds_thread = False
