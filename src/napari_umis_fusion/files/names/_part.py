"""A part of the files of a grid, or another of its axes as z."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.names._arrange import arrange, as_listed
from napari_umis_fusion.files.names._file_grid import FileGrid, NameAxis


def select_entries(grid: FileGrid, entries: Mapping[str, int]) -> FileGrid:
    """Return the files at one entry of some axes, which the grid returned lacks.

    Parameters
    ----------
    grid : FileGrid
        The files.
    entries : mapping of str to int
        The index along each axis that is selected, by its letter.

    Returns
    -------
    FileGrid
        Without files, if none is there.
    """
    kept = [k for k, axis in enumerate(grid.axes) if axis.letter not in entries]
    wanted = {k: entries[axis.letter] for k, axis in enumerate(grid.axes) if k not in kept}
    files = {
        tuple(place[k] for k in kept): path
        for place, path in grid.files.items()
        if all(place[k] == entry for k, entry in wanted.items())
    }
    return replace(grid, axes=tuple(grid.axes[k] for k in kept), files=files)


def with_z(grid: FileGrid, letter: str) -> FileGrid:
    """Return a grid in which an axis counts planes; it becomes the last one.

    An axis that was called Z before is called V.
    """
    number = [axis.letter for axis in grid.axes].index(letter)
    order = [*(k for k in range(len(grid.axes)) if k != number), number]
    axes = [
        replace(axis, letter="V", kind="other") if axis.letter == "Z" else axis
        for axis in (grid.axes[k] for k in order[:-1])
    ]
    chosen = replace(grid.axes[number], letter="Z", kind="z")
    files = {tuple(place[k] for k in order): path for place, path in grid.files.items()}
    return replace(grid, axes=(*axes, chosen), files=files)


def arrange_stacks(paths: Sequence[Path]) -> FileGrid:
    """Arrange files that are stacks of their own: what plainly counts them is called FILE.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        In natural order. Unlike planes, they may have any names.
    """
    try:
        grid = arrange(paths)
    except StackFileError:
        grid = as_listed(paths, noted=False)
    axes = [_of_files(axis) if axis.letter == "Z" else axis for axis in grid.axes]
    return FileGrid(tuple(axes), grid.files)


def _of_files(axis: NameAxis) -> NameAxis:
    return replace(axis, letter="FILE", kind="other", positions_um=None)
