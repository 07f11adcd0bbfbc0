"""The plane images of one folder, told apart as stacks."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product, takewhile
from pathlib import Path
from typing import Any

from napari_umis_fusion.batch._grouping import LeftOut
from napari_umis_fusion.batch._options import BatchOptions
from napari_umis_fusion.batch._taken_at import times_taken
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.names import (
    FileGrid,
    arrange,
    select_entries,
    split_schemes,
    with_z,
)
from napari_umis_fusion.files.read import leave_out

LONGEST_NAME = 120
"""Characters of the name of a stack; file systems accept twice as many."""

_END = re.compile(r"[\s_\-.,+]*(?:(?<![^\W\d_])z)?[\s_\-.,+]*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Group:
    """Plane images of one stack.

    Attributes
    ----------
    name : str
        What its file names have in common.
    files : tuple of Path
        In focal order.
    notes : tuple of str
        What was assumed.
    """

    name: str
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def group_planes(
    headers: Mapping[Path, Any], options: BatchOptions
) -> tuple[list[Group], list[LeftOut]]:
    """Tell the stacks of a folder apart.

    Parameters
    ----------
    headers : mapping of Path to Header
        Of each plane image, in natural order.
    options : BatchOptions
        By what.

    Returns
    -------
    tuple of list of Group and list of LeftOut
    """
    paths = list(headers)
    left_out: list[LeftOut] = []
    if len(paths) > 1:
        kept = leave_out(paths)
        left_out = [LeftOut(path, reason) for path, reason in kept.gone.items()]
        paths = kept.paths
    split = {"names": _by_names, "count": _by_count, "time": _by_time}[options.group_by]
    found: list[Group] = []
    for group in split(paths, options, left_out):
        alike, unlike = _alike(group.files, headers)
        left_out += unlike
        if len(alike) < 2:
            left_out += [LeftOut(path, "is one plane alone, not a stack") for path in alike]
            continue
        gone = tuple(f"left out: {one.path.name}, which {one.reason}" for one in unlike)
        told = _notes(alike) if options.group_by == "names" else ()
        found.append(Group(group.name, alike, (*group.notes, *told, *gone)))
    return found, left_out


def _by_count(paths: list[Path], options: BatchOptions, left_out: list[LeftOut]) -> Iterator[Group]:
    size = options.planes
    for start in range(0, len(paths), size):
        some = paths[start : start + size]
        if len(some) == size:
            yield Group(_span(some), tuple(some))
        else:
            reason = f"is one of {len(some)} left over; a stack has {size} planes"
            left_out += [LeftOut(path, reason) for path in some]


def _by_time(paths: list[Path], options: BatchOptions, left_out: list[LeftOut]) -> Iterator[Group]:
    times, clock = times_taken(paths)
    order = sorted(range(len(paths)), key=lambda k: (times[k], k))
    note = (f"told apart by the time of {clock}",)
    group: list[Path] = []
    for place, k in enumerate(order):
        if group and times[k] - times[order[place - 1]] > options.gap_s:
            yield _in_natural_order(group, paths, note)
            group = []
        group.append(paths[k])
    if group:
        yield _in_natural_order(group, paths, note)


def _in_natural_order(group: list[Path], paths: list[Path], notes: tuple[str, ...]) -> Group:
    # Times of one second cannot order the planes within a stack; their names can.
    ordered = [path for path in paths if path in set(group)]
    return Group(_span(ordered), tuple(ordered), notes)


def _by_names(paths: list[Path], options: BatchOptions, left_out: list[LeftOut]) -> Iterator[Group]:
    for alike in split_schemes(paths):
        try:
            grid = arrange(alike)
        except StackFileError as error:
            left_out += [LeftOut(path, str(error)) for path in alike]
            continue
        yield from _stacks_of(_with_planes(grid))


def _with_planes(grid: FileGrid) -> FileGrid:
    """Take the last number that no word names as z, where none is named."""
    unnamed = [axis for axis in grid.axes if axis.kind == "unnamed"]
    if any(axis.letter == "Z" for axis in grid.axes) or not unnamed:
        return grid
    return with_z(grid, unnamed[-1].letter)


def _stacks_of(grid: FileGrid) -> Iterator[Group]:
    """Yield the planes, with all channels, of each entry of the other axes."""
    others = [axis for axis in grid.axes if axis.kind not in ("z", "channel")]
    for entries in product(*(range(len(axis)) for axis in others)):
        part = select_entries(
            grid, {axis.letter: entry for axis, entry in zip(others, entries, strict=True)}
        )
        files = tuple(part.files[place] for place in sorted(part.files))
        if not files:
            continue
        told = [axis.entries[entry] for axis, entry in zip(others, entries, strict=True)]
        yield Group(_common_name(files) or "_".join(told), _z_first(part, files))


def _z_first(part: FileGrid, files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return files in focal order: z is the last axis of a grid, so channels come before it."""
    places = sorted(part.files, key=lambda place: place[::-1])
    return tuple(part.files[place] for place in places) if part.axes else files


def _notes(files: Sequence[Path]) -> tuple[str, ...]:
    """Return what is assumed when files are opened in this order."""
    try:
        return arrange(files, keeps_order=True).notes
    except StackFileError:  # opening them says it again
        return ()


def _common_name(files: Sequence[Path]) -> str:
    """Return how the names of files begin, without what counts the planes."""
    stems = [file_stem(path) for path in files]
    if len(stems) == 1:
        return stems[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    common = "".join(letters[0] for letters in alike)
    if all(stem[len(common) :][:1].isdigit() for stem in stems):
        common = common.rstrip("0123456789")
    return _END.sub("", common)[:LONGEST_NAME]


def _span(files: Sequence[Path]) -> str:
    first, last = file_stem(files[0]), file_stem(files[-1])
    return f"{first}_to_{last}"[:LONGEST_NAME]


def file_stem(path: Path) -> str:
    """Return the name of a file without .tif, or .ome.tif."""
    stem = path.stem
    return stem[:-4] if stem.lower().endswith(".ome") else stem


def _alike(
    files: Sequence[Path], headers: Mapping[Path, Any]
) -> tuple[tuple[Path, ...], list[LeftOut]]:
    """Return the files of the commonest size and dtype; all of them where none is commonest."""
    counts = Counter(headers[path].kind for path in files)
    (kind, count), *others = counts.most_common()
    if others and others[0][1] == count:  # opening them says which differ
        return tuple(files), []
    unlike = [path for path in files if headers[path].kind != kind]
    usual = next(headers[path] for path in files if headers[path].kind == kind)
    gone = [LeftOut(path, f"is {headers[path]}, unlike most ({usual})") for path in unlike]
    return tuple(path for path in files if path not in unlike), gone
