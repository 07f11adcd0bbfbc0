"""Image files of a watched folder, and which of them nobody writes to any more."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files.read import SUFFIXES, open_stack
from napari_umis_fusion.runtime import FileStamp, reason_of


@dataclass(slots=True)
class WatchedFile:
    """A file as it was last seen.

    Attributes
    ----------
    stamp : tuple of int
        Size and time of the last change.
    since_s : float
        Since when it has not changed, on the monotonic clock.
    planes : int
        Planes that it holds; 0 until it was opened.
    problem : str
        Why it could not be opened; empty if it could, or was not tried.
    """

    stamp: FileStamp
    since_s: float
    planes: int = 0
    problem: str = ""


class WatchedFiles:
    """The image files of a folder and its subfolders.

    Parameters
    ----------
    folder : Path
        Which.
    output : Path
        Folder of results, in which nothing is looked for.
    settle_s : float
        Time without a change after which a file is taken to be complete.
    clock : callable
        Seconds from any start.
    """

    def __init__(
        self,
        folder: Path,
        output: Path,
        settle_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._output, self._settle_s = folder, output, settle_s
        self._clock = clock
        # Of one look, or of two folders that wait as long the latter would be taken first.
        self._looked_s = clock()
        self._files: dict[Path, WatchedFile] = {}

    def look(self) -> dict[Path, list[Path]]:
        """Look at the folder again, and return the image files of each folder that has any."""
        now = self._looked_s = self._clock()
        found: dict[Path, list[Path]] = {}
        for path, stamp in self._each(self._folder):
            found.setdefault(path.parent, []).append(path)
            known = self._files.get(path)
            if known is None or known.stamp != stamp:
                self._files[path] = WatchedFile(stamp, now)
        present = {path for paths in found.values() for path in paths}
        for gone in self._files.keys() - present:
            del self._files[gone]
        return found

    def stamp(self, path: Path) -> FileStamp:
        """Return size and time of the last change of a file, as it was last seen."""
        return self._files[path].stamp

    def quiet_s(self, paths: list[Path]) -> float:
        """Return for how long none of these files had changed at the last look."""
        return self._looked_s - max(self._files[path].since_s for path in paths)

    def is_ready(self, path: Path) -> bool:
        """Whether a file has settled and can be read to its end."""
        file = self._files[path]
        if self._looked_s - file.since_s < self._settle_s:
            return False
        if not file.planes and not file.problem:
            _try_to_read(path, file)
        return file.planes > 0

    def planes(self, path: Path) -> int:
        """Return the planes of a file that is ready."""
        return self._files[path].planes

    def problem(self, path: Path) -> str:
        """Return why a file that has settled cannot be read; empty if it can."""
        return self._files[path].problem

    def _each(self, folder: Path) -> Iterator[tuple[Path, FileStamp]]:
        try:
            entries = list(os.scandir(folder))
        except OSError:  # it may have been renamed just now
            return
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith(".") or path == self._output:
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    yield from self._each(path)
                elif path.suffix.lower() in SUFFIXES and entry.is_file():
                    status = entry.stat()
                    yield path, (status.st_size, status.st_mtime_ns)
            except OSError:
                continue


def _try_to_read(path: Path, file: WatchedFile) -> None:
    """Read a file to its end: writers may leave a sound header before the pixels."""
    try:
        stack = open_stack([path])
        for z in range(len(stack)):
            stack.plane(z)
        file.planes = len(stack)
    except (UmisFusionError, OSError, ValueError) as error:
        file.problem = reason_of(error) if isinstance(error, OSError) else str(error)
