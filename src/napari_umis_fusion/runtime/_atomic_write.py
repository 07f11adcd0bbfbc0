"""Atomic writes: a file is complete under its name, or absent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_umis_fusion.runtime._leftovers import sweep, temporary_name

LONGEST_NAME_BYTES = 255
"""Of most file systems."""


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Yield a temporary name to write to, and rename it to `target` on success.

    On failure the temporary file is removed and `target` stays as it was. What a killed process
    left beside it is removed.
    """
    # In the target's folder, since a rename across file systems is not atomic.
    sweep(target.parent)
    temporary = target.with_name(_hidden_name(target))
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _hidden_name(target: Path) -> str:
    """Return a hidden name that is no longer than file systems accept.

    The extension is kept at the end, because writers such as Pillow choose the format by it.
    """
    name = f".{temporary_name(target.name)}"
    excess = len(name.encode()) - LONGEST_NAME_BYTES
    if excess <= 0:
        return name
    ending = "".join(target.suffixes[-2:])
    return f".{temporary_name(ending)}"
