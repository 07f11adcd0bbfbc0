"""Errors of readers, turned into errors that name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_umis_fusion.errors import StackFileError, UmisFusionError
from napari_umis_fusion.files.read._content import unlike_its_name
from napari_umis_fusion.files.read._quiet import quiet_tifffile
from napari_umis_fusion.runtime import naming_faults

_ADVICE = "the file is broken, truncated or not what its name says: copy it again or leave it out"


@contextmanager
def naming_read_errors(path: Path) -> Iterator[None]:
    """Raise any error inside as a `StackFileError` that names the file; tifffile logs nothing."""
    with (
        quiet_tifffile(),
        naming_faults(path, StackFileError, "cannot be read", _ADVICE),
        _naming_content(path),
    ):
        yield


@contextmanager
def _naming_content(path: Path) -> Iterator[None]:
    """Say what a file holds that is not what its name says, rather than what its reader missed."""
    try:
        yield
    except (UmisFusionError, MemoryError):
        raise
    except PermissionError as error:  # of Windows also while another program writes the file
        msg = (
            f"{path}: cannot be read ({error.strerror}); see that you may, and no program holds it."
        )
        raise StackFileError(msg) from error
    except Exception as error:
        told = unlike_its_name(path)
        if told is None:
            raise
        raise StackFileError(told) from error
