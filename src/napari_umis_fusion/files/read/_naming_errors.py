"""Errors of readers, turned into errors that name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_umis_fusion.errors import StackError, StackFileError


@contextmanager
def naming_read_errors(path: Path) -> Iterator[None]:
    """Raise any error inside as a `StackFileError` that names `path`.

    Decoders raise nearly every kind of exception on broken files, so all are caught.

    Parameters
    ----------
    path : pathlib.Path
        The file being read.

    Raises
    ------
    StackFileError
        Instead of any `Exception` except `MemoryError`.
    """
    try:
        yield
    except (StackError, StackFileError) as error:
        # Nested readers have named the file already.
        known = str(error).startswith(f"{path}:")
        raise StackFileError(str(error) if known else f"{path}: {error}") from error
    # Not a fault of the file.
    except MemoryError:
        raise
    except FileNotFoundError as error:
        msg = f"{path}: no such file."
        raise StackFileError(msg) from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, KeyError):
            reason = f"{reason} is missing in its header"
        msg = (
            f"{path}: cannot be read ({reason}). The file is broken, truncated or not what its "
            "name says; copy it again or leave it out."
        )
        raise StackFileError(msg) from error
