"""Import weights: copy them byte for byte, or convert them to .safetensors."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.models.library._header import SUFFIX
from napari_umis_fusion.models.library._model import HASH_SHOWN, Model
from napari_umis_fusion.models.library._names import file_stem
from napari_umis_fusion.models.library._reserve import naming_write_faults
from napari_umis_fusion.runtime import atomic_write

if TYPE_CHECKING:
    from napari_umis_fusion.network import Checkpoint

ORIGIN = "imported_from"
"""Header entry of a model that was converted from a .pth file: name and hash of that file."""


def copy_weights(checkpoint: "Checkpoint", folder: Path, name: str) -> Path:
    """Copy the file of a checkpoint into a folder under a name like `name`.

    The first digits of the hash are part of the name, so that no two models have the same file.

    Raises
    ------
    CheckpointError
        If it cannot be written, or has changed since it was loaded.
    """
    target = folder / f"{file_stem(name)}-{checkpoint.sha256[:HASH_SHOWN]}{SUFFIX}"
    with naming_write_faults(folder), atomic_write(target) as beside:
        if checkpoint.path.suffix == SUFFIX:
            beside.write_bytes(_unchanged(checkpoint))
        else:
            _convert(checkpoint, beside)
    return target


def name_of(checkpoint: "Checkpoint") -> str:
    """Return the name of a checkpoint's file, without the hash that a library appended."""
    return checkpoint.path.stem.removesuffix(f"-{checkpoint.sha256[:HASH_SHOWN]}")


def has_source_hash(model: Model, sha256: str) -> bool:
    """Return whether a model is, or was converted from, the file with this hash."""
    origin = model.metadata.get(ORIGIN)
    return sha256 in (model.sha256, origin.get("sha256") if isinstance(origin, dict) else None)


def _unchanged(checkpoint: "Checkpoint") -> bytes:
    # the hash is part of the name: it must be that of the copied bytes
    content = checkpoint.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != checkpoint.sha256:
        raise CheckpointError(f"{checkpoint.path}: changed while it was copied; try again")
    return content


def _convert(checkpoint: "Checkpoint", path: Path) -> None:
    from napari_umis_fusion.network import save_checkpoint

    origin = {"file": checkpoint.path.name, "sha256": checkpoint.sha256}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    save_checkpoint(path, checkpoint.state_dict, {"created": now, ORIGIN: origin})
