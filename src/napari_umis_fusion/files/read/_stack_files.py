"""Files that are stacks of their own: as one layer with their axis before it, or each by itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files._layer_attributes import FILE_KEY, RUN_KEY, LayerData, layer_stem
from napari_umis_fusion.files.names import FileGrid, NameAxis
from napari_umis_fusion.files.read._grid_layers import numbered
from napari_umis_fusion.files.read._image_files import Header, image_header
from napari_umis_fusion.files.read._lazy_arrays import stack_arrays
from napari_umis_fusion.files.read._listing import is_tiff
from napari_umis_fusion.files.read._other_formats import is_for_bioio
from napari_umis_fusion.files.read._quiet import quiet_tifffile
from napari_umis_fusion.files.read._tiff_file import open_tiff_file
from napari_umis_fusion.files.read._tiff_layers import MAX_SERIES, tiff_layers

MOST_FILES = 1000
"""Files of stacks that are opened at once; the header of each is read."""

_ALIKE = ("axis_labels", "scale", "units", "rgb", "translate")
_PLACED = ("rotate", "shear", "affine")


def header_or_stack(path: Path) -> Header | None:
    """Return the header of a file of one plane; None for a stack, or several.

    Raises
    ------
    StackFileError
        If the file is broken.
    """
    if is_for_bioio(path):
        return None
    try:
        header = image_header(path)
    except StackFileError:
        if not is_tiff(path) or not _can_be_opened(path):
            raise
        return None
    return header if header.planes == 1 else None


def _can_be_opened(path: Path) -> bool:
    try:
        with quiet_tifffile(), open_tiff_file(path) as tif:
            return len(tif.series) > 1 or tif.series[0].size > tif.pages.first.size
    except Exception:  # whatever is wrong is told by the error at hand
        return False


def stack_layers(grid: FileGrid, name: str) -> list[LayerData]:
    """Read files that are stacks; what their names count becomes an axis where all are alike.

    Parameters
    ----------
    grid : FileGrid
        The files.
    name : str
        Name of what they are together.

    Returns
    -------
    list of (array, attributes, "image")
        Where names count files of the same axes, sizes and dtype, their layers have the axes of the
        names before their own, such as t: a slider. Else each file has layers of its own.

    Raises
    ------
    StackFileError
        If a file is broken, or there are too many.
    """
    paths = list(grid.files.values())
    if len(paths) > MOST_FILES:
        raise StackFileError(_too_many(name, len(paths), MOST_FILES))
    nbytes = sum(path.stat().st_size for path in paths)
    read: list[list[LayerData]] = []
    known: set[str] = set()
    for path in paths:
        if str(path.absolute()) not in known:
            read.append(tiff_layers(path, among_bytes=nbytes))
            # One file of an OME set stands for all of them.
            known |= set(read[-1][-1][1]["metadata"][FILE_KEY].get("files", ()))
    if len(read) == len(paths) and _is_counted(grid) and _are_alike(read):
        return _joined(grid.axes, read, name)
    if len(read) > MAX_SERIES:
        raise StackFileError(_too_many(name, len(read), MAX_SERIES))
    return [layer for layers in read for layer in numbered(layers)]


def _is_counted(grid: FileGrid) -> bool:
    """Whether names count all files, and not their channels, which are layers of their own."""
    entries = [entry for axis in grid.axes for entry in axis.entries]
    counts = all(any(map(str.isdecimal, entry)) for entry in entries)
    return counts and not grid.missing and all(axis.letter != "C" for axis in grid.axes)


def _are_alike(read: Sequence[Sequence[LayerData]]) -> bool:
    """Whether the layers of all files can be one; those that this package made never are."""
    first = [_kind(layer) for layer in read[0]]
    if any([_kind(layer) for layer in layers] != first for layers in read):
        return False
    attributes = [one for layers in read for _, one, _ in layers]
    return not any(RUN_KEY in one["metadata"] or set(_PLACED) & set(one) for one in attributes)


def _kind(layer: LayerData) -> tuple[Any, ...]:
    array, attributes, kind = layer
    alike = (attributes.get(key) for key in _ALIKE)
    return kind, array.shape, array.dtype, *(None if one is None else str(one) for one in alike)


def _joined(
    axes: Sequence[NameAxis], read: Sequence[Sequence[LayerData]], name: str
) -> list[LayerData]:
    """Return one layer for each layer of the first file, with the axes of the names before it."""
    paths = [layers[0][1]["metadata"][FILE_KEY]["path"] for layers in read]
    sizes, labels = [len(axis) for axis in axes], [axis.letter.lower() for axis in axes]
    layers: list[LayerData] = []
    for same in zip(*read, strict=True):
        array = stack_arrays([one for one, _, _ in same])
        first = same[0][1]
        own = [label if label not in first["axis_labels"] else f"file {label}" for label in labels]
        origins = [one["metadata"][FILE_KEY] for _, one, _ in same]
        told = {k: one for k, one in origins[0].items() if all(o.get(k) == one for o in origins)}
        stem = layer_stem(Path(paths[0]))
        attributes = {
            **first,
            "name": f"{name}{first['name'].removeprefix(stem)}" if name else first["name"],
            "axis_labels": (*own, *first["axis_labels"]),
            "scale": (*(1.0 for _ in own), *first["scale"]),
            "units": (*("pixel" for _ in own), *first["units"]),
            "metadata": {FILE_KEY: {**told, "path": paths}},
        }
        if "translate" in first:
            attributes["translate"] = (*(0.0 for _ in own), *first["translate"])
        layers.append((array.reshape(*sizes, *array.shape[1:]), attributes, "image"))
    return numbered(layers)


def _too_many(name: str, count: int, most: int) -> str:
    return (
        f"{name}: {count} stacks are selected; at most {most} are opened at once. Select fewer, or "
        "fuse all with umis-fusion batch."
    )
