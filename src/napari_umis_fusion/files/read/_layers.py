"""Files as layers: array, attributes and kind, as napari exchanges them."""

import os
from collections.abc import Mapping
from pathlib import Path

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files._layer_attributes import FILE_KEY, RUN_KEY, LayerData, layer_stem
from napari_umis_fusion.files.names import arrange_stacks
from napari_umis_fusion.files.read._bioio_layers import bioio_layers
from napari_umis_fusion.files.read._channels_as_planes import channels_as_planes
from napari_umis_fusion.files.read._grid_layers import Selected, grid_layers, numbered
from napari_umis_fusion.files.read._grid_stack import grid_of
from napari_umis_fusion.files.read._listing import (
    PathsLike,
    in_natural_order,
    is_tiff,
    list_source,
)
from napari_umis_fusion.files.read._other_formats import is_for_bioio
from napari_umis_fusion.files.read._stack_files import header_or_stack, stack_layers
from napari_umis_fusion.files.read._tiff_layers import tiff_layers
from napari_umis_fusion.files.read._zarr_url import zarr_url
from napari_umis_fusion.runtime import user_path

__all__ = ["FILE_KEY", "RUN_KEY", "LayerData", "read_layers"]


def read_layers(
    source: PathsLike,
    *,
    keeps_order: bool = True,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
) -> list[LayerData]:
    """Read files as layers, with all their axes.

    Parameters
    ----------
    source : path, glob, folder or sequence of these
        One TIFF file (plain pages, ImageJ hyperstack, OME-TIFF, BigTIFF), an image of OME-Zarr, or
        images (TIFF, PNG, JPEG, BMP, WebP), arranged along the axes that their names count; those
        of a list that count along one axis keep their order. A list of stacks with equal axes and
        sizes becomes layers with a further axis, that of the numbers in their names.
    keeps_order : bool
        Whether the order of a list counts; else it is arranged as a folder is.
    z_axis : str, optional
        Axis that file names count, such as ``"T"``, to use as z; of one TIFF file, ``"C"`` takes
        its channels for planes.
    index : mapping of str to int, optional
        The index to select of an axis that file names count, such as ``{"P": 0}``; where each file
        is a stack of its own, one must be selected.

    Returns
    -------
    list of (array, attributes, "image")
        One layer for each channel (up to 16) of each series (up to 50). The array is a NumPy
        array, or from 512 MB on a dask array with one chunk for each plane. Axes of size 1 are
        left out; colour is the last axis, with ``rgb``. The attributes are ``name``,
        ``axis_labels``, ``scale`` and ``units`` (µm and s if the file gives them, else pixel),
        ``rgb``, ``colormap`` and ``blending`` if there are colours, and ``metadata``:

        ``umis_fusion_file``
            ``path``, ``series``, ``index`` ({"C": 1} for the second channel), ``layer``,
            the position in this list, and ``selected``, `z_axis` and `index` as given.
        ``umis_fusion``
            Provenance, if this package made the image.

    Raises
    ------
    StackFileError
        If a file is missing, broken or truncated, sizes are mixed, or an axis is unknown; the
        message names the file.

    Examples
    --------
    >>> for data, attributes, kind in read_layers("hyperstack.tif"):  # doctest: +SKIP
    ...     print(attributes["name"], data.shape)
    """
    selected = Selected(z_axis, dict(index or {}))
    url = zarr_url(source)
    if url is not None:
        return _layers_of_zarr(url, selected)
    listing = list_source(source)
    if not keeps_order:
        listing = in_natural_order(listing)
    first = listing.paths[0]
    if is_for_bioio(first) or (len(listing.paths) == 1 and is_tiff(first)):
        return numbered(_layers_of_file(first, selected))
    name, origin = name_of(listing.paths, source), origin_of(listing.paths, source)
    if listing.keeps_order and selected == Selected() and header_or_stack(first) is None:
        layers = stack_layers(arrange_stacks(listing.paths), name)
        if isinstance(layers[0][1]["metadata"][FILE_KEY]["path"], list):
            return layers
    return grid_layers(grid_of(listing), name, origin, selected)


def _layers_of_zarr(url: str, selected: Selected) -> list[LayerData]:
    if selected != Selected():
        raise StackFileError(_nothing_to_select(url))
    from napari_umis_fusion.files.ome_zarr import zarr_layers

    return zarr_layers(url)


def _layers_of_file(path: Path, selected: Selected) -> list[LayerData]:
    """Read a file that holds all planes."""
    if selected == Selected("C") and is_tiff(path):
        return [channels_as_planes(tiff_layers(path), layer_stem(path))]
    if selected != Selected():
        raise StackFileError(_nothing_to_select(path))
    return bioio_layers(path) if is_for_bioio(path) else tiff_layers(path)


def _nothing_to_select(path: Path | str) -> str:
    return (
        f"{path}: is one file, of which all axes are read; z_axis and index select among several "
        "files, by what their names count. Leave them out, or open it with open_stack."
    )


def _folder(source: PathsLike) -> Path | None:
    if isinstance(source, (str, os.PathLike)) and (folder := user_path(source)).is_dir():
        return folder
    return None


def name_of(paths: list[Path], source: PathsLike) -> str:
    """Return the name of layers: that of the folder, else of the first file."""
    folder = _folder(source)
    return layer_stem(paths[0]) if folder is None else folder.absolute().name


def origin_of(paths: list[Path], source: PathsLike) -> str | list[str]:
    """Return what layers record as their source: the folder, else the files."""
    folder = _folder(source)
    if folder is not None:
        return str(folder.absolute())
    files = [str(path.absolute()) for path in paths]
    return files[0] if len(files) == 1 else files
