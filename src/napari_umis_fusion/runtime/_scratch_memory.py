"""Room for the arrays of a run: memory, or temporary files where memory would not do."""

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

_numbers = itertools.count()


class ScratchMemory:
    """Allocates arrays, in memory up to a budget and in temporary files beyond it.

    An array counts until it is gone, so that what one part of a run let go of is there for the
    next. Where arrays lie changes no value. The files of `full` vanish with the context, those
    of `lasting` with the last array that looks at them.

    Parameters
    ----------
    budget_mb : float
        How much to keep in memory, in MB.
    """

    def __init__(self, budget_mb: float) -> None:
        self.budget_mb = budget_mb
        self._whole: ScratchMemory | None = None
        self._lock = threading.Lock()
        self._sizes: dict[int, int] = {}
        self._count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._is_on_disk = False

    def part(self, share: float = 1.0) -> "ScratchMemory":
        """Return a workspace for a part of the run, which takes from the budget of this one.

        Parameters
        ----------
        share : float
            Of the budget: how much it may take at most, 0 to 1.
        """
        part = ScratchMemory(share * self.budget_mb)
        part._whole, part._lock = self, self._lock
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
        """Whether any array lies in a file."""
        return self._is_on_disk

    @property
    def held_bytes(self) -> int:
        """How much memory its arrays, and those of its parts, take now."""
        return sum(self._sizes.copy().values())  # others may leave meanwhile

    def full(self, shape: tuple[int, ...], dtype: DTypeLike, value: Any) -> NDArray[Any]:
        """Return a new array filled with a value, for use within the context."""
        array = self._in_memory(shape, dtype, value)
        if array is None:
            array = np.memmap(self._new_file(), dtype, "w+", shape=shape).view(np.ndarray)
            if value != 0:
                array[...] = value
        return array

    def lasting(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return a new array of zeros that may outlive the context."""
        array = self._in_memory(shape, dtype, 0)
        if array is None:
            self._is_on_disk = True
            with tempfile.TemporaryFile(prefix="umis-fusion-") as file:
                array = np.memmap(file, dtype, "w+", shape=shape).view(np.ndarray)
        return array

    def _in_memory(
        self, shape: tuple[int, ...], dtype: DTypeLike, value: Any
    ) -> NDArray[Any] | None:
        """Return an array in memory, or None where the budget leaves no room for it."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        chain = tuple(self._chain())
        with self._lock:  # threads allocate too, and must not both take the last room
            if any(one.held_bytes + size > one.budget_mb * MEGABYTE for one in chain):
                return None
            array = np.zeros(shape, dtype) if value == 0 else np.full(shape, value, dtype)
            number = next(_numbers)
            for one in chain:
                one._sizes[number] = size
        weakref.finalize(array, _give_back, number, chain).atexit = False
        return array

    def _chain(self) -> Iterator["ScratchMemory"]:
        space: ScratchMemory | None = self
        while space is not None:
            yield space
            space = space._whole

    def _new_file(self) -> Path:
        self._is_on_disk = True
        with self._lock:  # or two threads make a folder each, and one of them vanishes in use
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(
                    prefix="umis-fusion-", ignore_cleanup_errors=True
                )
            self._count += 1
            return Path(self._folder.name) / f"map{self._count}"


def _give_back(number: int, chain: tuple[ScratchMemory, ...]) -> None:
    # Any thread may run this, in the middle of anything: it takes no lock.
    for space in chain:
        space._sizes.pop(number, None)
