"""Content of files of weights: safetensors with a header, and the published .pth.

Code in a pickled file is never executed. torch is imported for what only it reads: pickled files,
and the layout of networks other than the plane ranker.
"""

import importlib
import io
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as load_arrays

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.network._architectures import (
    DEFAULT_ARCHITECTURE,
    HEADER_KEY,
    MAX_BYTES,
    Architecture,
)
from napari_umis_fusion.network._ranker_layout import BOTH_ORDERS, plane_ranker_shapes
from napari_umis_fusion.runtime import AnyArray, naming_faults, parse_json, read_bytes

SAFETENSORS = (".safetensors",)
PICKLED = (".pth", ".pt")

NETWORKS: dict[Architecture, tuple[str, str]] = {
    "umis-unetplusplus": ("_unetplusplus", "UNetPlusPlus"),
    "plane-ranker": ("_plane_ranker", "PlaneRanker"),
}
"""Module and name of the network of each architecture."""

_COUNTER = "num_batches_tracked"
"""Of batch normalisation: the only integers among weights."""

_OF_RANKER = "motion.weight"
"""Weights that only a plane ranker has."""

ONE_ORDER = np.zeros(1, np.float32)
"""`BOTH_ORDERS` of weights that know one order."""

_FLOAT_BYTES = 4

_PARALLEL_PREFIX = "module."  # added by torch.nn.DataParallel

Arrays = Mapping[str, AnyArray]


def network_class(architecture: Architecture) -> Any:
    """Return the torch module of an architecture."""
    module, name = NETWORKS[architecture]
    return getattr(importlib.import_module(f"napari_umis_fusion.network.{module}"), name)


