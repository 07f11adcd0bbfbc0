"""Time and peak memory of a program, from its start to its end.

Linux counts the memory of the process that starts a program towards that program's peak. So this
process stays small (it imports no NumPy, and no more of the package than its config), and
whatever needs arrays (rendering, checking, timing of calls) is asked of a child.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TypeVar

Key = TypeVar("Key")

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class ProgramError(Exception):
    """A program that was to be timed failed."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run took.

    Attributes
    ----------
    seconds : float
        Wall clock, from start to end of the process.
    cpu_seconds : float
        Processor time, of all its threads together.
    peak_mb : float
        Largest resident memory, in 10^6 bytes.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> Usage:
    """Run a program and say what it took.

    Raises
    ------
    ProgramError
        If it fails, with the end of what it said.
    """
    with tempfile.TemporaryFile() as log:
        start = perf_counter()
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**_environment(), **(env or {})}
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            said = log.read().decode(errors="replace")[-2000:]
            raise ProgramError(f"{' '.join(command[:4])} ...: exit {process.returncode}\n{said}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Usage(seconds, cpu_seconds, usage.ru_maxrss * _RSS_UNIT / 1e6)


def _environment() -> dict[str, str]:
    """Return the environment of programs, which keep compiled modules as packages of pip do."""
    unset = "PYTHONDONTWRITEBYTECODE"
    return {name: value for name, value in os.environ.items() if name != unset}


def interleaved(
    runs: Mapping[Key, Callable[[], Usage]], repeats: int, warm_up: bool = True
) -> dict[Key, Usage]:
    """Run each in turn, `repeats` times over, and return medians.

    A round before that fills the disk cache and compiles kernels; it is not counted.
    """
    taken: dict[Key, list[Usage]] = {key: [] for key in runs}
    for round_ in range(repeats + warm_up):
        for key, start in runs.items():
            usage = start()
            if round_ >= warm_up:
                taken[key].append(usage)
    return {key: middle(found) for key, found in taken.items()}


def middle(found: Iterable[Usage]) -> Usage:
    """Return the median of each number."""
    times, processor, peaks = zip(
        *((u.seconds, u.cpu_seconds, u.peak_mb) for u in found), strict=True
    )
    return Usage(median(times), median(processor), median(peaks))
