"""Whether a file is still the one whose header was read.

Files are opened anew for each plane. One that was replaced meanwhile would give pixels that its old
header describes wrongly, and a stack of planes of two files.
"""

import os
from dataclasses import dataclass
from typing import Self

from napari_umis_fusion.errors import StackFileError


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
    """

    nbytes: int
    changed_ns: int
    number: int

    @classmethod
    def of(cls, file: str | os.PathLike[str] | int) -> Self:
        """Return the state of a path, or of an open file by its descriptor."""
        found = os.stat(file)
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)

    def check(self, now: Self) -> None:
        """Raise `StackFileError` if another file, or other content, has taken its place.

        A file that only grows is the same: microscope programs append planes to it. Its number
        alone says nothing, as some network file systems give another one each time.
        """
        has_grown = now.number == self.number and now.nbytes > self.nbytes
        if has_grown or (now.nbytes, now.changed_ns) == (self.nbytes, self.changed_ns):
            return
        msg = "was replaced or changed since it was opened. Open it again."
        raise StackFileError(msg)
