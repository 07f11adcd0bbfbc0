"""Files that anybody may have written: read within bounds, and with errors that name the file.

Nothing is believed that a file says of itself before it is checked, and only regular files are
opened: reading a pipe or a device may never end.
"""

import errno
import json
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import UmisFusionError

MOST_TEXT_BYTES = 2**24
"""Texts of this package are a thousand times smaller."""

LONGEST_REASON = 200
"""Characters of another library's message that are shown."""


@contextmanager
def open_regular(path: Path, most_bytes: int) -> Iterator[BufferedReader]:
    """Open a regular file of a bounded size for reading.

    Raises
    ------
    OSError
        If there is none, or it is a pipe, a device, a folder, or larger.
    """
    # Without waiting: opening a pipe would otherwise block until somebody writes to it.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is a folder, a pipe or a device, not a file")
        if status.st_size > most_bytes:
            size = f"got {status.st_size} bytes, accepted are at most {most_bytes}"
            raise OSError(f"it is too large: {size}")
        yield file


_BINARY = getattr(os, "O_BINARY", 0)
"""Windows would otherwise translate the ends of lines."""


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """Return the content of a file; raises as `open_regular`."""
    with open_regular(path, most_bytes) as file:
        return file.read(most_bytes)


def read_text(path: Path, most_bytes: int = MOST_TEXT_BYTES) -> str:
    """Return the content of a text file, without a byte order mark.

    Raises
    ------
    OSError
        As `open_regular`.
    ValueError
        If it is not UTF-8.
    """
    return read_bytes(path, most_bytes).decode("utf-8-sig")


def read_json(path: Path, most_bytes: int = MOST_TEXT_BYTES) -> Any:
    """Return the value in a JSON file.

    Raises
    ------
    OSError
        As `open_regular`.
    ValueError
        If it is not JSON, or nested too deeply.
    """
    return parse_json(read_text(path, most_bytes))


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text; raises `ValueError` if it is none."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from None


@contextmanager
def naming_faults(
    path: str | os.PathLike[str],
    kind: type[UmisFusionError],
    what: str,
    advice: str,
    *,
    of: type[Exception] = Exception,
) -> Iterator[None]:
    """Raise any error inside as one of this package, in one line that names the file.

    Damaged files make libraries raise nearly every type of exception, so all are caught. What
    this package says itself is kept, with the name of the file in front.

    Parameters
    ----------
    path : path
        The file.
    kind : type
        The error to raise.
    what : str
        What is wrong, such as "is not the config of a training".
    advice : str
        What to do, unless memory, the disk or a wrong path is the reason.
    of : type
        The errors of the file; others pass. Whoever writes a file meets `OSError` only.
    """
    try:
        yield
    except of as error:
        if isinstance(error, UmisFusionError):
            if isinstance(error, kind) and str(error).startswith(f"{path}"):
                raise
            raise kind(f"{path}: {error}") from error
        reason, known = _known_reason(error)
        msg = f"{path}: {what} ({reason or reason_of(error)}); {(known or advice).rstrip('.')}."
        raise kind(msg) from error


def _known_reason(error: Exception) -> tuple[str, str]:
    """Return reason and advice for what is no fault of the file; empty if it is one."""
    if isinstance(error, MemoryError):
        return "there is not enough memory", "close other programs, or cut the file into parts"
    # NumPy says of a full disk how many bytes it has written.
    if getattr(error, "errno", None) == errno.ENOSPC or _SHORT_WRITE.search(str(error)):
        return "the disk is full", "free some space, or choose another folder"
    if isinstance(error, FileNotFoundError):
        return "", "check the path"
    # What Python says of these is about the code that reads the file, not about the file.
    if isinstance(error, struct.error | EOFError):
        return "it ends too early", ""
    if isinstance(error, IndexError | AttributeError | TypeError | RecursionError):
        return "what it holds contradicts itself", ""
    return "", ""


_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")


def reason_of(error: BaseException) -> str:
    """Return the message of an error in one line, cut if it is long."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, KeyError):
        text = f"{error} is missing"
    if isinstance(error, UnicodeDecodeError):
        text = "it is no text"
    line = " ".join(text.split()) or type(error).__name__
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}..."
