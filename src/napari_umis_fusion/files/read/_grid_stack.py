"""Files whose names count along several axes, as a stack."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.names import FileGrid, NameAxis, arrange
from napari_umis_fusion.files.read._axis_roles import AxisRoles, choose_axes
from napari_umis_fusion.files.read._image_files import ImageFiles
from napari_umis_fusion.files.read._image_list import ImageListStack
from napari_umis_fusion.files.read._listing import Listing, is_tiff
from napari_umis_fusion.files.read._missing_frames import complete_planes
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._not_planes import leave_out, named
from napari_umis_fusion.files.read._ome_order import in_told_order
from napari_umis_fusion.files.read._tiff import open_tiff
from napari_umis_fusion.stack import Calibration, Stack, place_named, spacing_of

UNREAD = "of a kind that is not read"
"""Why files that are named like planes are left out."""


def grid_of(listing: Listing) -> FileGrid:
    """Arrange files by their names, without those that are no planes.

    Raises
    ------
    StackFileError
        If names contradict each other.
    """
    if len(listing.paths) == 1:
        return arrange(listing.paths)
    kept = leave_out(listing.paths)
    grid = arrange(kept.paths, keeps_order=listing.keeps_order)
    if not listing.keeps_order:
        grid = in_told_order(grid)
    return replace(grid, notes=(*kept.notes, *_unread(listing.unread), *grid.notes))


def _unread(paths: Sequence[Path]) -> tuple[str, ...]:
    if not paths:
        return ()
    return (f"left out, {UNREAD} though named like the planes: {named(paths)}",)


def open_grid(
    grid: FileGrid, *, z_axis: str | None = None, index: Mapping[str, int] | None = None
) -> Stack:
    """Open files as one stack.

    Parameters
    ----------
    grid : FileGrid
        The files.
    z_axis : str, optional
        Axis to use as z, of those that the names count.
    index : mapping of str to int, optional
        The index to select of an axis; those that names do not count are axes of the files.

    Returns
    -------
    Stack
        (Z, Y, X) or (Z, Y, X, C), where C counts the channels of the names, or of each file.

    Raises
    ------
    StackFileError
        If it is ambiguous which files make a stack, or none is there; the message lists the axes
        and their entries.
    """
    mine, others = _split_index(grid, index or {})
    some = next(iter(grid.files.values()))
    if len(mine) == len(grid.axes) and is_tiff(some):
        return _open_one(grid, mine, z_axis, others)
    if not all(is_tiff(path) for path in grid.files.values()):
        mine, others = mine | others, {}
    with naming_read_errors(_folder(grid)):
        told = {axis.letter: axis.listed() for axis in grid.axes if axis.kind != "z"}
        roles = choose_axes(
            grid.sizes, z_axis=z_axis, index=mine, one_plane=not grid.axes, entries=told
        )
        planes, kept, notes = _planes(grid, roles)
    stack = ImageListStack(planes if roles.channel else [one for (one,) in planes], others)
    axis = grid.axis(roles.z) if roles.z else None
    stack.calibration, told_notes = _spaced(stack.files, axis, [one[0] for one in planes], kept)
    if roles.channel is not None:
        stack.channel_names = grid.axis(roles.channel).entries
    stack.source_notes = (*grid.notes, *notes, *told_notes, *stack.files.notes)
    return stack


def _split_index(grid: FileGrid, index: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the entries of axes that the names count, and those of axes of the files."""
    letters = [axis.letter for axis in grid.axes]
    mine: dict[str, int] = {}
    others: dict[str, int] = {}
    for name, number in index.items():
        place = place_named(letters, name)
        (others if place is None else mine)[name if place is None else letters[place]] = number
    return mine, others


def _open_one(
    grid: FileGrid, mine: Mapping[str, int], z_axis: str | None, others: Mapping[str, int]
) -> Stack:
    """Open the one file that the index selects, as a stack of its own or a single plane."""
    with naming_read_errors(_folder(grid)):
        choose_axes(grid.sizes, index=mine, one_plane=True)
        place = tuple(mine[axis.letter] for axis in grid.axes)
        if place not in grid.files:
            raise StackFileError(absent(mine))
    path = grid.files[place]
    is_plane = any(axis.letter == "Z" for axis in grid.axes)
    return open_tiff(path, z_axis=z_axis, index=others, one_plane=is_plane and z_axis is None)


def absent(mine: Mapping[str, int]) -> str:
    """Say that no file is there for a selection of entries."""
    where = ", ".join(f"{axis}={number}" for axis, number in mine.items())
    return f"no file is there for {where}. Select another entry with index (--index)."


def _planes(
    grid: FileGrid, roles: AxisRoles
) -> tuple[list[list[Path]], list[int], tuple[str, ...]]:
    """Return the files of each plane, its entry along z, and notes on planes that are missing."""
    sizes = grid.sizes
    numbers = {place: k for k, place in enumerate(sorted(grid.files))}
    frames: list[list[int]] = []
    for z in range(sizes[roles.z] if roles.z else 1):
        row = []
        for channel in range(sizes[roles.channel] if roles.channel else 1):
            picks = {**roles.fixed, str(roles.z): z, str(roles.channel): channel}
            row.append(numbers.get(tuple(picks[letter] for letter in sizes), -1))
        frames.append(row)
    kept, notes = complete_planes(frames, {-1}, roles)
    paths = [grid.files[place] for place in sorted(grid.files)]
    return [[paths[number] for number in frames[z]] for z in kept], kept, notes


def grid_calibration(grid: FileGrid, files: ImageFiles) -> Calibration:
    """Return the sizes that files tell, with the steps between all entries of z."""
    first: dict[int, Path] = {}
    for place in sorted(grid.files):
        if grid.axes and grid.axes[-1].letter == "Z":
            first.setdefault(place[-1], grid.files[place])
    axis = grid.axes[-1] if first else None
    return _spaced(files, axis, [first[z] for z in sorted(first)], sorted(first))[0]


def _spaced(
    files: ImageFiles, axis: NameAxis | None, planes: Sequence[Path], numbers: Sequence[int]
) -> tuple[Calibration, tuple[str, ...]]:
    """Return the sizes that files tell, with steps from the positions of planes, or their names.

    Parameters
    ----------
    files : ImageFiles
        The headers of the files.
    axis : NameAxis or None
        The axis used as z.
    planes : sequence of pathlib.Path
        One file of each plane.
    numbers : sequence of int
        The entry of the axis for each plane.
    """
    known = files.calibration
    if len(planes) < 2 or axis is None or axis.kind not in ("z", "unnamed"):
        return replace(known, z_step_um=None, z_positions_um=None), ()
    told = [place for path in planes if (place := files.z_um[path]) is not None]
    if (len(told) < len(planes) or len(set(told)) == 1) and axis.positions_um is not None:
        told = [axis.positions_um[z] for z in numbers]
    if len(told) < len(planes) or len(set(told)) == 1:
        return known, ()
    found = spacing_of(told)
    if found.step_um is None:
        return known, found.notes
    sizes = replace(known, z_step_um=found.step_um, z_positions_um=found.positions_um)
    return sizes, found.notes


def _folder(grid: FileGrid) -> Path:
    """Return what errors name: the folder of the files, or the only file."""
    path = next(iter(grid.files.values()))
    return path.parent if len(grid.files) > 1 else path
