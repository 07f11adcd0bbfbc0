"""Paths as users type them."""

import os
from pathlib import Path


def user_path(path: str | os.PathLike[str]) -> Path:
    """Return a path in which "~" stands for the home folder, unless a file has such a name.

    Lock files and backups begin with "~", too: where no user has this name, the path is taken as
    it is.
    """
    plain = Path(path)
    if not plain.parts or not plain.parts[0].startswith("~"):
        return plain
    if plain.parts[0] != "~" and os.path.lexists(plain):
        return plain
    try:
        return plain.expanduser()
    except RuntimeError:
        return plain
