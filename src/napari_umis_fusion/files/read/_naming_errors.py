"""Errors of readers, turned into errors that name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_umis_fusion.errors import StackError, StackFileError
from napari_umis_fusion.runtime import reason_of


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
        Instead of any `Exception`.
    """
    try:
        yield
    except (StackError, StackFileError) as error:
        # Nested readers have named the file already.
        known = str(error).startswith(f"{path}:")
        raise StackFileError(str(error) if known else f"{path}: {error}") from error
    except MemoryError as error:
        msg = f"{path}: there is not enough memory to read it. Close other programs, or cut it."
        raise StackFileError(msg) from error
    except FileNotFoundError as error:
        msg = f"{path}: no such file."
        raise StackFileError(msg) from error
    except Exception as error:
        msg = (
            f"{path}: cannot be read ({reason_of(error)}). The file is broken, truncated or not "
            "what its name says; copy it again or leave it out."
        )
        raise StackFileError(msg) from error
