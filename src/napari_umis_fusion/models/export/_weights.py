"""Write weights with their header, in the format of this package."""

import hashlib
from pathlib import Path

from napari_umis_fusion.network import SAFETENSORS, Checkpoint, save_checkpoint


def write_weights(checkpoint: Checkpoint, path: Path) -> None:
    """Write a .safetensors file: an identical copy of the file of the weights, if possible.

    If that file has changed or does not exist, weights and header come from memory.

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
    """Return the content of a checkpoint's file, if it is .safetensors and unchanged."""
    if checkpoint.path.suffix not in SAFETENSORS:
        return None
    try:
        content = checkpoint.path.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == checkpoint.sha256 else None
