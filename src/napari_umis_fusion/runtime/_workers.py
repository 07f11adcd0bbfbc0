"""Threads for kernels, and generators that yield while they wait for them."""

import os
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from typing import Any, Self, TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")
Event = TypeVar("Event")

HEARTBEAT_S = 0.05
"""Longest wait between two yields: half of the 100 ms that callers are promised."""


def thread_count() -> int:
    """Count the processors that this process may use."""
    # In a container or under taskset, this is fewer than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Threads for jobs that release the GIL (`nogil` kernels, decoding of files).

    Waiting is a generator that yields at least every `HEARTBEAT_S`, so that the caller can report
    progress, or abandon it: jobs not yet started are then cancelled, and running jobs (a tile
    each) finish before the threads end.

    Parameters
    ----------
    threads : int
        Number of computing threads; 0 for one per processor that this process may use. One
        additional thread reads.
    """

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads or thread_count()
        # One more than compute, so that prefetching a plane never waits for a kernel.
        self._pool = ThreadPoolExecutor(self.threads + 1, "umis-fusion")
        self._ordered = ThreadPoolExecutor(1, "umis-fusion-ordered")
        self._is_closing = False
        self._yielded_s = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing = True
        # The ordered thread first: its jobs submit to the pool and wait for it (`run_all`).
        for pool in (self._ordered, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)

    def check(self) -> None:
        """Raise `CancelledError` if the work was abandoned; long jobs call this repeatedly."""
        if self._is_closing:
            raise CancelledError

    def submit_ordered(self, job: Callable[..., Done], *arguments: Any) -> Future[Done]:
        """Start a job after the earlier ones submitted here, all on one thread.

        For libraries, such as torch, that keep a thread pool for each thread that calls them.
        """
        return self._ordered.submit(job, *arguments)

    def run_all(self, job: Callable[[Part], object], parts: Iterable[Part]) -> None:
        """Call ``job(part)`` for each part and wait; for use in jobs of `submit_ordered`."""
        # Without yielding: it blocks the ordered thread, not the caller of `result`.
        futures = [self._pool.submit(job, part) for part in parts]
        wait(futures)
        for future in futures:
            future.result()

    def submit(self, job: Callable[..., Done], *arguments: Any) -> Future[Done]:
        """Start a job."""
        return self._pool.submit(job, *arguments)

    def result(self, future: Future[Done]) -> Generator[None, None, Done]:
        """Wait for a job and return its result, yielding while it runs.

        Many short jobs in a row yield as often as one that takes as long as all of them.
        """
        while wait((future,), HEARTBEAT_S).not_done:
            yield from self._beat()
        done = future.result()
        if time.monotonic() - self._yielded_s > HEARTBEAT_S:
            yield from self._beat()
        return done

    def _beat(self) -> Generator[None]:
        yield
        self._yielded_s = time.monotonic()

    def each(self, job: Callable[[Part], object], parts: Iterable[Part]) -> Generator[None]:
        """Call ``job(part)`` for each part, yielding while threads work and once at the end.

        The exception of the first part that failed is raised here. If the generator is
        abandoned, running parts finish and the others are cancelled.
        """
        futures = [self._pool.submit(job, part) for part in parts]
        try:
            while wait(futures, HEARTBEAT_S).not_done:
                yield
        finally:
            for future in futures:
                future.cancel()
            wait(futures)  # the arrays that running parts write to may be freed afterwards
        for future in futures:
            future.result()
        yield  # or many calls in a row, each shorter than the heartbeat, would never yield


def iter_parts(
    job: Callable[[Part], object], parts: Iterable[Part], threads: int | None = None
) -> Generator[None]:
    """Call ``job(part)`` for each part as `Workers.each` does, on new threads."""
    with Workers(threads or 0) as workers:
        yield from workers.each(job, parts)
