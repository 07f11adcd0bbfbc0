"""Scratch memory: arrays of a run in memory, and beyond a budget in temporary files."""

import itertools
import tempfile
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

MEGABYTE = 2**20

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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

    def full(self, shape: tuple[int, ...], dtype: DTypeLike, value: Any) -> NDArray[Any]:
        """Return a new array filled with a value, for use within the context."""
        array = self._in_memory(shape, dtype, value)
        if array is None:
            # A plain array: callers must not depend on where it is stored.
            array = np.memmap(self._new_file(), dtype, "w+", shape=shape).view(np.ndarray)
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
                array = np.memmap(file, dtype, "w+", shape=shape).view(np.ndarray)
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
            array = np.zeros(shape, dtype) if value == 0 else np.full(shape, value, dtype)
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
                self._folder = tempfile.TemporaryDirectory(
                    prefix="umis-fusion-", ignore_cleanup_errors=True
                )
            self._count += 1
            return Path(self._folder.name) / f"map{self._count}"


def _release(number: int, chain: tuple[ScratchMemory, ...]) -> None:
    # The garbage collector may call this in any thread, even in one that holds the lock: taking
    # the lock here would deadlock. `dict.pop` is atomic.
    for space in chain:
        space._sizes.pop(number, None)
