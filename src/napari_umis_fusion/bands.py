"""Share the work on an array among threads, without holding up whoever waits for it."""

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")

TICK_S = 0.05


def drain(steps: Generator[object, None, Done]) -> Done:
    """Run a generator to its end and return what it returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            done: Done = end.value
            return done


def bands(length: int, count: int) -> list[tuple[int, int]]:
    """Split ``range(length)`` into at most `count` nearly equal parts, none of them empty."""
    count = max(1, min(count, length))
    return [(length * k // count, length * (k + 1) // count) for k in range(count)]


def thread_count() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def iter_parts(
    work: Callable[[Part], None], parts: Sequence[Part], threads: int | None = None
) -> Generator[None]:
    """Call ``work(part)`` for each part on a few threads, yielding while they are busy.

    Parameters
    ----------
    work : callable
        Gives up the GIL (a `nogil` kernel) and writes where no other part does.
    parts : sequence
        One call each.
    threads : int, optional
        How many at once; as many as there are processors by default.

    Yields
    ------
    None
        Every 50 ms. When abandoned, parts under way are finished and the others dropped.
    """
    with ThreadPoolExecutor(threads or thread_count()) as pool:
        futures = [pool.submit(work, part) for part in parts]
        try:
            while wait(futures, TICK_S).not_done:
                yield
        finally:
            pool.shutdown(cancel_futures=True)
    for future in futures:
        future.result()
