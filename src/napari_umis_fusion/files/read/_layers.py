"""Files as layers: array, attributes and kind, as napari exchanges them."""

import math
import os
from pathlib import Path
from typing import Any

from napari_umis_fusion.files._layer_attributes import (
    FILE_KEY,
    RUN_KEY,
    LayerData,
    channel_appearance,
    layer_stem,
    placement_attributes,
)
from napari_umis_fusion.files.read._image_list import ImageListStack
from napari_umis_fusion.files.read._lazy_arrays import LAZY_BYTES, stack_planes
from napari_umis_fusion.files.read._listing import PathsLike, is_tiff, list_files
from napari_umis_fusion.files.read._tiff_layers import tiff_layers

__all__ = ["FILE_KEY", "RUN_KEY", "LayerData", "read_layers"]


def read_layers(source: PathsLike) -> list[LayerData]:
    """Read files as layers, with all their axes.

    Parameters
    ----------
    source : path, glob, folder or sequence of these
        One TIFF file (plain pages, ImageJ hyperstack, OME-TIFF, BigTIFF), or images (TIFF,
        PNG, JPEG, BMP, WebP) that are the planes of one stack, sorted in natural order if they
        come from a folder or a glob.

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
    paths = list_files(source)
    single = len(paths) == 1 and is_tiff(paths[0])
    layers = tiff_layers(paths[0]) if single else _list_layers(paths, source)
    for number, (_, attributes, _) in enumerate(layers):
        attributes["metadata"][FILE_KEY]["layer"] = number
    return layers


def _list_layers(paths: list[Path], source: PathsLike) -> list[LayerData]:
    stack = ImageListStack(paths)
    outer, inner = stack.shape[:1], stack.shape[1:]
    lazy = math.prod(stack.shape) * stack.dtype.itemsize > LAZY_BYTES
    array = stack_planes(lambda place: stack.plane(place[0]), outer, inner, stack.dtype, lazy=lazy)
    axes = ["z", "y", "x"]
    if len(paths) == 1:
        array, axes = array[0], axes[1:]
    split = len(stack.shape) == 4 and not stack.rgb
    channels = range(stack.shape[3]) if split else range(1)
    shared = {**placement_attributes(axes, stack.calibration), "rgb": stack.rgb}
    name = _list_name(paths, source)
    layers: list[LayerData] = []
    for k, look in enumerate(channel_appearance([None] * len(channels))):
        index = {"C": k} if split else {}
        attributes: dict[str, Any] = {
            **shared,
            **look,
            "name": f"{name} channel {k + 1}" if split else name,
            "metadata": {FILE_KEY: {"path": _origin(paths, source), "series": 0, "index": index}},
        }
        layers.append((array[..., k] if split else array, attributes, "image"))
    return layers


def _folder(source: PathsLike) -> Path | None:
    if isinstance(source, (str, os.PathLike)) and (folder := Path(source).expanduser()).is_dir():
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
