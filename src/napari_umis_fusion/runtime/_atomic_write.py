"""Write files whole or not at all: beside the target first, then renamed."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Give a name beside `target`; rename on success, remove on any way out but that.

    The name ends as the target's does, for writers that go by the ending.
    """
    beside = target.with_name(f".{uuid.uuid4().hex[:12]}-{target.name}")
    try:
        yield beside
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
