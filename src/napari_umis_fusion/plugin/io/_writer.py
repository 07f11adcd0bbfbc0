"""The writers of the manifest, which never replace a file that an open layer still reads."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_umis_fusion.files import FILE_KEY, LayerData, write
from napari_umis_fusion.files.write import write_folder

if TYPE_CHECKING:
    from napari.layers import Layer

__all__ = ["write_folder", "write_image_layer", "write_picture", "write_series", "write_zarr"]


def write_image_layer(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write one image layer; see `napari_umis_fusion.files.write.write_image_layer`."""
    return write.write_image_layer(path, data, attributes, protect=_files_in_use())


def write_picture(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write a layer as it is shown; see `napari_umis_fusion.files.write.write_picture`."""
    return write.write_picture(path, data, attributes, protect=_files_in_use())


def write_series(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Write layers into one file; see `napari_umis_fusion.files.write.write_series`."""
    return write.write_series(path, layers, protect=_files_in_use())


def write_zarr(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Write layers as one image of OME-Zarr; see `napari_umis_fusion.scale.write_zarr`."""
    from napari_umis_fusion.scale import write_zarr  # here, since other formats need none of it

    return write_zarr(path, layers)


def _files_in_use() -> list[Path]:
    """Return the files that open layers read when they are shown."""
    import napari

    viewer = napari.current_viewer()
    layers = [] if viewer is None else list(viewer.layers)
    return [path for layer in layers if _is_lazy(layer) for path in _files_of(layer)]


def _is_lazy(layer: "Layer") -> bool:
    """Return whether a layer's data are still in files, as far as can be known."""
    data: Any = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    while type(data) is np.ndarray and isinstance(data.base, np.ndarray):
        data = data.base
    return type(data) is not np.ndarray


def _files_of(layer: "Layer") -> Iterator[Path]:
    known = layer.metadata.get(FILE_KEY)
    paths = known.get("path") if isinstance(known, Mapping) else None
    for path in (layer.source.path, *(paths if isinstance(paths, list) else [paths])):
        if isinstance(path, str | os.PathLike):
            yield from _members(Path(path))


def _members(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir():
        yield from path.iterdir()
