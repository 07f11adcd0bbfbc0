"""Time of calls within a process."""

from collections.abc import Callable
from time import perf_counter, process_time


def time_calls(job: Callable[[], object], calls: int) -> list[tuple[float, float]]:
    """Call once to warm up, then time each call: wall clock and processor, in seconds."""
    job()
    taken = []
    for _ in range(calls):
        wall, processor = perf_counter(), process_time()
        job()
        taken.append((perf_counter() - wall, process_time() - processor))
    return taken
