"""Search for stacks: in folders with their subfolders, in files, and by patterns."""

import glob
import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from natsort import natsorted, ns

from napari_umis_fusion.batch._events import Searching
from napari_umis_fusion.batch._group import Group, file_stem, group_planes
from napari_umis_fusion.batch._grouping import BatchStack, Grouping, LeftOut
from napari_umis_fusion.batch._options import MAPS, BatchOptions
from napari_umis_fusion.batch._place import Place, is_store, list_folder
from napari_umis_fusion.batch._stacks_of_file import ALONE, stacks_of_file
from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.files.ome_zarr import image_paths, zarr_kind
from napari_umis_fusion.files.read import (
    Header,
    header_or_stack,
    is_companion,
    list_files,
)
from napari_umis_fusion.runtime import config_of, run_to_end, user_path

NO_IMAGE = (
    "holds no image or plate of OME-Zarr that is understood; accepted are versions 0.4 and 0.5"
)

PathLike = str | os.PathLike[str]

_DIGITS = re.compile("[0-9]+")
_SHOWN = 5
"""Names of files in a note."""


def find_stacks(
    inputs: PathLike | Sequence[PathLike],
    options: BatchOptions | None = None,
    *,
    output: PathLike | None = None,
) -> Grouping:
    """Find the stacks of a batch, and say what belongs to none; nothing is fused.

    Parameters
    ----------
    inputs : path, or sequence of paths
        Folders, which are searched with their subfolders; files; folders of OME-Zarr; patterns
        such as ``"*/z*.tif"``.
    options : BatchOptions, optional
        How stacks in one folder are told apart.
    output : path, optional
        The folder of results, in which nothing is looked for.

    Returns
    -------
    Grouping
        Stacks in natural order. Hidden files, and those that do not match the pattern, are not
        mentioned.

    Raises
    ------
    ConfigError
        If an input does not exist.

    Examples
    --------
    >>> [one.name for one in find_stacks("slides/").stacks]  # doctest: +SKIP
    """
    return run_to_end(iter_find_stacks(inputs, options, output=output))


def iter_find_stacks(
    inputs: PathLike | Sequence[PathLike],
    options: BatchOptions | None = None,
    *,
    output: PathLike | None = None,
) -> Generator[Searching, None, Grouping]:
    """Find the stacks of a batch as a generator of events.

    Takes the parameters of `find_stacks`, and raises as it does, at the first event.

    Yields
    ------
    Searching
        For each header that is read.

    Returns
    -------
    Grouping
    """
    found = existing_inputs(given_inputs(inputs))
    search = _Search(
        config_of(BatchOptions, options), None if output is None else user_path(output)
    )
    for place in search.places(found):
        yield from search.take(place)
    return Grouping(tuple(search.stacks), tuple(search.left_out))


def given_inputs(inputs: PathLike | Iterable[PathLike]) -> list[PathLike]:
    """Return inputs as a list; raises `ConfigError` if there is none."""
    is_one = isinstance(inputs, (str, os.PathLike)) or not isinstance(inputs, Iterable)
    given: list[Any] = [inputs] if is_one else list(inputs)  # type: ignore[arg-type]
    if not given:
        raise ConfigError("got no input; accepted are folders, files and patterns. Name one.")
    return given


def existing_inputs(given: Iterable[PathLike]) -> list[Path]:
    """Return the folders and files that inputs name; raises `ConfigError` if one names none."""
    return [path for entry in given for path in _expand(entry)]


def _expand(entry: PathLike) -> list[Path]:
    path = user_path(entry)
    if path.exists():
        return [path]
    found = [Path(one) for one in glob.glob(str(path), recursive=True)]
    if not found:
        raise ConfigError(
            f"{path}: no such file or folder, and no pattern that matches any. Check the path."
        )
    return in_order(found)


def in_order(paths: Sequence[Path]) -> list[Path]:
    """Return paths in natural order: f2 before f10."""
    return natsorted(paths, key=str, alg=ns.PATH | ns.IGNORECASE)


@dataclass(slots=True)
class _Files:
    """The files of one place, by what they hold."""

    planes: dict[Path, Header]
    stacks: list[Path]
    broken: list[Path] = field(default_factory=list)

    def notes_on(self, group: Group) -> tuple[str, ...]:
        """Tell the files that cannot be read, and are named like the planes of a stack."""
        alike = {_scheme(path) for path in group.files}
        lost = [path.name for path in self.broken if _scheme(path) in alike]
        if not lost:
            return ()
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        named = ", ".join(lost[:_SHOWN]) + more
        return (f"left out: {named}, named like its planes, which cannot be read",)


def _scheme(path: Path) -> str:
    """Return the name of a file without its numbers."""
    return _DIGITS.sub("0", path.name.lower())


