"""Files of trained weights: safetensors with a header, and the published .pth.

A file is read once as a whole, so that its hash is that of the loaded weights. Code in a pickled
file is never executed.
"""

import hashlib
import io
import json
import os
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.network._architectures import (
    DEFAULT_ARCHITECTURE,
    FOCUS_MEASURES,
    HEADER_KEY,
    MAX_BYTES,
    Architecture,
    shipped_weights,
)
from napari_umis_fusion.network._plane_ranker import PlaneRanker
from napari_umis_fusion.network._unetplusplus import UNetPlusPlus
from napari_umis_fusion.runtime import atomic_write

Network = UNetPlusPlus | PlaneRanker

ARCHITECTURES: dict[Architecture, type[UNetPlusPlus] | type[PlaneRanker]] = {
    "umis-unetplusplus": UNetPlusPlus,
    "plane-ranker": PlaneRanker,
}
"""Network of each architecture."""

FORMAT_VERSION = 1
"""Version of the header, for later versions of this package."""

SAFETENSORS = (".safetensors",)
PICKLED = (".pth", ".pt")

_PARALLEL_PREFIX = "module."  # added by torch.nn.DataParallel

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """Trained weights that fit their architecture, with their file.

    Attributes
    ----------
    state_dict : mapping of str to Tensor
        On the CPU, float32, without the prefix of data-parallel training.
    metadata : mapping
        The file's header: architecture, format_version, version and, if saved, config,
        training_data and scores; empty for the published files.
    sha256 : str
        Hash of the file, for provenance.
    path : pathlib.Path
        Absolute path of the file.
    """

    state_dict: State = field(repr=False)
    metadata: Mapping[str, Any]
    sha256: str
    path: Path

    @property
    def architecture(self) -> Architecture:
        """Architecture of the weights."""
        return _named(self.metadata)

    def model(self) -> Network:
        """Build the network with these weights, in evaluation mode."""
        with torch.device("meta"):  # skips the random initial weights, which are replaced anyway
            model = ARCHITECTURES[self.architecture]()
        # Copies: `assign` shares memory, and the network may be trained.
        copies = {name: value.clone() for name, value in self.state_dict.items()}
        model.load_state_dict(copies, assign=True)
        return model.eval()


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Load trained weights; refuse any other file.

    Parameters
    ----------
    path : path
        A .safetensors file of this package, or a .pth or .pt file with the ``state_dict`` of the
        published network, with or without ``module.`` before each name.

    Returns
    -------
    Checkpoint
        The weights with their metadata.

    Raises
    ------
    CheckpointError
        If the file is missing, too large, truncated, not a checkpoint, contains code, or is of
        another architecture.
    """
    where = Path(path).absolute()
    content = _read(where)
    try:
        with warnings.catch_warnings():
            # torch warns about the way in which a file was pickled; its content is checked below.
            warnings.simplefilter("ignore")
            found, metadata = _parse(content, where)
            state = _plain(found, where)
    except CheckpointError:
        raise
    except Exception as error:  # damaged files raise nearly every type of exception
        raise CheckpointError(
            f"{where}: truncated, or not a checkpoint; got {len(content)} bytes that cannot be "
            f"parsed as {where.suffix}; download or save it again"
        ) from error
    _check_architecture(state, metadata, where)
    return Checkpoint(state, metadata, hashlib.sha256(content).hexdigest(), where)


def save_checkpoint(
    path: str | os.PathLike[str],
    model_or_state: nn.Module | State,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Save trained weights in an atomic write.

    Parameters
    ----------
    path : path
        Ends in .safetensors. An existing file is replaced.
    model_or_state : UNetPlusPlus, PlaneRanker or mapping of str to Tensor
        The network or its ``state_dict``, on any device.
    metadata : mapping, optional
        JSON values: config, training_data, scores. Architecture, format_version and the
        package's version are added.

    Returns
    -------
    pathlib.Path
        Absolute path of the file.

    Raises
    ------
    CheckpointError
        If the extension is not .safetensors, or the weights are of another architecture.
    """
    where = Path(path).absolute()
    if where.suffix not in SAFETENSORS:
        raise CheckpointError(
            f"{where}: checkpoints are saved as .safetensors; change the extension"
        )
    if isinstance(model_or_state, nn.Module):
        model_or_state = model_or_state.state_dict()
    state = _plain(model_or_state, where)
    header = {**(metadata or {}), **_signature(state)}
    _check_architecture(state, header, where)
    content = safetensors.torch.save(dict(state), {HEADER_KEY: json.dumps(header)})
    with atomic_write(where) as temporary:
        temporary.write_bytes(content)
    return where


