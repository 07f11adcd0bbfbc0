"""Whether two paths are one file, so that no input is overwritten under another name."""

import os
from collections.abc import Iterable
from pathlib import Path

from napari_umis_fusion.runtime._user_path import user_path

PathLike = str | os.PathLike[str]


def is_same_file(path: PathLike, other: PathLike) -> bool:
    """Return whether two paths name one file: by links, or where case is ignored."""
    one, two = user_path(path), user_path(other)
    try:
        if one.resolve() == two.resolve():
            return True
        return one.exists() and two.exists() and one.samefile(two)
    except (OSError, RuntimeError, ValueError):  # a loop of links, or no valid name
        return False


def first_same(path: PathLike, others: Iterable[PathLike]) -> Path | None:
    """Return the first of other paths that names the same file, or None."""
    return next((Path(other) for other in others if is_same_file(path, other)), None)
