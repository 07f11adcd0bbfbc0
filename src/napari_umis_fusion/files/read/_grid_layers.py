"""Files whose names count along several axes, as layers."""

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files._layer_attributes import (
    ABSENT_KEY,
    FILE_KEY,
    MOSAIC_KEY,
    OPTICS_KEY,
    PLANE_FILES_KEY,
    POSITIONS_KEY,
    LayerData,
    channel_appearance,
    placement_attributes,
)
from napari_umis_fusion.files.names import FileGrid, select_entries, with_z
from napari_umis_fusion.files.read._axis_roles import fixed_axes
from napari_umis_fusion.files.read._grid_stack import absent, grid_calibration
from napari_umis_fusion.files.read._image_files import Header, ImageFiles
from napari_umis_fusion.files.read._lazy_arrays import LAZY_BYTES, stack_planes
from napari_umis_fusion.files.read._listing import is_tiff
from napari_umis_fusion.files.read._tiff_layers import optics_record, tiff_layers
from napari_umis_fusion.presets import ChannelOptics
from napari_umis_fusion.stack import MAX_CHANNELS, Plane, place_named


@dataclass(frozen=True, slots=True)
class Selected:
    """What the user chose of the axes that file names count.

    Attributes
    ----------
    z_axis : str or None
        Axis to use as z, by its letter or kind; None for the one that names call so.
    index : dict of str to int
        The index to select of an axis, named in the same way.
    """

    z_axis: str | None = None
    index: Mapping[str, int] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """Return the arguments of `read_layers`, without those that are its defaults."""
        given = {"z_axis": self.z_axis, "index": dict(self.index)}
        return {name: value for name, value in given.items() if value}


def numbered(layers: list[LayerData]) -> list[LayerData]:
    """Tell each layer its position in the list."""
    for number, (_, attributes, _) in enumerate(layers):
        attributes["metadata"][FILE_KEY]["layer"] = number
    return layers


def grid_layers(
    grid: FileGrid,
    name: str,
    origin: str | list[str],
    selected: Selected,
    headers: Mapping[Path, Header] | None = None,
) -> list[LayerData]:
    """Read arranged files as layers; where the selected file is a stack, it is read as one.

    Parameters
    ----------
    grid : FileGrid
        The files.
    name : str
        Name of the layers.
    origin : str or list of str
        Folder or files that the layers record.
    selected : Selected
        What is read of them.
    headers : mapping of pathlib.Path to Header, optional
        Headers that have been read already.

    Raises
    ------
    StackFileError
        If a file is broken, or the selection names no file.
    """
    part = take_part(grid, selected)
    paths = list(part.files.values())
    if len(paths) == 1 and is_tiff(paths[0]) and selected.index:
        return numbered(tiff_layers(paths[0]))
    files = ImageFiles(paths, headers=headers)
    shown_blank = (f"{gap}; what is missing is shown blank" for gap in part.gaps)
    for note in (*part.notes, *shown_blank, *files.notes):
        warnings.warn(f"{name}: {note}.", UserWarning, stacklevel=3)
    about: dict[str, Any] = {"path": origin, "series": 0}
    if chosen := selected.describe():
        about["selected"] = chosen
    return numbered(_layers_of(part, files, name, about))


def take_part(grid: FileGrid, selected: Selected) -> FileGrid:
    """Return the files that are selected, with the axis that is to be z as the last one."""
    told = ", ".join(f"{axis.letter} ({axis.listed()})" for axis in grid.axes)
    entries = fixed_axes(grid.sizes, selected.index, told)
    letter = selected.z_axis
    if letter is not None:
        place = place_named([axis.letter for axis in grid.axes], letter)
        if place is None or grid.axes[place].letter in entries:
            raise StackFileError(_not_z(letter, told))
        letter = grid.axes[place].letter
    part = select_entries(grid, entries)
    if not part.files:
        raise StackFileError(absent(entries))
    return part if letter is None else with_z(part, letter)


