"""Configurations that were loaded before, the latest first."""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.runtime import atomic_write, read_json, user_data

FILE_VARIABLE = "UMIS_FUSION_MICROSCOPES"
"""Environment variable that names another file for the list."""

MOST = 8


def list_file() -> Path:
    """Return the file that holds the list."""
    return user_data("microscopes.json", FILE_VARIABLE)


def recent_configurations() -> list[Path]:
    """Return the configurations that still exist; none if the list cannot be read."""
    with contextlib.suppress(OSError, UmisFusionError, ValueError):
        known = read_json(list_file())
        if isinstance(known, Sequence):
            return [Path(one) for one in known if isinstance(one, str) and Path(one).is_file()]
    return []


def remember_configuration(path: Path) -> None:
    """Put a configuration at the top of the list; a disk that is full is no reason to fail."""
    known = [path, *(one for one in recent_configurations() if one != path)]
    with contextlib.suppress(OSError):
        list_file().parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(list_file()) as temporary:
            temporary.write_text(json.dumps([str(one) for one in known[:MOST]]), "utf-8")