class _Search:
    """Collects stacks, each under a name of its own."""

    def __init__(self, options: BatchOptions, output: Path | None) -> None:
        self._options, self._output = options, output
        self.stacks: list[BatchStack] = []
        self.left_out: list[LeftOut] = []
        self._names: set[str] = set()
        self._seen: set[Path] = set()

    def places(self, inputs: Sequence[Path]) -> Iterator[Place]:
        """Yield the folders to look into, and for single files what is named of their folder."""
        folders = [path for path in inputs if path.is_dir() and not is_store(path)]
        bases = _unique_names([_plain(path).name or "batch" for path in folders])
        for folder, base in zip(folders, bases, strict=True):
            inner = "" if len(inputs) == 1 else base
            yield from list_folder(folder, base, inner, self._output, self.left_out)
        files: dict[Path, list[Path]] = {}
        for path in inputs:
            if path not in folders:
                files.setdefault(_plain(path).parent, []).append(path)
        alone = len(files) == 1 and not folders
        for folder, paths in files.items():
            yield Place(folder.name, "" if alone else folder.name, tuple(in_order(paths)))

    def take(self, place: Place) -> Generator[Searching, None, None]:
        """Find the stacks of a place."""
        files = yield from self._sort(place)
        groups = group_planes(files.planes, self._options)
        self.left_out += groups.left_out
        for group in groups.stacks:
            is_whole = len(groups.stacks) == 1
            name = place.name if is_whole else _joined(place.inner, group.name)
            notes = (*group.notes, *files.notes_on(group))
            self._add(BatchStack(name, group.files, {}, notes, group.z_axis or None))
            yield self._searching()
        alone = {one.path: one.reason for one in groups.loose}
        for path in in_order([*files.stacks, *alone]):
            name = _joined(place.inner, file_stem(path))
            if is_store(path):
                yield from self._take_store(path, name)
            elif path.absolute() not in self._seen:
                self._take_file(path, name, alone.get(path, ""))
            yield self._searching()

    def _sort(self, place: Place) -> Generator[Searching, None, _Files]:
        """Read the header of each image that the pattern names."""
        files = _Files({}, [])
        for path in place.files:
            if not self._is_wanted(path):
                continue
            try:
                self._sort_one(path, files)
            except (StackFileError, OSError, ValueError) as error:
                self.left_out.append(LeftOut(path, _without(path, error)))
                files.broken.append(path)
            yield self._searching()
        return files

    def _sort_one(self, path: Path, files: _Files) -> None:
        if is_store(path):
            files.stacks.append(path)
            return
        list_files(path)  # raises for other kinds, pipes and dead links, and says what they are
        header = None if is_companion(path) else header_or_stack(path)
        if header is None:
            files.stacks.append(path)
        else:
            files.planes[path] = header

    def _is_wanted(self, path: Path) -> bool:
        return path.match(self._options.pattern) and path.absolute() not in self._seen

    def _take_store(self, store: Path, name: str) -> Generator[Searching, None, None]:
        """Take the images of a folder of OME-Zarr; the fields of a plate are in a folder of it."""
        found = image_paths(store)
        if not found:
            self.left_out.append(LeftOut(store, NO_IMAGE))
        is_plate = zarr_kind(store) == "plate"
        for path in found:
            if (store / path).absolute() in self._seen:
                continue
            well, _, image = path.rpartition("/")
            if is_plate:
                self._take_file(store / path, f"{name}/{well.replace('/', '')}_{image}", "")
            else:
                self._take_file(store / path, f"{name}_{path}" if len(found) > 1 else name, "")
            yield self._searching()

    def _take_file(self, path: Path, name: str, reason: str) -> None:
        """Take a file as a stack; `reason` says why it is no plane of another one."""
        try:
            entries, sources = stacks_of_file(path, self._options.z_axis or None)
        except (StackFileError, OSError, ValueError) as error:
            told = _without(path, error)
            self.left_out.append(LeftOut(path, reason if reason and told == ALONE else told))
            return
        self._seen |= {Path(one).absolute() for one in sources}  # a set of files opens as one
        for index in entries:
            told = "".join(f"_{axis}{entry}" for axis, entry in index.items())
            z_axis = self._options.z_axis or None
            self._add(BatchStack(f"{name}{told}", (path,), index, z_axis=z_axis))

    def _add(self, stack: BatchStack) -> None:
        """Add a stack, under a name that is still free."""
        free, number = stack.name, 1
        while not self._names.isdisjoint(taken_by(free)):
            number += 1
            free = f"{stack.name}_{number}"
        self._names.update(taken_by(free))
        self._seen |= {path.absolute() for path in stack.files}
        self.stacks.append(replace(stack, name=free))

    def _searching(self) -> Searching:
        return Searching(len(self._seen), len(self.stacks))


def taken_by(name: str) -> set[str]:
    """Return the names that a stack and its maps take; folders may not tell capitals apart."""
    return {f"{name}{suffix}".casefold() for suffix in ("", *MAPS.values())}


def _plain(path: Path) -> Path:
    """Return an absolute path without "..", which would lead out of the folder of results."""
    return Path(os.path.abspath(path))


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _without(path: Path, error: Exception) -> str:
    return str(error).removeprefix(f"{path}: ")


def _unique_names(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        free, number = name, 1
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return found
