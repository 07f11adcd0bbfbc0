"""Errors of readers, turned into errors that name the file."""

from contextlib import AbstractContextManager
from pathlib import Path

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.runtime import naming_faults


def naming_read_errors(path: Path) -> AbstractContextManager[None]:
    """Raise any error inside as a `StackFileError` that names the file being read."""
    return naming_faults(
        path,
        StackFileError,
        "cannot be read",
        "the file is broken, truncated or not what its name says: copy it again or leave it out",
    )