def shapes_of(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of weights of an architecture, under its name in files."""
    if architecture == "plane-ranker":
        return plane_ranker_shapes()
    import torch

    with torch.device("meta"):  # names and shapes, without allocating anything
        state = network_class(architecture)().state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def read_weights(path: Path) -> tuple[dict[str, AnyArray], dict[str, Any], bytes]:
    """Read a file of weights; return its arrays, its header and its bytes.

    Raises
    ------
    CheckpointError
        If it is not a file of weights, or they do not fit their architecture.
    """
    content = read_content(path)
    what = f"truncated, or not a checkpoint; got {len(content)} bytes that are not {path.suffix}"
    with (
        naming_faults(path, CheckpointError, what, "download or save it again"),
        warnings.catch_warnings(),
    ):
        # torch warns about the way in which a file was pickled; its content is checked below.
        warnings.simplefilter("ignore")
        found, metadata = _parse(content, path)
        arrays = with_orders(plain_arrays(found, path), ONE_ORDER)
        check_architecture(arrays, metadata, path)
    return arrays, metadata, content


def read_content(path: Path) -> bytes:
    """Read a file, after checks of its extension and size."""
    if path.suffix not in SAFETENSORS + PICKLED:
        accepted = ", ".join(SAFETENSORS + PICKLED)
        raise CheckpointError(f"{path}: ends in {path.suffix!r}; accepted are {accepted}")
    with naming_faults(path, CheckpointError, "cannot be read", "give the path of a checkpoint"):
        content = read_bytes(path, MAX_BYTES)
    if not content:
        raise CheckpointError(f"{path}: the file is empty; download or save it again")
    return content


def _parse(content: bytes, path: Path) -> tuple[Any, dict[str, Any]]:
    """Parse the weights and the header without executing code."""
    if path.suffix in SAFETENSORS:
        return _load_safetensors(content), _header(content)
    import torch

    _check_unpacked(content)
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True), {}
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        if not named:
            raise
        raise CheckpointError(
            f"{path}: refused, because loading it would run code ({named[1]}); accepted are files "
            "that hold only a state_dict. If you trust the file, load it with torch and save "
            "model.state_dict() with torch.save"
        ) from None


def _check_unpacked(content: bytes) -> None:
    """Refuse an archive that would fill the memory; raises `ValueError`."""
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise ValueError(f"it unpacks to {size} bytes, accepted are at most {MAX_BYTES}")


def _load_safetensors(content: bytes) -> Mapping[str, Any]:
    try:
        arrays: Mapping[str, Any] = load_arrays(content)
        return arrays
    except (KeyError, TypeError, AttributeError):  # dtypes that NumPy lacks, such as bfloat16
        from safetensors.torch import load

        return load(content)


def _header(content: bytes) -> dict[str, Any]:
    """Read the entry of this package in the header of a valid safetensors file."""
    # The format: 8 bytes of length, then the header as JSON. The library returns only tensors.
    length = int.from_bytes(content[:8], "little")
    entries = parse_json(content[8 : 8 + length]).get("__metadata__", {})
    return dict(parse_json(entries.get(HEADER_KEY, "{}")))


def plain_arrays(found: Any, path: Path) -> dict[str, AnyArray]:
    """Return weights as float32 arrays, without the data-parallel prefix."""
    if not isinstance(found, Mapping) or not all(map(_is_array, found.values())):
        raise CheckpointError(
            f"{path}: holds a {type(found).__name__} that is not a state_dict; accepted is a "
            "mapping of names to tensors, as model.state_dict() returns it"
        )
    parallel = all(name.startswith(_PARALLEL_PREFIX) for name in found)
    return {
        name[len(_PARALLEL_PREFIX) :] if parallel else name: _plain_array(value)
        for name, value in found.items()
    }


def with_orders(weights: Mapping[str, Any], one_order: Any) -> dict[str, Any]:
    """Return weights with `BOTH_ORDERS`, which those of a plane ranker of before lack."""
    told = BOTH_ORDERS in weights or _OF_RANKER not in weights
    return dict(weights) if told else {**weights, BOTH_ORDERS: one_order}


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or hasattr(value, "is_floating_point")


def _plain_array(value: Any) -> AnyArray:
    if not isinstance(value, np.ndarray):  # a tensor, on any device and of any dtype
        if value.numel() * _FLOAT_BYTES > MAX_BYTES:  # of a few stored numbers, repeated
            raise ValueError(f"a tensor has {value.numel()} entries")
        value = value.detach()
        value = (value.float() if value.is_floating_point() else value).cpu().numpy()
    # The counters of batch normalisation stay integers.
    dtype = np.float32 if value.dtype.kind == "f" else value.dtype
    # A copy: the memory of a tensor may change with its network.
    return np.array(value, dtype, order="C")


def architecture_of(metadata: Mapping[str, Any]) -> Architecture:
    name: Architecture = metadata.get("architecture", DEFAULT_ARCHITECTURE)
    return name


def check_architecture(state: Arrays, metadata: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` unless `state` fits its network exactly."""
    architecture = architecture_of(metadata)
    if architecture not in tuple(NETWORKS):  # a tuple: the header's value may be unhashable
        raise CheckpointError(
            f"{path}: its header says architecture {architecture!r}; accepted are "
            f"{', '.join(NETWORKS)}: update the package, or use other weights"
        )
    expected = shapes_of(architecture)
    problems = {
        "missing": [name for name in expected if name not in state],
        "unexpected": [name for name in state if name not in expected],
        "of another shape": [
            f"{name} {state[name].shape} instead of {wanted}"
            for name, wanted in expected.items()
            if name in state and state[name].shape != wanted
        ],
        "of another type": [
            f"{name} {state[name].dtype}"
            for name in expected
            if name in state and state[name].dtype != (np.int64 if _COUNTER in name else np.float32)
        ],
        "not finite": [
            name
            for name in expected
            if name in state
            and state[name].dtype.kind == "f"
            and not np.isfinite(state[name]).all()
        ],
    }
    found = "; ".join(f"{len(v)} {kind}: {_list_some(v)}" for kind, v in problems.items() if v)
    if found:
        raise CheckpointError(
            f"{path}: not weights of the architecture {architecture!r} ({found}); "
            "use a checkpoint of UMIS-Fusion or of this package"
        )


def _list_some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
