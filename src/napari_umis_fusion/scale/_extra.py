"""The extra that brings OME-Zarr and clusters: what to do where it is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from napari_umis_fusion.errors import StackFileError

INSTALL = 'pip install "napari-umis-fusion[scale]"'
"""The command that installs what this room needs."""

_NEEDED = ("yaozarrs", "zarr", "fsspec", "dask", "distributed", "aiohttp")


def scale_is_installed() -> bool:
    """Whether OME-Zarr can be read and written; imports nothing."""
    return all(find_spec(name) is not None for name in ("yaozarrs", "zarr", "fsspec"))


@contextmanager
def needs_scale() -> Iterator[None]:
    """Import from the extra ``scale`` inside this context.

    Raises
    ------
    StackFileError
        If a package of the extra is missing, with the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        raise StackFileError(
            f"OME-Zarr needs {error.name}, which is not installed. Install it with {INSTALL}."
        ) from error
