"""When a stack in a watched folder is complete, and which files it has."""

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from napari_umis_fusion.live._watch_record import WatchRecord
from napari_umis_fusion.live._watched_files import WatchedFiles
from napari_umis_fusion.runtime import FileStamp, file_stamp


@dataclass(frozen=True, slots=True)
class FoundStack:
    """A stack that is complete.

    Attributes
    ----------
    folder : Path
        Where its files are.
    files : tuple of Path
        In natural order.
    is_whole : bool
        Whether these are all image files of the folder.
    marker : Path or None
        The file that says that it is complete.
    """

    folder: Path
    files: tuple[Path, ...]
    is_whole: bool
    marker: Path | None = None


@dataclass(frozen=True, slots=True)
class PendingStack:
    """A stack that is not complete.

    Attributes
    ----------
    folder : Path
        Where its files are.
    files : int
        Files so far.
    problem : str
        What keeps it from being complete, such as a file that cannot be read; may be empty.
    """

    folder: Path
    files: int
    problem: str = ""


class WatchRule:
    """Says which stacks of a watched folder are complete.

    A file that itself holds several planes is a stack. The others of a folder are planes of one
    stack, which is complete with a number of them, with a marker file, or after a pause.

    Parameters
    ----------
    files : WatchedFiles
        What is there.
    record : WatchRecord
        What was fused already.
    planes : int or None
        Number of planes of a stack; a folder may receive one stack after the other.
    pause_s : float
        Pause after which a stack is complete, without a number and a marker.
    marker : str or None
        Name, or pattern, of a file that appears once a stack is complete.
    """

    def __init__(
        self,
        files: WatchedFiles,
        record: WatchRecord,
        planes: int | None,
        pause_s: float,
        marker: str | None,
    ) -> None:
        self._files, self._record = files, record
        self._planes, self._pause_s, self._marker = planes, pause_s, marker
        self._given_up: set[tuple[Path, FileStamp]] = set()

    def look(self) -> tuple[list[FoundStack], list[PendingStack]]:
        """Look at the folder, and return stacks that are complete, and those that are not."""
        from natsort import natsorted, ns

        found: list[FoundStack] = []
        pending: list[PendingStack] = []
        for folder, paths in sorted(self._files.look().items()):
            ordered = natsorted(paths, key=str, alg=ns.PATH | ns.IGNORECASE)
            new = [path for path in ordered if not self._is_done(path)]
            ready = {path for path in new if self._files.is_ready(path)}
            stacks = [path for path in new if path in ready and self._files.planes(path) > 1]
            found += [FoundStack(folder, (path,), len(paths) == 1) for path in stacks]
            rest = [path for path in new if path not in stacks]
            if not rest:
                continue
            marker = self._new_marker(folder) if ready.issuperset(rest) else None
            complete = self._complete(rest, ready, marker)
            if complete:
                is_whole = len(complete) == len(paths)
                found.append(FoundStack(folder, complete, is_whole, marker))
            else:
                pending.append(PendingStack(folder, len(rest), self._problem(rest)))
        return found, pending

    def give_up(self, stack: FoundStack) -> None:
        """Leave a stack out until one of its files changes."""
        self._given_up |= {(path, self._files.stamp(path)) for path in stack.files}
        if stack.marker is not None and stack.marker.exists():
            self._given_up.add((stack.marker, file_stamp(stack.marker)))

    def _is_done(self, path: Path) -> bool:
        return self._is_used(path, self._files.stamp(path))

    def _is_used(self, path: Path, stamp: FileStamp) -> bool:
        return self._record.has(path, stamp) or (path, stamp) in self._given_up

    def _complete(
        self, rest: list[Path], ready: set[Path], marker: Path | None
    ) -> tuple[Path, ...]:
        """Return the files of a stack that is complete; none if it is not."""
        if self._planes is not None:
            first = rest[: self._planes]
            enough = len(first) == self._planes and ready.issuperset(first)
            return tuple(first) if enough else ()
        if not ready.issuperset(rest):
            return ()
        if self._marker is not None:
            return () if marker is None else tuple(rest)
        return tuple(rest) if self._files.quiet_s(rest) >= self._pause_s else ()

    def _new_marker(self, folder: Path) -> Path | None:
        """Return a marker in the folder that belongs to no stack yet, as it is now."""
        if self._marker is None:
            return None
        for path in sorted(folder.iterdir()):
            is_marker = fnmatch(path.name, self._marker) and path.is_file()
            if is_marker and not self._is_used(path, file_stamp(path)):
                return path
        return None

    def _problem(self, rest: list[Path]) -> str:
        problems = [(path, self._files.problem(path)) for path in rest]
        return next((f"{path.name}: {text}" for path, text in problems if text), "")
