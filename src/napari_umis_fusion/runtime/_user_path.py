"""Paths as users type them."""

import os
from pathlib import Path

from napari_umis_fusion.errors import StackFileError


def user_path(path: str | os.PathLike[str]) -> Path:
    """Return a path in which "~" stands for the home folder, unless a file has such a name.

    Lock files and backups begin with "~", too: where no user has this name, the path is taken as
    it is.

    Raises
    ------
    StackFileError
        If it is no path, or empty: Python takes that as the current folder, which nobody means who
        names nothing.
    """
    try:
        plain = Path(path)
    except TypeError as error:
        msg = f"got {type(path).__name__} where a file or folder is; accepted are text and paths."
        raise StackFileError(msg) from error
    if not os.fspath(path).strip():
        msg = "got an empty name of a file or folder; give one. Write . for the current folder."
        raise StackFileError(msg)
    if not plain.parts or not plain.parts[0].startswith("~"):
        return plain
    if plain.parts[0] != "~" and os.path.lexists(plain):
        return plain
    try:
        return plain.expanduser()
    except RuntimeError:
        return plain