def open_checkpoint(
    source: str | os.PathLike[str] | Checkpoint | None, architecture: Architecture
) -> Checkpoint:
    """Return the weights of a focus measure's network, by default those of this package.

    Raises
    ------
    CheckpointError
        If they cannot be loaded, or are of another architecture.
    """
    checkpoint = (
        source
        if isinstance(source, Checkpoint)
        else load_checkpoint(shipped_weights(architecture) if source is None else source)
    )
    if checkpoint.architecture != architecture:
        raise CheckpointError(
            f"{checkpoint.path}: got weights of {checkpoint.architecture!r}, which focus measure "
            f"{FOCUS_MEASURES[architecture]!r} cannot use; use "
            f"focus_measure={FOCUS_MEASURES[checkpoint.architecture]!r}, or other weights"
        )
    return checkpoint


def describe_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Describe a checkpoint: path, format, architecture, parameters, sha256 and metadata.

    Raises
    ------
    CheckpointError
        As `load_checkpoint`.
    """
    checkpoint = load_checkpoint(path)
    model = checkpoint.model()
    return {
        "path": str(checkpoint.path),
        "format": "safetensors" if checkpoint.path.suffix in SAFETENSORS else "pytorch",
        "architecture": checkpoint.architecture,
        "parameters": sum(p.numel() for p in model.parameters()),
        "sha256": checkpoint.sha256,
        "metadata": dict(checkpoint.metadata),
    }


def _signature(state: State) -> dict[str, Any]:
    """Return the entries of the header that identify weights.

    The architecture is the one with which they have most names in common.
    """
    return {
        "architecture": max(ARCHITECTURES, key=lambda name: len(set(state) & set(_empty(name)))),
        "format_version": FORMAT_VERSION,
        "version": version("napari-umis-fusion"),
    }


def _read(path: Path) -> bytes:
    """Read a file, after checks of its extension and size."""
    if path.suffix not in SAFETENSORS + PICKLED:
        accepted = ", ".join(SAFETENSORS + PICKLED)
        raise CheckpointError(f"{path}: ends in {path.suffix!r}; accepted are {accepted}")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise CheckpointError(
                f"{path}: got {size} bytes; accepted are checkpoints of at most {MAX_BYTES}"
            )
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); give the path of a checkpoint"
        ) from error
    if not content:
        raise CheckpointError(f"{path}: the file is empty; download or save it again")
    return content


def _parse(content: bytes, path: Path) -> tuple[Any, dict[str, Any]]:
    """Parse the weights and the header without executing code."""
    if path.suffix in SAFETENSORS:
        return safetensors.torch.load(content), _header(content)
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


def _header(content: bytes) -> dict[str, Any]:
    """Read the entry of this package in the header of a valid safetensors file."""
    # The format: 8 bytes of length, then the header as JSON. The library returns only tensors.
    length = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return dict(json.loads(entries.get(HEADER_KEY, "{}")))


def _plain(found: Any, path: Path) -> dict[str, Tensor]:
    """Return the content of a file as float32 weights, without the data-parallel prefix."""
    if not isinstance(found, Mapping) or not all(isinstance(v, Tensor) for v in found.values()):
        raise CheckpointError(
            f"{path}: holds a {type(found).__name__} that is not a state_dict; accepted is a "
            "mapping of names to tensors, as model.state_dict() returns it"
        )
    parallel = all(name.startswith(_PARALLEL_PREFIX) for name in found)
    return {
        name[len(_PARALLEL_PREFIX) :] if parallel else name: _plain_tensor(tensor)
        for name, tensor in found.items()
    }


def _plain_tensor(tensor: Tensor) -> Tensor:
    # The counters of batch normalisation stay integers.
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to("cpu", dtype).contiguous()


def _named(metadata: Mapping[str, Any]) -> Architecture:
    name: Architecture = metadata.get("architecture", DEFAULT_ARCHITECTURE)
    return name


def _empty(architecture: Architecture) -> State:
    """Return names and shapes of a network's weights, without allocating them."""
    with torch.device("meta"):
        return ARCHITECTURES[architecture]().state_dict()


def _check_architecture(state: State, metadata: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` unless `state` fits its network exactly."""
    architecture = _named(metadata)
    if architecture not in tuple(ARCHITECTURES):  # a tuple: the header's value may be unhashable
        raise CheckpointError(
            f"{path}: its header says architecture {architecture!r}; accepted are "
            f"{', '.join(ARCHITECTURES)}: update the package, or use other weights"
        )
    expected = _empty(architecture)
    problems = {
        "missing": [name for name in expected if name not in state],
        "unexpected": [name for name in state if name not in expected],
        "of another shape": [
            f"{name} {tuple(state[name].shape)} instead of {tuple(wanted.shape)}"
            for name, wanted in expected.items()
            if name in state and state[name].shape != wanted.shape
        ],
        "not finite": [
            name for name in expected if name in state and not state[name].isfinite().all()
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
