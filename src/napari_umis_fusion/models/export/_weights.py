"""Weights with their header, in the format of this package."""

import hashlib
from pathlib import Path

from napari_umis_fusion.network import SAFETENSORS, Checkpoint, save_checkpoint


def write_weights(checkpoint: Checkpoint, path: Path) -> None:
    """Write a .safetensors file: byte for byte that which the weights come from, if there is one.

    Otherwise, and where that file has changed or is gone, weights and header are those in memory.

    Raises
    ------
    OSError, CheckpointError
        If it cannot be written.
    """
    content = _source(checkpoint)
    if content is None:
        save_checkpoint(path, checkpoint.state_dict, checkpoint.metadata)
    else:
        path.write_bytes(content)


def _source(checkpoint: Checkpoint) -> bytes | None:
    """Return the file of a checkpoint, if it is in our format and still the same."""
    if checkpoint.path.suffix not in SAFETENSORS:
        return None
    try:
        content = checkpoint.path.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == checkpoint.sha256 else None
