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
    temporary = hidden_beside(target)
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def hidden_beside(target: Path) -> Path:
    """Return a new hidden name in the folder of a target, to write to before it is renamed.

    What killed processes left there is removed. The name is no longer than file systems accept, and
    ends in the extension, because writers such as Pillow choose the format by it.
    """
    # In the target's folder, since a rename across file systems is not atomic.
    sweep(target.parent)
    name = f".{temporary_name(target.name)}"
    if len(os.fsencode(name)) > LONGEST_NAME_BYTES:
        name = f".{temporary_name(''.join(target.suffixes[-2:]))}"
    return target.with_name(name)
