"""Trained weights with their file, for torch and for what runs without it.

A file is read once as a whole, so that its hash is that of the loaded weights.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.numpy import save

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.network._architectures import (
    FOCUS_MEASURES,
    HEADER_KEY,
    Architecture,
    shipped_weights,
)
from napari_umis_fusion.network._weights_file import (
    NETWORKS,
    ONE_ORDER,
    SAFETENSORS,
    Arrays,
    architecture_of,
    check_architecture,
    network_class,
    plain_arrays,
    read_weights,
    shapes_of,
    with_orders,
)
from napari_umis_fusion.runtime import atomic_write, package_version, user_path

if TYPE_CHECKING:
    from torch import Tensor, nn

    from napari_umis_fusion.network._plane_ranker import PlaneRanker
    from napari_umis_fusion.network._unetplusplus import UNetPlusPlus

    Network = UNetPlusPlus | PlaneRanker
else:  # torch is not imported for the name of a type
    Network = Any

FORMAT_VERSION = 1
"""Version of the header, for later versions of this package."""


@dataclass(frozen=True)
class Checkpoint:
    """Trained weights that fit their architecture, with their file.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        Float32, without the prefix of data-parallel training.
    metadata : mapping
        The file's header: architecture, format_version, version and, if saved, config,
        training_data and scores; empty for the published files.
    sha256 : str
        Hash of the file, for provenance.
    path : pathlib.Path
        Absolute path of the file.
    """

    arrays: Arrays = field(repr=False)
    metadata: Mapping[str, Any]
    sha256: str
    path: Path

    @property
    def architecture(self) -> Architecture:
        """Architecture of the weights."""
        return architecture_of(self.metadata)

    @property
    def state_dict(self) -> dict[str, "Tensor"]:
        """The weights as tensors on the CPU, copied: a network that gets them may be trained."""
        import torch

        return {name: torch.tensor(value) for name, value in self.arrays.items()}

    def model(self) -> "Network":
        """Build the network with these weights, in evaluation mode."""
        import torch

        with torch.device("meta"):  # skips the random initial weights, which are replaced anyway
            model: Network = network_class(self.architecture)()
        model.load_state_dict(self.state_dict, assign=True)
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
    where = user_path(path).absolute()
    arrays, metadata, content = read_weights(where)
    return Checkpoint(arrays, metadata, hashlib.sha256(content).hexdigest(), where)


def save_checkpoint(
    path: str | os.PathLike[str],
    model_or_state: "nn.Module | Mapping[str, Tensor]",
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
    where = user_path(path).absolute()
    if where.suffix not in SAFETENSORS:
        raise CheckpointError(
            f"{where}: checkpoints are saved as .safetensors; change the extension"
        )
    state = getattr(model_or_state, "state_dict", lambda: model_or_state)()
    arrays = with_orders(plain_arrays(state, where), ONE_ORDER)
    header = {**(metadata or {}), **_signature(arrays)}
    check_architecture(arrays, header, where)
    content = save(arrays, {HEADER_KEY: json.dumps(header)})
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
    state = checkpoint.model().parameters()
    return {
        "path": str(checkpoint.path),
        "format": "safetensors" if checkpoint.path.suffix in SAFETENSORS else "pytorch",
        "architecture": checkpoint.architecture,
        "parameters": sum(p.numel() for p in state),
        "sha256": checkpoint.sha256,
        "metadata": dict(checkpoint.metadata),
    }


def _signature(arrays: Arrays) -> dict[str, Any]:
    """Return the entries of the header that identify weights.

    The architecture is the one with which they have most names in common.
    """
    return {
        "architecture": max(NETWORKS, key=lambda name: len(set(arrays) & set(shapes_of(name)))),
        "format_version": FORMAT_VERSION,
        "version": package_version(),
    }
