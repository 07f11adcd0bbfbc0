"""Writing of layers, given as napari passes them to a writer: array, attributes and kind."""

import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_umis_fusion.errors import StackError, StackFileError
from napari_umis_fusion.files._layer_attributes import LayerData
from napari_umis_fusion.files._layer_image import check_layer_data
from napari_umis_fusion.files.write._channel_group import Writable, as_images
from napari_umis_fusion.files.write._formats import (
    IMAGEJ,
    JPEG,
    OME_TIFF,
    PNG,
    TIFF,
    check_output_path,
    output_format,
    with_extension,
)
from napari_umis_fusion.files.write._image import (
    CLASSIC_TIFF_BYTES,
    atomic_write_checked,
    naming_write_errors,
    resolution_tags,
    write_image,
)
from napari_umis_fusion.files.write._imagej import as_imagej_knows
from napari_umis_fusion.files.write._imagej_layer import hyperstack_of, layer_in_imagej_order
from napari_umis_fusion.files.write._writable_layer import (
    WritableLayer,
    only_plane,
    stored_dtype,
    writable_layer,
)
from napari_umis_fusion.runtime import user_path

_LONGEST_NAME_BYTES = 200
"""File systems accept 255, of which the extension and a number take some."""

# Windows reserves these names, with any extension.
_NEVER_NAMES = {"CON", "PRN", "AUX", "NUL", *(f"{p}{n}" for p in ("COM", "LPT") for n in range(10))}


def write_image_layer(
    path: str | os.PathLike[str],
    data: Any,
    attributes: Mapping[str, Any],
    *,
    protect: Iterable[str | os.PathLike[str]] = (),
) -> list[str]:
    """Write one image layer in the format of the file name's extension.

    Parameters
    ----------
    path : path
        Ends in .ome.tif or .tif (OME-TIFF: any axes), .imagej.tif (for ImageJ and Fiji: 8 and 16
        bits and 32-bit floats, up to 4 GB), .png or .jpg (one plane, grey or colour);
        without an extension, .ome.tif is added. An existing file is replaced atomically.
    data : array-like, or list of these
        NumPy, dask, zarr...; of several resolutions, each smaller than the previous one, the first
        is written; a list of equal arrays is written as the planes of one.
    attributes : mapping
        Attributes of the layer, as napari gives them. Written are ``name``, ``axis_labels``,
        placement, ``units``, the appearance and ``metadata["umis_fusion"]``; `read_layers` returns
        them. Other programs see names, sizes, the colour of a single-colour colormap, and no axes
        of size 1.
    protect : iterable of path
        Files that must not be overwritten, besides those that the layer was read from.

    Returns
    -------
    list of str
        The file written.

    Raises
    ------
    StackFileError
        If the layer or the path is refused, for instance because attributes do not fit the data,
        or the layer was read from this file.
    """
    target = with_extension(path, OME_TIFF)
    layer = writable_layer(data, attributes)
    if output_format(target) is IMAGEJ:
        return [str(_write_hyperstack(target, layer, protect))]
    if output_format(target) in (PNG, JPEG):
        return [str(_write_plane(target, layer, protect))]
    return [str(_write_tiff(target, [layer], protect))]


def write_series(
    path: str | os.PathLike[str],
    layers: Sequence[LayerData],
    *,
    protect: Iterable[str | os.PathLike[str]] = (),
) -> list[str]:
    """Write layers into one OME-TIFF, each as one image.

    Results of one fusion of several layers, and layers that were the channels of one image in a
    file, are channels of one image.

    Parameters
    ----------
    path : path
        Ends in .ome.tif or .tif; without an extension, .ome.tif is added. An existing file is
        replaced atomically.
    layers : sequence of (data, attributes, kind)
        Image and labels layers, as `write_image_layer` takes them.

    protect : iterable of path
        As for `write_image_layer`.

    Returns
    -------
    list of str
        The file written.

    Raises
    ------
    StackFileError
        If a layer or the path is refused.
    """
    target = with_extension(path, OME_TIFF)
    if output_format(target) not in (OME_TIFF, TIFF):
        msg = f"{target}: several layers need an OME-TIFF; end the name in .ome.tif."
        raise StackFileError(msg)
    images = as_images(_ready(layers, target))
    return [str(_write_tiff(target, images, protect))]


def write_folder(path: str | os.PathLike[str], layers: Sequence[LayerData]) -> list[str]:
    """Write layers into a folder, each as an OME-TIFF named after it.

    Parameters
    ----------
    path : path
        The folder, created if it is missing. Files in it are never replaced.
    layers : sequence of (data, attributes, kind)
        Image and labels layers, as `write_image_layer` takes them.

    Returns
    -------
    list of str
        The files written.

    Raises
    ------
    StackFileError
        If a layer is refused, the path is a file or has a file's extension, or a file exists.
    """
    folder = user_path(path)
    # All layers are checked before the first one is written.
    ready = _ready(layers, folder)
    targets = [folder / f"{name}{OME_TIFF.suffixes[0]}" for name in _file_names(ready)]
    _check_folder(folder, targets)
    with naming_write_errors(folder):
        folder.mkdir(exist_ok=True)
    return [str(_write_tiff(file, [layer])) for file, layer in zip(targets, ready, strict=True)]


