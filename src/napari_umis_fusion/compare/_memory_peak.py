"""How much memory a piece of work takes, as far as it can be seen from outside."""

import ctypes
import sys

import psutil

from napari_umis_fusion.runtime import MEGABYTE


class MemoryPeak:
    """The growth of this process's resident memory since this was made, at the samples.

    Memory that was free inside the process beforehand is given back first, where the system allows
    it (Linux), so that its use is seen. What rises and falls between two samples is not.
    """

    def __init__(self) -> None:
        _give_back()
        self._process = psutil.Process()
        self._first: int = self._process.memory_info().rss
        self._peak = self._first

    def sample(self) -> None:
        """Look at the memory now."""
        self._peak = max(self._peak, self._process.memory_info().rss)

    @property
    def mb(self) -> float:
        """The largest growth that was seen, in MB of 2^20 bytes."""
        return float(self._peak - self._first) / MEGABYTE


def _give_back() -> None:
    """Return free memory of the C library to the system."""
    if not sys.platform.startswith("linux"):
        return
    # Other C libraries than glibc have no such function, and keep less.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
