"""Atomic writes: a file is complete under its name, or absent."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Yield a temporary name to write to, and rename it to `target` on success.

    On failure the temporary file is removed and `target` stays as it was.
    """
    # In the target's folder, since a rename across file systems is not atomic. The extension is
    # kept at the end, because writers such as Pillow choose the format by it.
    temporary = target.with_name(f".{uuid.uuid4().hex[:12]}-{target.name}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
