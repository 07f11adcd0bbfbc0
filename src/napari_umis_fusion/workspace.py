"""Room for the maps of a run: memory, or a temporary file where memory would not do."""

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

MEGABYTE = 2**20


class Workspace:
    """Allocates arrays, in memory up to a budget and in a temporary file beyond it.

    Where they lie changes no value. The files vanish with the context.

    Parameters
    ----------
    budget_mb : int
        How much to keep in memory, in MB.
    """

    def __init__(self, budget_mb: int) -> None:
        self._left = budget_mb * MEGABYTE
        self._count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

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

    @property
    def on_disk(self) -> bool:
        """Whether any array lies in a file."""
        return self._folder is not None

    def full(self, shape: tuple[int, ...], dtype: DTypeLike, value: Any) -> NDArray[Any]:
        """Return a new array filled with a value."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size <= self._left:
            self._left -= size
            return np.full(shape, value, dtype)
        array = np.memmap(self._new_file(), dtype, "w+", shape=shape)
        if value != 0:
            array[...] = value
        return array.view(np.ndarray)

    def _new_file(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(
                prefix="umis-fusion-", ignore_cleanup_errors=True
            )
        self._count += 1
        return Path(self._folder.name) / f"map{self._count}"
