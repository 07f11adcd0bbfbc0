"""Where a Zarr store is: a folder that describes itself, or an address."""

import os.path
from pathlib import Path

from napari_umis_fusion.runtime import user_path

DESCRIPTIONS = ("zarr.json", ".zgroup", ".zarray")
"""Files of which a folder of Zarr holds one."""


def is_address(text: str) -> bool:
    """Whether a text is an address, not a path."""
    return "://" in text


def is_zarr(path: Path) -> bool:
    """Whether a folder describes itself as one of Zarr, whatever its name is."""
    # A folder in which nothing may be looked up is none; `Path.is_file` would raise.
    return any(os.path.isfile(path / name) for name in DESCRIPTIONS)


def absolute_url(text: str) -> str:
    """Return an absolute path; an address as it is."""
    return text if is_address(text) else str(user_path(text).absolute())
