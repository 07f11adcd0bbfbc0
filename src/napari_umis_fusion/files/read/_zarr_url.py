"""Which inputs are Zarr stores; imports nothing of Zarr."""

import os

from napari_umis_fusion.files.ome_zarr import is_address, is_zarr
from napari_umis_fusion.files.read._listing import PathsLike, given_paths
from napari_umis_fusion.runtime import user_path


def zarr_url(source: PathsLike) -> str | None:
    """Return the path or address of a Zarr store; None for other sources.

    Parameters
    ----------
    source : path, or sequence of paths
        A folder that ends in .zarr or describes itself as one of Zarr, or any address.
    """
    given = given_paths(source)
    if len(given) != 1:
        return None
    text = os.fspath(given[0])
    if is_address(text):
        return text
    path = user_path(text)
    return str(path) if path.suffix.lower() == ".zarr" or is_zarr(path) else None
