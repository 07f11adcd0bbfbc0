"""Workers that read and write one storage at the same time: a simulation of events.

A worker reads the next plane while it fuses one, as the package does. The storage opens files one
after the other, at a rate of its own, and divides its bandwidth among all who transfer.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.stack_costs import StackCosts

OPENED_AT_ONCE = 10
"""Files that a worker opens at the same time, as zarr does: their latency is shared."""


@dataclass(frozen=True)
class Storage:
    """A storage that all workers share.

    Attributes
    ----------
    name : str
        What it is called in tables.
    mb_s : float
        Bandwidth for all workers together, in 10^6 bytes a second.
    worker_mb_s : float
        Bandwidth of one worker at most.
    files_s : float
        Files that it opens in a second, for all workers together.
    latency_s : float
        Time until the first byte of a file arrives.
    """

    name: str
    mb_s: float
    worker_mb_s: float
    files_s: float
    latency_s: float


@dataclass(frozen=True)
class Simulated:
    """What came of a simulation.

    Attributes
    ----------
    seconds : float
        Until the last worker ended.
    computing, transferring, opening : float
        Shares of that time in which workers computed (mean of all), the storage transferred, and
        opened files.
    """

    seconds: float
    computing: float
    transferring: float
    opening: float

    @property
    def limit(self) -> str:
        """What keeps more workers from being faster."""
        shares = {
            "processors": self.computing,
            "bandwidth": self.transferring,
            "files": self.opening,
        }
        return max(shares, key=lambda name: shares[name])


@dataclass(frozen=True)
class _Step:
    """What a worker does at the same time."""

    compute_s: float = 0.0
    files: float = 0.0
    mb: float = 0.0


def _steps(costs: StackCosts, planes: int, slowness: float) -> Iterator[_Step]:
    """Yield what a worker does for one stack."""
    plane = costs.plane_s * slowness
    yield _Step(0, costs.plane_files, costs.plane_mb)
    for _ in range(planes - 1):
        yield _Step(plane, costs.plane_files, costs.plane_mb)
    yield _Step(plane)
    yield _Step(costs.end_s * slowness)
    yield _Step(0, costs.end_files, costs.end_mb)


class _Bandwidth:
    """Divides bandwidth evenly: all transfers advance at the same rate at any moment."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._ends: list[tuple[float, int]] = []
        self._each_mb = self._now = 0.0
        self.busy_s = self.rate = 0.0

    def advance(self, now: float) -> None:
        """Let all transfers advance until `now`."""
        self._each_mb += self.rate * (now - self._now)
        moved = self.rate * len(self._ends) / self._storage.mb_s
        self.busy_s += min(moved, 1.0) * (now - self._now)
        self._now = now
        self._share()

    def _share(self) -> None:
        count = len(self._ends)
        self.rate = min(self._storage.worker_mb_s, self._storage.mb_s / count) if count else 0.0

    def begin(self, mb: float, worker: int) -> None:
        heapq.heappush(self._ends, (self._each_mb + mb, worker))
        self._share()

    def next_end(self) -> float:
        """Return when the next transfer ends, if none begins before."""
        if not self._ends:
            return float("inf")
        return self._now + max(self._ends[0][0] - self._each_mb, 0.0) / self.rate

    def end(self) -> int:
        """Return the worker whose transfer has ended."""
        worker = heapq.heappop(self._ends)[1]
        self._share()
        return worker


class _Run:
    """The workers, their stacks, and what happens next."""

    def __init__(self, storage: Storage, workers: int, work: list[Iterator[_Step]]) -> None:
        self.storage, self.bandwidth = storage, _Bandwidth(storage)
        self._work, self._current = iter(work), [iter(())] * workers
        self._waits = [0] * workers
        self._events: list[tuple[float, int, float]] = []
        self.opens_at = self.opening_s = self.computing_s = self.now = 0.0

    def run(self) -> None:
        for worker in range(len(self._current)):
            self._begin(worker)
        while self._events or self.bandwidth.next_end() < float("inf"):
            self._advance()

    def _advance(self) -> None:
        """Go to the next event, and do it."""
        first = self._events[0][0] if self._events else float("inf")
        end = self.bandwidth.next_end()
        self.now = min(first, end)
        self.bandwidth.advance(self.now)
        if end <= first:
            self._finish(self.bandwidth.end())
            return
        _, worker, mb = heapq.heappop(self._events)
        if mb > 0:  # its files are open
            self.bandwidth.begin(mb, worker)
        else:
            self._finish(worker)

    def _finish(self, worker: int) -> None:
        self._waits[worker] -= 1
        if self._waits[worker] == 0:
            self._begin(worker)

    def _begin(self, worker: int) -> None:
        """Begin the next step of a worker, of the next stack where one is done."""
        step = next(self._current[worker], None)
        while step is None:
            stack = next(self._work, None)
            if stack is None:
                return
            self._current[worker] = stack
            step = next(stack, None)
        self._waits[worker] = 1 + (step.mb > 0)
        self.computing_s += step.compute_s
        heapq.heappush(self._events, (self.now + step.compute_s, worker, 0.0))
        if step.mb > 0:
            takes_s = step.files / self.storage.files_s
            self.opens_at = max(self.opens_at, self.now) + takes_s
            self.opening_s += takes_s
            latency_s = self.storage.latency_s * np.ceil(step.files / OPENED_AT_ONCE)
            heapq.heappush(self._events, (self.opens_at + latency_s, worker, step.mb))


def simulate(
    costs: StackCosts,
    storage: Storage,
    workers: int,
    *,
    stacks: int,
    planes: int,
    spread: float = 0.1,
    seed: int = 0,
) -> Simulated:
    """Simulate workers, each with one thread, that fuse stacks as they become free.

    Parameters
    ----------
    costs : StackCosts
        What one stack costs.
    storage : Storage
        From which planes are read, and to which results are written.
    workers, stacks, planes : int
        How many of them.
    spread : float
        Standard deviation of the logarithm of the processor time of a stack.
    seed : int
        Of the processor times.
    """
    slowness = np.exp(spread * np.random.default_rng(seed).normal(size=stacks))
    run = _Run(storage, workers, [_steps(costs, planes, float(one)) for one in slowness])
    run.run()
    total = run.now
    return Simulated(
        total,
        run.computing_s / (workers * total),
        run.bandwidth.busy_s / total,
        min(run.opening_s / total, 1.0),
    )
