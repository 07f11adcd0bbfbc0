"""Trained weights in files: our own safetensors with a header, and the original's .pth.

A checkpoint is read once, whole, so that the hash is that of what was loaded; and never by
running what it holds.
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
"""What checkpoints are of."""

FORMAT_VERSION = 1

SAFETENSORS = (".safetensors",)
PICKLED = (".pth", ".pt")

MAX_BYTES = 2**28  # forty times what this architecture takes

_PARALLEL_PREFIX = "module."

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """Trained weights, checked against the architecture, and where they come from.

    Attributes
    ----------
    state_dict : mapping of str to Tensor
        On the CPU, float32, without the prefix of a data-parallel run.
    metadata : mapping
        What the file's header says: architecture, format_version, version, and as far as it was
        saved config, training_data and scores; empty for the original's files.
    sha256 : str
        Of the file, for provenance.
    path : pathlib.Path
        The file, absolute.
    """

    state_dict: State = field(repr=False)
    metadata: Mapping[str, Any]
    sha256: str
    path: Path

    @property
    def architecture(self) -> Architecture:
        """Which network the weights belong to."""
        return _named(self.metadata)

    def model(self) -> Network:
        """Build the network with these weights, in evaluation mode."""
        with torch.device("meta"):  # without weights that would be made for nothing
            model = ARCHITECTURES[self.architecture]()
        own = {name: value.clone() for name, value in self.state_dict.items()}
        model.load_state_dict(own, assign=True)
        return model.eval()


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Load trained weights, refusing whatever is not exactly that.

    Parameters
    ----------
    path : path
        A .safetensors file of this package, or a .pth or .pt file with the ``state_dict`` of the
        original, with or without ``module.`` before each name.

    Returns
    -------
    Checkpoint
        The weights and what is known about them.

    Raises
    ------
    CheckpointError
        If the file is missing, too large, truncated, no checkpoint, made to run code, or of
        another architecture.
    """
    where = Path(path).absolute()
    content = _read(where)
    try:
        with warnings.catch_warnings():
            # torch comments on the way in which a file was pickled; we judge what it holds.
            warnings.simplefilter("ignore")
            found, metadata = _parse(content, where)
            state = _plain(found, where)
    except CheckpointError:
        raise
    except Exception as error:  # what a damaged file raises is anyone's guess
        raise CheckpointError(
            f"{where}: truncated, or not a checkpoint; got {len(content)} bytes that do not read "
            f"as {where.suffix}; download or save it again"
        ) from error
    _check_architecture(state, metadata, where)
    return Checkpoint(state, metadata, hashlib.sha256(content).hexdigest(), where)


