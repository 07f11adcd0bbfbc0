"""The extra that brings OME-Zarr and clusters: what to do where it is not installed."""

from functools import partial

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.runtime import are_installed, needs_extra

_NEEDED = ("yaozarrs", "zarr", "fsspec", "dask", "distributed", "aiohttp")

needs_scale = partial(
    needs_extra, "scale", _NEEDED, "OME-Zarr is read and written by yaozarrs", StackFileError
)
"""Import from the extra ``scale`` inside this context; raises `StackFileError` if it is missing."""


def scale_is_installed() -> bool:
    """Whether OME-Zarr can be read and written; imports nothing."""
    return are_installed(("yaozarrs", "zarr", "fsspec"))
