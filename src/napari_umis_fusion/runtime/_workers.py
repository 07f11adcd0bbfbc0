"""A few threads for kernels, and waiting for them without going silent."""

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Self, TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")
Event = TypeVar("Event")

HEARTBEAT_S = 0.05
"""Longest wait between two yields."""


def thread_count() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Threads for jobs that give up the GIL (`nogil` kernels, decoding of files).

    Waiting is a generator that yields at least every `HEARTBEAT_S`, so that whoever drives it
    can report progress, or abandon it: jobs not yet begun are then dropped, and those under
    way (a tile each) end before the threads are gone.

    Parameters
    ----------
    threads : int
        How many compute; 0 for one per processor that this process may use. One more reads.
    """

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads or thread_count()
        self._pool = ThreadPoolExecutor(self.threads + 1, "umis-fusion")  # one more for reading
        self._lane = ThreadPoolExecutor(1, "umis-fusion-lane")
        self._is_closing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closing = True
        for pool in (self._lane, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)

    def check(self) -> None:
        """Raise `CancelledError` if nobody waits any more; long jobs ask now and then."""
        if self._is_closing:
            raise CancelledError

    def submit_ordered(self, job: Callable[..., Done], *arguments: Any) -> Future[Done]:
        """Start a job after the others given here, all on one thread.

        It is for libraries that keep threads of their own for each thread that calls them.
        """
        return self._lane.submit(job, *arguments)

    def run_all(self, job: Callable[[Part], object], parts: Iterable[Part]) -> None:
        """Call ``job(part)`` for each part and wait; for jobs given to `submit_ordered`."""
        futures = [self._pool.submit(job, part) for part in parts]
        wait(futures)
        for future in futures:
            future.result()

    def submit(self, job: Callable[..., Done], *arguments: Any) -> Future[Done]:
        """Start a job."""
        return self._pool.submit(job, *arguments)

    def result(self, future: Future[Done]) -> Generator[None, None, Done]:
        """Wait for a job and return its result, yielding while it is under way."""
        while wait((future,), HEARTBEAT_S).not_done:
            yield
        return future.result()

    def each(self, job: Callable[[Part], object], parts: Iterable[Part]) -> Generator[None]:
        """Call ``job(part)`` for each part, yielding while threads are busy and when all is done.

        What the first failing part raised is raised here. When abandoned, parts under way are
        finished and the others dropped.
        """
        futures = [self._pool.submit(job, part) for part in parts]
        try:
            while wait(futures, HEARTBEAT_S).not_done:
                yield
        finally:
            for future in futures:
                future.cancel()
            wait(futures)
        for future in futures:
            future.result()
        yield  # many short calls in a row must not go silent


def iter_parts(
    job: Callable[[Part], object], parts: Iterable[Part], threads: int | None = None
) -> Generator[None]:
    """Call ``job(part)`` for each part on threads of its own, as `Workers.each` does."""
    with Workers(threads or 0) as workers:
        yield from workers.each(job, parts)
