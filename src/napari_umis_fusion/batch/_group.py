"""The plane images of one folder, told apart as stacks."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from napari_umis_fusion.batch._grouping import LeftOut
from napari_umis_fusion.batch._options import BatchOptions
from napari_umis_fusion.batch._stacks_of_file import ALONE
from napari_umis_fusion.batch._taken_at import times_taken
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.names import (
    FileGrid,
    Place,
    arrange,
    split_schemes,
    with_z,
)
from napari_umis_fusion.files.read import in_told_order, leave_out
from napari_umis_fusion.stack import place_named

LONGEST_NAME = 120
"""Characters of the name of a stack; file systems accept twice as many."""

_END = re.compile(r"[\s_\-.,+()\[\]]*(?:(?<![^\W\d_])z)?[\s_\-.,+()\[\]]*$", re.IGNORECASE)
_WORDS = re.compile(r"[\s_\-.]+[^\W\d_].*$")
_COUNTS = re.compile(r"[^\W\d_]*\s*[+\-−–]?\d+(?:[.,]\d+)?\s*[^\W\d_]*")
"""What names say of an entry along z, such as "z-1.5um"."""

UNCOUNTED = (
    "is named like its neighbours, but no number in their names counts planes; tell stacks apart "
    "by count or time (--group-by), name the axis that does (--z-axis), or rename the files"
)
_IS = {
    "made by this program": "was made by this program",
    "projections along z": "is a projection along z",
    "thumbnails": "is a thumbnail",
    "copies of other files": "is a copy of another file",
}


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
    z_axis : str
        The axis that is z although the names say otherwise; may be empty.
    """

    name: str
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    z_axis: str = ""


@dataclass(slots=True)
class Groups:
    """The stacks of a folder, and what belongs to none.

    Attributes
    ----------
    stacks : list of Group
        Of two planes or more.
    loose : list of LeftOut
        Images that are no planes of a stack here; they may be stacks of their own.
    left_out : list of LeftOut
        The rest.
    """

    stacks: list[Group] = field(default_factory=list)
    loose: list[LeftOut] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def group_planes(headers: Mapping[Path, Any], options: BatchOptions) -> Groups:
    """Tell the stacks of a folder apart.

    Parameters
    ----------
    headers : mapping of Path to Header
        Of each plane image, in natural order.
    options : BatchOptions
        By what.

    Returns
    -------
    Groups
    """
    found, paths = Groups(), list(headers)
    if len(paths) > 1:
        kept = leave_out(paths)
        found.left_out = [
            LeftOut(path, _IS.get(reason, f"is {reason}")) for path, reason in kept.gone.items()
        ]
        paths = kept.paths
    split = {"names": _by_names, "count": _by_count, "time": _by_time}[options.group_by]
    for group in split(paths, options, found):
        alike, unlike = _alike(group.files, headers)
        found.left_out += unlike
        if len(alike) < 2:
            found.loose += [LeftOut(path, ALONE) for path in alike]
            continue
        gone = tuple(f"left out: {one.path.name}, which {one.reason}" for one in unlike)
        gone += _torn_between(alike, headers)
        is_by_names = options.group_by == "names"
        told = _notes(alike) if is_by_names and not group.notes else ()
        z_axis = options.z_axis if is_by_names else _only_axis(alike)
        found.stacks.append(Group(group.name, alike, (*group.notes, *told, *gone), z_axis))
    found.stacks = _told_apart(found.stacks)
    return found


def _told_apart(groups: Sequence[Group]) -> list[Group]:
    """Name groups that begin alike by how their files end, too: img and img_mask."""
    counts = Counter(group.name for group in groups)
    return [
        replace(group, name=group.name + _common_end(group.files))
        if counts[group.name] > 1
        else group
        for group in groups
    ]


def _common_end(files: Sequence[Path]) -> str:
    """Return the words in which the names of all files end."""
    stems = [file_stem(path)[::-1] for path in files]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    found = _WORDS.search("".join(letters[0] for letters in alike)[::-1])
    return found[0] if found else ""