def _layers_of(
    grid: FileGrid, files: ImageFiles, name: str, about: Mapping[str, Any]
) -> list[LayerData]:
    parts = _parts(grid, files)
    sizes = grid_calibration(grid, files)
    positions = sizes.z_positions_um
    told: dict[str, Any] = {} if positions is None else {POSITIONS_KEY: list(positions)}
    if files.is_mosaic:
        told[MOSAIC_KEY] = True
    layers: list[LayerData] = []
    for (index, ending), look in zip(parts, channel_appearance([None] * len(parts)), strict=True):
        array, axes = _grid_array(grid, files, index)
        if not isinstance(array, np.ndarray):
            told[PLANE_FILES_KEY] = [str(path.absolute()) for path in grid.files.values()]
        optics = optics_record(_optics(grid, files, index))
        of_channel: dict[str, Any] = {"index": index, **({OPTICS_KEY: optics} if optics else {})}
        if absent_planes := _absent_planes(grid, index):
            of_channel[ABSENT_KEY] = absent_planes
        attributes = {
            **placement_attributes(axes, sizes),
            "rgb": files.rgb,
            **look,
            "name": name + ending,
            "metadata": {FILE_KEY: {**about, **told, **of_channel}},
        }
        layers.append((array, attributes, "image"))
    return layers


def _optics(grid: FileGrid, files: ImageFiles, index: Mapping[str, int]) -> Sequence[ChannelOptics]:
    """Return how the channel of a layer was taken, as far as its files tell."""
    place = next((k for k, axis in enumerate(grid.axes) if axis.letter == "C"), None)
    if place is None or not index:
        optics = files.optics_of(grid.files.values())
        return optics[index["C"] : index["C"] + 1] if index else optics
    return files.optics_of(path for at, path in grid.files.items() if at[place] == index["C"])


def _parts(grid: FileGrid, files: ImageFiles) -> list[tuple[dict[str, int], str]]:
    """Return the channel of each layer as an index, and the end of the layer's name."""
    named = next((axis for axis in grid.axes if axis.letter == "C"), None)
    if named is not None and len(named) <= MAX_CHANNELS:
        return [({"C": k}, f" {entry}") for k, entry in enumerate(named.entries)]
    if named is None and len(files.shape) == 3 and not files.rgb:
        return [({"C": k}, f" channel {k + 1}") for k in range(files.shape[2])]
    return [({}, "")]


def _grid_array(
    grid: FileGrid, files: ImageFiles, index: Mapping[str, int]
) -> tuple[Any, list[str]]:
    """Return the array of one layer, and the names of its axes; missing files are blank."""
    fixed = {k: index["C"] for k, axis in enumerate(grid.axes) if axis.letter == "C" and index}
    outer = [k for k in range(len(grid.axes)) if k not in fixed]
    is_split = bool(index) and not fixed
    inner = files.shape[:2] if is_split else files.shape

    def read(place: tuple[int, ...]) -> Plane:
        picks = fixed | dict(zip(outer, place, strict=True))
        path = grid.files.get(tuple(picks[k] for k in range(len(grid.axes))))
        if path is None:
            return np.zeros(inner, files.dtype)
        plane = files.read(path)
        return plane[..., index["C"]] if is_split else plane

    sizes = [len(grid.axes[k]) for k in outer]
    lazy = math.prod((*sizes, *inner)) * files.dtype.itemsize > LAZY_BYTES
    array = stack_planes(read, sizes, inner, files.dtype, lazy=lazy)
    axes = [grid.axes[k].letter.lower() for k in outer]
    if len(inner) == 3 and not files.rgb:  # channels in the files besides those of the names
        return np.moveaxis(array, -1, 0), ["c", *axes, "y", "x"]
    return array, [*axes, "y", "x"]


def _absent_planes(grid: FileGrid, index: Mapping[str, int]) -> list[list[int]]:
    """Return the places of the planes of a layer that have no file."""
    sizes = [range(len(axis)) for axis in grid.axes]
    if len(grid.files) == math.prod(map(len, sizes)):
        return []
    fixed = {k: index["C"] for k, axis in enumerate(grid.axes) if axis.letter == "C" and index}
    return [
        [entry for k, entry in enumerate(place) if k not in fixed]
        for place in itertools.product(*sizes)
        if place not in grid.files and all(place[k] == entry for k, entry in fixed.items())
    ]


def _not_z(name: str, told: str) -> str:
    return f"the z axis cannot be {name!r}: file names count {told}. Name another of those."
