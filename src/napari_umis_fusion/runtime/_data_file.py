"""Data classes as files, for other processes: read without running anything that a file holds."""

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.runtime._atomic_write import atomic_write
from napari_umis_fusion.runtime._foreign_files import reason_of

_TREE = "tree"
"""Name of the entry that holds all but the arrays."""


def save_data(value: Any, path: Path) -> None:
    """Save a data class of data classes, tuples, arrays and plain values, atomically.

    Parameters
    ----------
    value : dataclass
        What to save. Dicts may have any keys; scalars of NumPy become plain ones.
    path : Path
        An ``.npz`` file.
    """
    arrays: dict[str, Any] = {}
    arrays[_TREE] = np.array(json.dumps(_encode(value, arrays)))
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load_data(path: Path, kinds: Iterable[type[Any]]) -> Any:
    """Load what `save_data` saved.

    Parameters
    ----------
    path : Path
        The file.
    kinds : iterable of type
        The data classes that it may hold.

    Raises
    ------
    StackFileError
        If the file is damaged, or holds anything else.
    """
    known = {kind.__name__: kind for kind in kinds}
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _decode(json.loads(str(arrays.pop(_TREE))), arrays, known)
    except Exception as error:
        raise StackFileError(
            f"{path}: cannot be read ({reason_of(error)}). Remove it, and it is made again."
        ) from error


def _encode(value: Any, arrays: dict[str, Any]) -> Any:
    if is_dataclass(value):
        parts = {spec.name: getattr(value, spec.name) for spec in fields(value)}
        return {type(value).__name__: {name: _encode(one, arrays) for name, one in parts.items()}}
    if isinstance(value, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, tuple | list):
        return {"tuple": [_encode(one, arrays) for one in value]}
    if isinstance(value, dict):
        return {"dict": [[key, _encode(one, arrays)] for key, one in value.items()]}
    return value.item() if isinstance(value, np.generic) else value


def _decode(tree: Any, arrays: dict[str, Any], known: dict[str, type[Any]]) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((name, content),) = tree.items()
    if name == "array":
        return arrays[content]
    if name == "tuple":
        return tuple(_decode(one, arrays, known) for one in content)
    if name == "dict":
        return {key: _decode(one, arrays, known) for key, one in content}
    return known[name](**{part: _decode(one, arrays, known) for part, one in content.items()})
