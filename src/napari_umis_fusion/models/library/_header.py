"""Read the header of a file of weights, without reading the weights or importing torch."""

import os
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.network import (
    DEFAULT_ARCHITECTURE,
    FOCUS_MEASURES,
    HEADER_KEY,
    MAX_BYTES,
    Architecture,
)
from napari_umis_fusion.runtime import naming_faults, open_regular, parse_json, user_path

SUFFIX = ".safetensors"

_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 2**24
"""A larger length is garbage; reading it would fill the memory."""

_DAMAGED = "damaged, or not weights of this package; save or download it again"


def read_header(path: Path) -> dict[str, Any]:
    """Return the part of this package in the header of a .safetensors file; empty if absent.

    Raises
    ------
    CheckpointError
        If the file cannot be read, is truncated, or has another format.
    """
    advice = "save or download it again"
    with (
        naming_faults(path, CheckpointError, "cannot be read", advice),
        open_regular(path, MAX_BYTES) as file,
    ):
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if not 2 <= length <= min(size - _LENGTH_BYTES, _MAX_HEADER_BYTES):
            raise CheckpointError(f"{path}: {_DAMAGED}")
        text = file.read(length)
    with naming_faults(path, CheckpointError, "damaged, or not weights", advice):
        entries = parse_json(text)
        about = entries.pop("__metadata__", {})
        # the header gives the size of the file: a truncated one is found without reading it
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        ours = parse_json(about.get(HEADER_KEY, "{}"))
        is_whole = _LENGTH_BYTES + length + end == size and bool(entries)
    if not is_whole or not isinstance(ours, dict):
        raise CheckpointError(f"{path}: {_DAMAGED}")
    return ours


def focus_measure_of(path: str | os.PathLike[str]) -> str:
    """Return the focus measure of weights, from the header of their file.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or this version does not know its network.
    """
    where = user_path(path)
    header = read_header(where) if where.suffix == SUFFIX else {}
    return FOCUS_MEASURES[architecture_in(header, where)]


def architecture_in(header: dict[str, Any], path: Path) -> Architecture:
    """Return the network of a header; raises `CheckpointError` for an unknown one."""
    architecture = header.get("architecture", DEFAULT_ARCHITECTURE)
    known = {str(name): name for name in FOCUS_MEASURES}
    if not isinstance(architecture, str) or architecture not in known:
        raise CheckpointError(
            f"{path}: has the architecture {architecture!r}; this version knows "
            f"{', '.join(FOCUS_MEASURES)}: update the package"
        )
    return known[architecture]
