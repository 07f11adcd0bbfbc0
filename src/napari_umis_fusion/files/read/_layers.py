"""Files as layers: array, attributes and kind, as napari exchanges them."""

import math
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.files._layer_attributes import (
    FILE_KEY,
    FILES_KEY,
    POSITIONS_KEY,
    RUN_KEY,
    LayerData,
    channel_appearance,
    layer_stem,
    placement_attributes,
)
from napari_umis_fusion.files.names import FileGrid
from napari_umis_fusion.files.read._grid_stack import grid_calibration, grid_of
from napari_umis_fusion.files.read._image_files import ImageFiles
from napari_umis_fusion.files.read._lazy_arrays import LAZY_BYTES, stack_planes
from napari_umis_fusion.files.read._listing import (
    Listing,
    PathsLike,
    in_natural_order,
    is_tiff,
    list_source,
)
from napari_umis_fusion.files.read._tiff_layers import tiff_layers
from napari_umis_fusion.runtime import user_path
from napari_umis_fusion.stack import MAX_CHANNELS, Plane

__all__ = ["FILE_KEY", "RUN_KEY", "LayerData", "read_layers"]


def read_layers(source: PathsLike, *, keeps_order: bool = True) -> list[LayerData]:
    """Read files as layers, with all their axes.

    Parameters
    ----------
    source : path, glob, folder or sequence of these
        One TIFF file (plain pages, ImageJ hyperstack, OME-TIFF, BigTIFF), or images (TIFF,
        PNG, JPEG, BMP, WebP), arranged along the axes that their names count; those of a list
        that count along one axis keep their order.
    keeps_order : bool
        Whether the order of a list counts; else it is arranged as a folder is.

    Returns
    -------
    list of (array, attributes, "image")
        One layer for each channel (up to 16) of each series (up to 50). The array is a NumPy
        array, or from 512 MB on a dask array with one chunk for each plane. Axes of size 1 are
        left out; colour is the last axis, with ``rgb``. The attributes are ``name``,
        ``axis_labels``, ``scale`` and ``units`` (µm and s if the file gives them, else pixel),
        ``rgb``, ``colormap`` and ``blending`` if there are colours, and ``metadata``:

        ``umis_fusion_file``
            ``path``, ``series``, ``index`` ({"C": 1} for the second channel), and ``layer``,
            the position in this list.
        ``umis_fusion``
            Provenance, if this package made the image.

    Raises
    ------
    StackFileError
        If a file is missing, broken or truncated, or sizes are mixed; the message names the file.

    Examples
    --------
    >>> for data, attributes, kind in read_layers("hyperstack.tif"):  # doctest: +SKIP
    ...     print(attributes["name"], data.shape)
    """
    listing = list_source(source)
    if not keeps_order:
        listing = in_natural_order(listing)
    single = len(listing.paths) == 1 and is_tiff(listing.paths[0])
    layers = tiff_layers(listing.paths[0]) if single else _list_layers(listing, source)
    for number, (_, attributes, _) in enumerate(layers):
        attributes["metadata"][FILE_KEY]["layer"] = number
    return layers


def _list_layers(listing: Listing, source: PathsLike) -> list[LayerData]:
    grid = grid_of(listing)
    files = ImageFiles(list(grid.files.values()))
    name, origin = _list_name(listing.paths, source), _origin(listing.paths, source)
    for note in (*grid.notes, *_gaps(grid)):
        warnings.warn(f"{name}: {note}.", UserWarning, stacklevel=3)
    parts = _parts(grid, files)
    sizes = grid_calibration(grid, files)
    layers: list[LayerData] = []
    for (index, ending), look in zip(parts, channel_appearance([None] * len(parts)), strict=True):
        array, axes = _grid_array(grid, files, index)
        about: dict[str, Any] = {"path": origin, "series": 0, "index": index}
        if sizes.z_positions_um is not None:
            about[POSITIONS_KEY] = list(sizes.z_positions_um)
        if not isinstance(array, np.ndarray):
            about[FILES_KEY] = [str(path.absolute()) for path in grid.files.values()]
        attributes = {
            **placement_attributes(axes, sizes),
            "rgb": files.rgb,
            **look,
            "name": name + ending,
            "metadata": {FILE_KEY: about},
        }
        layers.append((array, attributes, "image"))
    return layers


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


def _gaps(grid: FileGrid) -> list[str]:
    count = math.prod(len(axis) for axis in grid.axes) - len(grid.files)
    return [f"{count} files are missing; their planes are shown blank"] if count else []


def _folder(source: PathsLike) -> Path | None:
    if isinstance(source, (str, os.PathLike)) and (folder := user_path(source)).is_dir():
        return folder
    return None


def _list_name(paths: list[Path], source: PathsLike) -> str:
    folder = _folder(source)
    return layer_stem(paths[0]) if folder is None else folder.absolute().name


def _origin(paths: list[Path], source: PathsLike) -> str | list[str]:
    folder = _folder(source)
    if folder is not None:
        return str(folder.absolute())
    files = [str(path.absolute()) for path in paths]
    return files[0] if len(files) == 1 else files
