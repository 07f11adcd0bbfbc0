"""Which inputs are Zarr stores; imports nothing of Zarr."""

import os
from pathlib import Path

from napari_umis_fusion.files.read._listing import PathsLike
from napari_umis_fusion.runtime import user_path

_DESCRIPTIONS = ("zarr.json", ".zgroup", ".zarray")


def zarr_url(source: PathsLike) -> str | None:
    """Return the path or address of a Zarr store; None for other sources.

    Parameters
    ----------
    source : path, or sequence of paths
        A folder that ends in .zarr or describes itself as one of Zarr, or any address.
    """
    given = [source] if isinstance(source, (str, os.PathLike)) else [*source]
    if len(given) != 1:
        return None
    text = os.fspath(given[0])
    if "://" in text:
        return text
    path = user_path(text)
    return str(path) if path.suffix.lower() == ".zarr" or is_zarr(path) else None


def is_zarr(path: Path) -> bool:
    """Whether a folder describes itself as one of Zarr, whatever its name is."""
    return any((path / name).is_file() for name in _DESCRIPTIONS)
