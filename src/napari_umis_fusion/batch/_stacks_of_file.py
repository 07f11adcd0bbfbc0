"""The stacks of one file: one for each entry of its other axes."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import describe_file, open_stack
from napari_umis_fusion.stack import kind_of

_LOOPED = ("time", "position", "other")

Index = dict[str, int]
"""What is selected of axes other than z."""


def stacks_of_file(path: Path) -> tuple[list[Index], tuple[str, ...]]:
    """Return what is selected for each stack of a file, and all files that belong to it.

    Time points, positions and series each make stacks of their own.

    Raises
    ------
    StackFileError
        If none of them can be opened.
    """
    try:
        stack = open_stack(path)
    except StackFileError as error:
        loops = _loops(path)
        entries = list(_entries(path, {}, loops))
        first = next((index for index in entries if _opens(path, index)), None)
        if first is None:
            raise error from None
        # Those that do not open stay: the batch says why.
        return entries, tuple(open_stack(path, index=first).sources)
    if len(stack) == 1:
        raise StackFileError(f"{path}: is one plane alone, not a stack")
    return [{}], tuple(stack.sources)


def _entries(path: Path, index: Index, loops: Mapping[str, int]) -> Iterator[Index]:
    """Yield the selections with which a file opens, or that cannot be narrower."""
    if not loops or (index and _opens(path, index)):
        yield index
        return
    (axis, size), *rest = loops.items()
    for entry in range(size):
        yield from _entries(path, {**index, axis: entry}, dict(rest))


def _loops(path: Path) -> dict[str, int]:
    about = describe_file(path)
    axes = zip(about["axes"], about["shape"], strict=True)
    loops = {"series": about.get("series", 1), **{a: n for a, n in axes if kind_of(a) in _LOOPED}}
    return {axis: size for axis, size in loops.items() if size > 1}


def _opens(path: Path, index: Mapping[str, int]) -> bool:
    try:
        return len(open_stack(path, index=index)) > 1
    except StackFileError:
        return False
