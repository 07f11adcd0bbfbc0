"""How much memory this process may still use."""

import sys
from pathlib import Path

import psutil

MEGABYTE = 2**20
"""Bytes of all that is named MB in this package."""

GROUP = Path("/sys/fs/cgroup")
"""Where Linux tells the limits of a container, in its second version and in its first."""

LIMITS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)

CACHE = "inactive_file"
"""Entry of the statistics: memory that holds files, and is given up when it is needed."""


def free_memory_mb() -> float:
    """Return the memory that is free, in MB.

    In a container it is what its limit leaves, which the figures of the machine do not show.
    """
    free = float(psutil.virtual_memory().available)
    for limit, used in LIMITS:
        allowed, taken = _number(GROUP / limit), _number(GROUP / used)
        if allowed is not None and taken is not None:
            free = min(free, allowed - taken + _cached((GROUP / used).with_name("memory.stat")))
    return max(free, 0.0) / MEGABYTE


def give_back_memory() -> None:
    """Give the system back what was freed; the C library of Linux keeps it, in pieces.

    Each thread has a heap of its own there, and what one of them has freed does not serve others.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # other C libraries have no such function
        trim(0)


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such group, or "max": no limit
        return None


def _cached(statistics: Path) -> float:
    try:
        entries = dict(line.split() for line in statistics.read_text(encoding="ascii").splitlines())
        return float(entries.get(CACHE, 0))
    except (OSError, ValueError):
        return 0.0
