"""Stamps of files, by which a change is noticed."""

from pathlib import Path

FileStamp = tuple[int, int]
"""Size in bytes and time of the last change in ns."""


def file_stamp(path: Path) -> FileStamp:
    """Return size and time of the last change of a file as it is now.

    Raises
    ------
    OSError
        If there is no such file.
    """
    status = path.stat()
    return status.st_size, status.st_mtime_ns