def _ready(layers: Sequence[LayerData], target: Path) -> list[WritableLayer]:
    """Return layers prepared for writing; raises `StackFileError` if there are none, or others."""
    if not isinstance(layers, (list, tuple)):
        msg = (
            f"{target}: got {type(layers).__name__} where a list of layers is; accepted are layer "
            'data tuples, as of fuse_layer: [(array, {"name": "a"}, "image")].'
        )
        raise StackFileError(msg)
    if not layers:
        # An empty file would be written, in the place of one that may be there.
        raise StackFileError(f"{target}: got no layers; accepted is at least one.")
    for layer in layers:
        try:
            check_layer_data(layer)
        except StackError as error:
            raise StackFileError(f"{target}: {error}") from error
    return [writable_layer(*layer) for layer in layers]


def _write_plane(
    target: Path, layer: WritableLayer, protect: Iterable[str | os.PathLike[str]]
) -> Path:
    plane = only_plane(layer, target)
    return write_image(target, plane, rgb=layer.rgb, protect=[*layer.sources, *protect])


def _write_hyperstack(
    target: Path, layer: WritableLayer, protect: Iterable[str | os.PathLike[str]]
) -> Path:
    channels = layer.shape[-1] if layer.rgb else None
    path = check_output_path(
        target,
        protect=[*layer.sources, *protect],
        dtype=layer.dtype,
        channels=channels,
        rgb=layer.rgb,
    )
    hyperstack = hyperstack_of(layer)
    with atomic_write_checked(path) as temporary:
        planes = layer_in_imagej_order(layer).planes()
        hyperstack.write(temporary, (as_imagej_knows(plane) for plane in planes))
    return path


def _write_tiff(
    path: Path, layers: Sequence[Writable], protect: Iterable[str | os.PathLike[str]] = ()
) -> Path:
    sources = [source for layer in layers for source in layer.sources]
    target = check_output_path(path, protect=[*sources, *protect])
    dtypes = [stored_dtype(layer) for layer in layers]
    nbytes = sum(
        math.prod(layer.shape) * dtype.itemsize for layer, dtype in zip(layers, dtypes, strict=True)
    )
    bigtiff = nbytes > CLASSIC_TIFF_BYTES
    with (
        atomic_write_checked(target) as temporary,
        tifffile.TiffWriter(temporary, ome=True, bigtiff=bigtiff) as tif,
    ):
        for layer, dtype in zip(layers, dtypes, strict=True):
            _write_one(tif, layer, dtype)
    return target


def _write_one(tif: tifffile.TiffWriter, layer: Writable, dtype: np.dtype[Any]) -> None:
    colour = layer.rgb and layer.shape[-1] in (3, 4)
    tif.write(
        layer.planes(dtype),
        shape=layer.shape,
        dtype=dtype,
        photometric="rgb" if colour else "minisblack",
        planarconfig="contig" if layer.rgb else None,
        metadata={"axes": layer.axes, **layer.metadata},
        **resolution_tags(*(layer.metadata.get(f"PhysicalSize{axis}") for axis in "XY")),
    )


def _file_names(layers: Sequence[WritableLayer]) -> list[str]:
    """Return file names that every file system accepts, unique also where case is ignored."""
    names: list[str] = []
    taken: set[str] = set()
    for layer in layers:
        plain = re.sub(r"[^\w\-. ()\[\]+,=&#']", "_", layer.name).strip(". ")
        plain = plain.encode()[:_LONGEST_NAME_BYTES].decode(errors="ignore")
        plain = f"{plain}_" if plain.upper() in _NEVER_NAMES else plain or "layer"
        name, count = plain, 1
        while name.casefold() in taken:
            count += 1
            name = f"{plain} ({count})"
        taken.add(name.casefold())
        names.append(name)
    return names


def _check_folder(folder: Path, targets: Sequence[Path]) -> None:
    if folder.is_file() or folder.name.lower().endswith((".tif", ".tiff", ".png", ".jpg")):
        msg = f"{folder}: names a file; several layers need a folder. Give another name."
        raise StackFileError(msg)
    existing = [target.name for target in targets if target.exists()]
    if existing:
        msg = (
            f"{folder}: {', '.join(existing)} is there already, and files in a folder are never "
            "replaced. Choose another folder, or rename the layers."
        )
        raise StackFileError(msg)
