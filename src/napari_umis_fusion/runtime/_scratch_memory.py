"""Scratch memory: arrays of a run in memory, and beyond a budget in temporary files."""

import errno
import itertools
import mmap
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.runtime._free_memory import MEGABYTE
from napari_umis_fusion.runtime._leftovers import temporary_folder

PAGED = 2**20
"""Bytes from which on an array has pages of its own."""

WIDELY_PAGED = 2**22
"""Bytes from which on these pages may be large ones, of which a few suffice."""

CHUNK = 2**24
"""Bytes that are written at a time, where a file cannot be allocated otherwise."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The disk, or the part of it that a user may fill, is full, or the file too large for it."""

# Unique over all scratch memories, as an array is recorded in that of its part and of the run.
_numbers = itertools.count()


class ScratchMemory:
    """Allocates arrays, in memory up to a budget and in temporary files beyond it.

    An array counts towards the budget until it is garbage-collected, so that memory freed by one
    part of a run is available to the next. Values do not depend on where an array is stored. The
    files of `full` are deleted with the context, those of `lasting` with the last view of them.

    Parameters
    ----------
    budget_mb : float
        Memory to use before arrays are stored in files, in MB.

    Raises
    ------
    DeviceError
        By `full` and `lasting`, if an array must be stored in a file and the disk is full.
    """

    def __init__(self, budget_mb: float) -> None:
        self.budget_mb = budget_mb
        self._parent: ScratchMemory | None = None
        self._lock = threading.Lock()
        self._sizes: dict[int, int] = {}
        self._count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._is_on_disk = False

    def part(self, share: float = 1.0) -> "ScratchMemory":
        """Return scratch memory for a part of the run, which shares the budget of this one.

        Parameters
        ----------
        share : float
            Largest share of the budget that the part may use, 0 to 1.
        """
        part = ScratchMemory(share * self.budget_mb)
        # One lock for the whole run: an allocation must be checked against all budgets at once.
        part._parent, part._lock = self, self._lock
        return part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self._is_on_disk = False

    @property
    def on_disk(self) -> bool:
        """Whether any array is stored in a file."""
        return self._is_on_disk

    @property
    def held_bytes(self) -> int:
        """Memory used now by its arrays and those of its parts, in bytes."""
        # A copy, since arrays that other threads free leave the dictionary at any time.
        return sum(self._sizes.copy().values())

    @property
    def left_mb(self) -> float:
        """What is left of the budget, also of those that it shares, in MB."""
        return min(max(one.budget_mb - one.held_bytes / MEGABYTE, 0.0) for one in self._chain())

    def full(self, shape: tuple[int, ...], dtype: DTypeLike, value: Any) -> NDArray[Any]:
        """Return a new array filled with a value, for use within the context."""
        array = self._in_memory(shape, dtype, value)
        if array is None:
            with open(self._new_file(), "w+b") as file:
                array = _mapped(file, shape, dtype)
            if value != 0:  # a new file reads as zeros already
                array[...] = value
        return array

    def lasting(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return a new array of zeros that may outlive the context."""
        array = self._in_memory(shape, dtype, 0)
        if array is None:
            self._is_on_disk = True
            # The mapping keeps the nameless file after it is closed, for as long as the array.
            with tempfile.TemporaryFile(prefix="umis-fusion-") as file:
                array = _mapped(file, shape, dtype)
        return array

    def _in_memory(
        self, shape: tuple[int, ...], dtype: DTypeLike, value: Any
    ) -> NDArray[Any] | None:
        """Return an array in memory, or None if the budget does not allow it."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        chain = tuple(self._chain())
        with self._lock:  # or two threads could both take the last of the budget
            if any(one.held_bytes + size > one.budget_mb * MEGABYTE for one in chain):
                return None
            array = paged_zeros(shape, dtype)
            if value != 0:
                array[...] = value
            number = next(_numbers)
            for one in chain:
                one._sizes[number] = size
        # At exit there is nothing left to account for.
        weakref.finalize(array, _release, number, chain).atexit = False
        return array

    def _chain(self) -> Iterator["ScratchMemory"]:
        space: ScratchMemory | None = self
        while space is not None:
            yield space
            space = space._parent

    def _new_file(self) -> Path:
        self._is_on_disk = True
        with self._lock:  # or two threads make a folder each, and one of them vanishes in use
            if self._folder is None:
                self._folder = temporary_folder()
            self._count += 1
            return Path(self._folder.name) / f"map{self._count}"


def paged_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return zeros; large ones on pages that the system has back as soon as the array is gone.

    What threads free otherwise stays with the process, in pieces that do not fit the next block.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size < PAGED:
        return np.zeros(shape, dtype)
    private = {} if os.name == "nt" else {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}
    try:
        pages = mmap.mmap(-1, size, **private)
    except OSError as error:
        raise MemoryError(f"no memory for an array of {size / MEGABYTE:,.0f} MB") from error
    if size >= WIDELY_PAGED and hasattr(mmap, "MADV_HUGEPAGE"):
        # As NumPy asks for its own arrays: each page takes time when it is first written to.
        with suppress(OSError):  # a system that has no large pages
            pages.madvise(mmap.MADV_HUGEPAGE)
    return np.ndarray(shape, dtype, pages)


def _mapped(file: IO[bytes], shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Map an array of zeros to a file whose blocks are all there.

    In a sparse file, the first value that finds the disk full would end the process.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        _allocate(file, size)
    except OSError as error:
        if error.errno not in FULL:
            raise
        folder = tempfile.gettempdir()
        free_mb = shutil.disk_usage(folder).free / MEGABYTE
        raise DeviceError(
            f"the disk is full: a map of {size / MEGABYTE:,.0f} MB is kept in a temporary file, "
            f"and {folder} has {free_mb:,.0f} MB left; free some space, name another folder in the "
            "environment variable TMPDIR (Windows: TEMP), or raise memory_mb"
        ) from error
    # A plain array: callers must not depend on where it is stored.
    return np.memmap(file, dtype, "r+", shape=shape).view(np.ndarray)


def _allocate(file: IO[bytes], size: int) -> None:
    """Make a file of zeros of so many bytes, which occupies its blocks."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    zeros = bytes(min(size, CHUNK))
    for start in range(0, size, CHUNK):
        file.write(zeros[: size - start])
    file.flush()


def _release(number: int, chain: tuple[ScratchMemory, ...]) -> None:
    # The garbage collector may call this in any thread, even in one that holds the lock: taking
    # the lock here would deadlock. `dict.pop` is atomic.
    for space in chain:
        space._sizes.pop(number, None)
