"""Whether a file is still the one whose header was read.

Files are opened anew for each plane. One that was replaced meanwhile would give pixels that its old
header describes wrongly, and a stack of planes of two files.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from napari_umis_fusion.errors import StackFileError

COARSEST_TIME_NS = 2 * 10**9
"""Two changes within it may be given one time: 2 s on FAT, a tick of the kernel on most others."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What a file was like when its header was read.

    Attributes
    ----------
    nbytes : int
        Size.
    changed_ns : int
        When its content was changed last.
    number : int
        Number that the file system gives it.
    is_fresh : bool
        Whether it was changed so shortly before that a next change may have the same time.
    """

    nbytes: int
    changed_ns: int
    number: int
    is_fresh: bool = field(default=False, compare=False)

    @classmethod
    def of(cls, file: str | os.PathLike[str] | int) -> Self:
        """Return the state of a path, or of an open file by its descriptor."""
        found = os.stat(file)
        is_fresh = abs(time.time_ns() - found.st_mtime_ns) < COARSEST_TIME_NS
        return cls(found.st_size, found.st_mtime_ns, found.st_ino, is_fresh)

    def check(self, now: Self) -> None:
        """Raise `StackFileError` if another file, or other content, has taken its place.

        A file that only grows is the same: microscope programs append planes to it. Its number
        counts only where time cannot tell two files apart, as some network file systems give
        another one each time.
        """
        is_same_file = now.number == self.number
        is_alike = (now.nbytes, now.changed_ns) == (self.nbytes, self.changed_ns)
        if is_same_file and now.nbytes > self.nbytes:
            return
        if is_alike and (is_same_file or not self.is_fresh):
            return
        msg = "was replaced or changed since it was opened. Open it again."
        raise StackFileError(msg)

    @contextmanager
    def kept(self, path: str | os.PathLike[str]) -> Iterator[None]:
        """Check a path before it is read, and after it: it may be replaced in between."""
        self.check(FileState.of(path))
        yield
        self.check(FileState.of(path))