def save_checkpoint(
    path: str | os.PathLike[str],
    model_or_state: nn.Module | State,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Save trained weights; the file appears under its name once it is complete.

    Parameters
    ----------
    path : path
        Ends in .safetensors. An existing file is replaced.
    model_or_state : UNetPlusPlus, PlaneRanker or mapping of str to Tensor
        The network or its ``state_dict``, on any device.
    metadata : mapping, optional
        Whatever JSON can hold: config, training_data, scores. Architecture, format_version and
        the package's version are added.

    Returns
    -------
    pathlib.Path
        The file, absolute.

    Raises
    ------
    CheckpointError
        If the name ends otherwise, or the weights are of another architecture.
    """
    where = Path(path).absolute()
    if where.suffix not in SAFETENSORS:
        raise CheckpointError(f"{where}: checkpoints are saved as .safetensors; change the ending")
    if isinstance(model_or_state, nn.Module):
        model_or_state = model_or_state.state_dict()
    state = _plain(model_or_state, where)
    header = {**(metadata or {}), **_signature(state)}
    _check_architecture(state, header, where)
    content = safetensors.torch.save(dict(state), {HEADER_KEY: json.dumps(header)})
    with atomic_write(where) as beside:
        beside.write_bytes(content)
    return where


def open_checkpoint(
    source: str | os.PathLike[str] | Checkpoint | None, architecture: Architecture
) -> Checkpoint:
    """Return the weights of a focus measure's network, by default those of this package.

    Raises
    ------
    CheckpointError
        If they cannot be loaded, or belong to another network.
    """
    checkpoint = (
        source
        if isinstance(source, Checkpoint)
        else load_checkpoint(shipped_weights(architecture) if source is None else source)
    )
    if checkpoint.architecture != architecture:
        raise CheckpointError(
            f"{checkpoint.path}: weights of {checkpoint.architecture!r}, which the focus measure "
            f"{FOCUS_MEASURES[architecture]!r} cannot use; use "
            f"focus_measure={FOCUS_MEASURES[checkpoint.architecture]!r}, or other weights"
        )
    return checkpoint


def describe_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Say what a checkpoint is: path, format, architecture, parameters, sha256 and metadata.

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
    """Say what is saved; the names tell which network it belongs to."""
    return {
        "architecture": max(ARCHITECTURES, key=lambda name: len(set(state) & set(_empty(name)))),
        "format_version": FORMAT_VERSION,
        "version": version("napari-umis-fusion"),
    }


def _read(path: Path) -> bytes:
    """Read a file that may be a checkpoint by its name and size."""
    if path.suffix not in SAFETENSORS + PICKLED:
        accepted = ", ".join(SAFETENSORS + PICKLED)
        raise CheckpointError(f"{path}: ends in {path.suffix!r}; accepted are {accepted}")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise CheckpointError(f"{path}: {size} bytes are too many for a checkpoint of ours")
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); give the path of a checkpoint"
        ) from error
    if not content:
        raise CheckpointError(f"{path}: the file is empty; download or save it again")
    return content


def _parse(content: bytes, path: Path) -> tuple[Any, dict[str, Any]]:
    """Read the weights and the header, running nothing."""
    if path.suffix in SAFETENSORS:
        return safetensors.torch.load(content), _header(content)
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True), {}
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        if not named:
            raise
        raise CheckpointError(
            f"{path}: refused, as loading it would run code ({named[1]}); accepted are files that "
            "hold a state_dict and nothing else; save one with "
            "torch.save(model.state_dict(), path) where you trust the file"
        ) from None


def _header(content: bytes) -> dict[str, Any]:
    """Read our part of the header of a safetensors file that is known to be sound."""
    length = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return dict(json.loads(entries.get(HEADER_KEY, "{}")))


def _plain(found: Any, path: Path) -> dict[str, Tensor]:
    """Turn what a file holds into float32 weights under plain names."""
    if not isinstance(found, Mapping) or not all(isinstance(v, Tensor) for v in found.values()):
        raise CheckpointError(
            f"{path}: holds a {type(found).__name__} that is no state_dict; accepted are names "
            "with a tensor each, as model.state_dict() returns them"
        )
    parallel = all(name.startswith(_PARALLEL_PREFIX) for name in found)
    return {
        name[len(_PARALLEL_PREFIX) :] if parallel else name: _plain_tensor(tensor)
        for name, tensor in found.items()
    }


def _plain_tensor(tensor: Tensor) -> Tensor:
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to("cpu", dtype).contiguous()


def _named(metadata: Mapping[str, Any]) -> Architecture:
    name: Architecture = metadata.get("architecture", DEFAULT_ARCHITECTURE)
    return name


def _empty(architecture: Architecture) -> State:
    """Return names and shapes of a network's weights, without memory for them."""
    with torch.device("meta"):
        return ARCHITECTURES[architecture]().state_dict()


def _check_architecture(state: State, metadata: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` unless `state` fits its network exactly."""
    architecture = _named(metadata)
    if architecture not in tuple(ARCHITECTURES):  # a header may hold what cannot be hashed
        raise CheckpointError(
            f"{path}: its header says architecture {architecture!r}; this version knows "
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
    said = "; ".join(f"{len(v)} {kind}: {_some(v)}" for kind, v in problems.items() if v)
    if said:
        raise CheckpointError(
            f"{path}: not weights of the architecture {architecture!r} ({said}); "
            "use a checkpoint of UMIS-Fusion or of this package"
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
