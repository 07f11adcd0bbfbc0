"""What a killed process left behind: temporary files and folders that are known by their names.

The name holds host and process, so that only what a dead process of this host left is removed.
"""

import os
import platform
import re
import shutil
import tempfile
import uuid
import zlib
from contextlib import suppress
from pathlib import Path

import psutil

_NAME = re.compile(r"\.?umis-fusion-(?P<host>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{12}(-.*)?")
_swept: set[Path] = set()


def temporary_name(name: str = "") -> str:
    """Return a new name for a temporary file or folder, which ends in `name`."""
    ending = f"-{name}" if name else ""
    return f"umis-fusion-{_host()}-{os.getpid()}-{uuid.uuid4().hex[:12]}{ending}"


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a new temporary folder, after removing those that dead processes left."""
    sweep(Path(tempfile.gettempdir()))
    return tempfile.TemporaryDirectory(prefix=f"{temporary_name()}-", ignore_cleanup_errors=True)


def sweep(folder: Path) -> None:
    """Remove what dead processes left in a folder; once per process and folder.

    Nothing is raised: what cannot be removed stays.
    """
    if folder in _swept:
        return
    _swept.add(folder)
    with suppress(OSError):
        for entry in os.scandir(folder):
            found = _NAME.fullmatch(entry.name)
            if found and found["host"] == _host() and not psutil.pid_exists(int(found["process"])):
                _remove(Path(entry.path))


def _host() -> str:
    """Return eight digits that stand for this host: other hosts may see the same folder."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()