def _by_count(paths: list[Path], options: BatchOptions, found: Groups) -> Iterator[Group]:
    size = options.planes
    for start in range(0, len(paths), size):
        some = paths[start : start + size]
        if len(some) == size:
            yield Group(_span(some), tuple(some))
        else:
            reason = f"is one of {len(some)} left over; a stack has {size} planes"
            found.left_out += [LeftOut(path, reason) for path in some]


def _by_time(paths: list[Path], options: BatchOptions, found: Groups) -> Iterator[Group]:
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
    known = set(group)
    ordered = [path for path in paths if path in known]
    return Group(_span(ordered), tuple(ordered), notes)


def _by_names(paths: list[Path], options: BatchOptions, found: Groups) -> Iterator[Group]:
    for alike in split_schemes(paths):
        try:
            by_names = arrange(alike)
        except StackFileError as error:
            found.left_out += [LeftOut(path, str(error)) for path in alike]
            continue
        told = in_told_order(by_names)
        grid = _with_planes(told, options.z_axis)
        if len(alike) > 1 and not _counts_planes(grid):
            found.loose += [LeftOut(path, UNCOUNTED) for path in alike]
        else:
            yield from _stacks_of(grid, () if told is by_names else told.notes)


def _with_planes(grid: FileGrid, z_axis: str) -> FileGrid:
    """Take the axis of the user, or the last number that no word names, as z where none is."""
    letters = [axis.letter for axis in grid.axes]
    if "Z" in letters:
        return grid
    place = place_named(letters, z_axis) if z_axis else None
    if place is not None:
        return with_z(grid, letters[place])
    unnamed = [axis.letter for axis in grid.axes if axis.kind == "unnamed"]
    return with_z(grid, unnamed[-1]) if unnamed else grid


def _counts_planes(grid: FileGrid) -> bool:
    """Whether numbers count the planes: the order of words along z means nothing."""
    planes = [axis for axis in grid.axes if axis.letter == "Z"]
    return bool(planes) and all(_COUNTS.fullmatch(entry) for entry in planes[0].entries)


def _stacks_of(grid: FileGrid, notes: tuple[str, ...]) -> Iterator[Group]:
    """Yield the planes, with all channels, of each entry of the other axes."""
    inner = [axis.kind in ("z", "channel") for axis in grid.axes]
    parts: dict[Place, list[tuple[Place, Path]]] = {}
    for place, path in sorted(grid.files.items()):
        outer = tuple(k for k, is_inner in zip(place, inner, strict=True) if not is_inner)
        # Focal order: z is the last axis of a grid, so channels come before it.
        within = tuple(k for k, is_inner in zip(place, inner, strict=True) if is_inner)[::-1]
        parts.setdefault(outer, []).append((within, path))
    others = [axis for axis, is_inner in zip(grid.axes, inner, strict=True) if not is_inner]
    for outer, found in parts.items():
        files = tuple(path for _, path in sorted(found))
        told = [axis.entries[k] for axis, k in zip(others, outer, strict=True)]
        yield Group(_common_name(files) or "_".join(told), files, notes)


def _notes(files: Sequence[Path]) -> tuple[str, ...]:
    """Return what is assumed when files are opened in this order."""
    try:
        return arrange(files, keeps_order=True).notes
    except StackFileError:  # opening them says it again
        return ()


def _only_axis(files: Sequence[Path]) -> str:
    """Return the only axis that names count, if it is not z: the user says that it is."""
    try:
        letters = [axis.letter for axis in arrange(files, keeps_order=True).axes]
    except StackFileError:  # opening them says it again
        return ""
    return letters[0] if len(letters) == 1 and letters != ["Z"] else ""


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
    """Return the name of a file without .tif, .ome.tif or .companion.ome."""
    stem = path.stem
    for ending in (".ome", ".companion"):
        if stem.lower().endswith(ending):
            stem = stem[: -len(ending)]
    return stem


def _torn_between(files: Sequence[Path], headers: Mapping[Path, Any]) -> tuple[str, ...]:
    """Tell of files of which no kind is the commonest, before they are opened as a stack."""
    counts = Counter(str(headers[path]) for path in files)
    if len(counts) < 2:
        return ()
    told = ", ".join(f"{count} of {kind}" for kind, count in counts.items())
    return (f"its files differ, so that it cannot be fused: {told}; convert some, or move them",)


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
    return tuple(path for path in files if headers[path].kind == kind), gone
