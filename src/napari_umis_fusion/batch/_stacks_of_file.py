"""The stacks of one file: one for each entry of its other axes."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.ome_zarr import open_image
from napari_umis_fusion.files.read import PathsLike, describe_file, open_stack
from napari_umis_fusion.stack import Stack, kind_of, place_named

_LOOPED = ("time", "position", "other")

ALONE = "is one plane alone, not a stack"

Index = dict[str, int]
"""What is selected of axes other than z."""


def open_as(path: PathsLike, z_axis: str | None, index: Mapping[str, int] | None = None) -> Stack:
    """Open files as a stack; `z_axis` is z where nothing else says what is.

    Raises
    ------
    StackFileError
        If neither way opens them; it says what is wrong without `z_axis`.
    """
    try:
        return open_stack(path, index=index)
    except StackFileError as error:
        if z_axis is None:
            raise
        with suppress(StackFileError):
            return open_stack(path, z_axis=z_axis, index=index)
        raise error from None


def stacks_of_file(path: Path, z_axis: str | None = None) -> tuple[list[Index], tuple[str, ...]]:
    """Return what is selected for each stack of a file, and all files that belong to it.

    An image of OME-Zarr is one, too.

    Time points, positions and series each make stacks of their own.

    Raises
    ------
    StackFileError
        If none of them can be opened.
    """
    try:
        stack = open_as(path, z_axis)
    except StackFileError as error:
        loops = _loops(path, z_axis)
        entries = list(_entries(path, {}, loops, z_axis))
        first = next((index for index in entries if _opens(path, index, z_axis)), None)
        if first is None:
            raise error from None
        # Those that do not open stay: the batch says why.
        return entries, tuple(open_as(path, z_axis, first).sources)
    if len(stack) == 1:
        raise StackFileError(f"{path}: {ALONE}")
    return [{}], tuple(stack.sources)


def _entries(
    path: Path, index: Index, loops: Mapping[str, int], z_axis: str | None
) -> Iterator[Index]:
    """Yield the selections with which a file opens, or that cannot be narrower."""
    if not loops or (index and _opens(path, index, z_axis)):
        yield index
        return
    (axis, size), *rest = loops.items()
    for entry in range(size):
        yield from _entries(path, {**index, axis: entry}, dict(rest), z_axis)


def _loops(path: Path, z_axis: str | None) -> dict[str, int]:
    """Return the axes of which each entry may be a stack, with their sizes."""
    axes, series = _axes_of(path)
    place = place_named(list(axes), z_axis) if z_axis and "Z" not in axes else None
    chosen = None if place is None else list(axes)[place]
    looped = {a: n for a, n in axes.items() if kind_of(a) in _LOOPED and a != chosen}
    return {axis: n for axis, n in {"series": series, **looped}.items() if n > 1}


def _axes_of(path: Path) -> tuple[dict[str, int], int]:
    """Return the sizes of the axes of a file, and how many series it holds."""
    if path.is_dir():
        image = open_image(path)
        return dict(zip(map(str.upper, image.axes), image.shape, strict=True)), 1
    about = describe_file(path)
    return dict(zip(about["axes"], about["shape"], strict=True)), about.get("series", 1)


def _opens(path: Path, index: Mapping[str, int], z_axis: str | None) -> bool:
    try:
        return len(open_as(path, z_axis, index)) > 1
    except StackFileError:
        return False
