"""The small .json file beside a model: name, note, and the hash of the weights."""

import hashlib
import json
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.models.library._reserve import naming_write_faults
from napari_umis_fusion.network import MAX_BYTES
from napari_umis_fusion.runtime import (
    FileStamp,
    atomic_write,
    file_stamp,
    naming_faults,
    open_regular,
    read_json,
)

_hashes: dict[tuple[str, int, int], str] = {}
"""Hashes computed in this process, by path, size and time of change."""


def sidecar_of(path: Path) -> Path:
    """Return the .json file of a file of weights."""
    return path.with_suffix(".json")


def read_sidecar(path: Path) -> dict[str, Any]:
    """Return the content of the .json file; empty if there is none, or it is unreadable."""
    try:
        noted = read_json(sidecar_of(path))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def write_sidecar(path: Path, **changes: str) -> None:
    """Change entries of the .json file; the others stay.

    Raises
    ------
    CheckpointError
        If it cannot be written, or would overwrite a file of another program.
    """
    target = sidecar_of(path)
    if target.exists() and not read_sidecar(path):
        raise CheckpointError(
            f"{target}: damaged, and not overwritten; repair it, or move it away and try again"
        )
    size, changed = _stamp(path)
    noted = {**read_sidecar(path), **changes}
    noted.update(sha256=sha256_of(path), size=size, mtime_ns=changed)
    with naming_write_faults(target), atomic_write(target) as beside:
        beside.write_text(json.dumps(noted, indent=1), "utf-8")


def known_sha256(path: Path) -> str:
    """Return the hash of a file if it is known without reading it, otherwise empty."""
    size, changed = _stamp(path)
    known = _hashes.get((str(path), size, changed), "")
    if not known:
        noted = read_sidecar(path)
        if (noted.get("size"), noted.get("mtime_ns")) == (size, changed):
            known = str(noted.get("sha256", ""))
    return known


def sha256_of(path: Path) -> str:
    """Return the hash of a file; raises `CheckpointError` if it does not exist."""
    known = known_sha256(path)
    if not known:
        stamp = _stamp(path)
        with (
            naming_faults(path, CheckpointError, "cannot be read", "save it again"),
            open_regular(path, MAX_BYTES) as file,
        ):
            known = hashlib.file_digest(file, "sha256").hexdigest()
        _hashes[(str(path), *stamp)] = known
    return known


def changed_at(path: Path) -> float:
    """Return the time of the last change of a file, in seconds since 1970."""
    return _stamp(path)[1] / 1e9


def stamp_of(path: Path) -> tuple[int, ...]:
    """Return values that change whenever a file of weights or its .json file changes."""
    beside = sidecar_of(path)
    # the inode, too: two quick changes may have the same size and time
    of_note = (*_stamp(beside), beside.stat().st_ino) if beside.exists() else ()
    return *_stamp(path), *of_note


def _stamp(path: Path) -> FileStamp:
    try:
        return file_stamp(path)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); check that you may read it"
        raise CheckpointError(msg) from error
