"""Export a trained network to a file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.models.export._description import DEFAULT_LICENCE, ExportDescription
from napari_umis_fusion.runtime import atomic_write, naming_faults, user_path

if TYPE_CHECKING:
    from napari_umis_fusion.network import Checkpoint

EXPORT_SUFFIXES = {
    ".safetensors": "weights of napari-umis-fusion",
    ".onnx": "ONNX",
    ".zip": "BioImage Model Zoo package",
}
"""Extensions of exports, and the format of each."""


def export_model(
    checkpoint: "Checkpoint",
    path: str | os.PathLike[str],
    *,
    name: str,
    note: str = "",
    authors: Sequence[str] = (),
    licence: str = DEFAULT_LICENCE,
) -> Path:
    """Export a trained network with an atomic write.

    A package takes some seconds without progress: in a program with a window, call it from a
    thread.

    Parameters
    ----------
    checkpoint : Checkpoint
        The trained weights.
    path : path
        Its extension chooses the format: .safetensors, the weights with their header, byte for
        byte if they come from such a file; .onnx, the network for other programs; .zip, a package
        for the BioImage Model Zoo with both of them, test data and documentation. An existing file
        is replaced.
    name : str
        Name of the network. A .safetensors file keeps its own.
    note : str
        Note about it.
    authors : sequence of str
        Authors of the weights.
    licence : str
        Licence of the weights, as an SPDX identifier.

    Returns
    -------
    pathlib.Path
        The file, absolute.

    Raises
    ------
    ConfigError
        For another extension, an empty name, or a licence or author that the Model Zoo does not
        accept.
    CheckpointError
        If a library that the format needs is missing, the network cannot be described, or the
        file cannot be written.
    """
    where = user_path(path).absolute()
    if where.suffix not in EXPORT_SUFFIXES:
        raise ConfigError(
            f"{where}: has the extension {where.suffix!r}; networks are exported as "
            f"{', '.join(EXPORT_SUFFIXES)}: change the extension"
        )
    if not name.strip():
        raise ConfigError(f"name={name!r}; give the network a name")
    people = tuple(author.strip() for author in authors if author.strip())
    about = ExportDescription(name.strip(), note.strip(), people, licence)
    advice = "choose a folder in which you may write. Nothing was changed"
    naming = naming_faults(where, CheckpointError, "cannot be written", advice, of=OSError)
    with naming, atomic_write(where) as beside:
        _write(checkpoint, beside, about)
    return where


def _write(checkpoint: "Checkpoint", path: Path, about: ExportDescription) -> None:
    if path.suffix == ".safetensors":
        from napari_umis_fusion.models.export._weights import write_weights

        write_weights(checkpoint, path)
        return
    from napari_umis_fusion.models.export._onnx import onnx_model

    network = onnx_model(checkpoint, about)
    if path.suffix == ".onnx":
        path.write_bytes(network)
        return
    from napari_umis_fusion.models.export._bioimage_package import write_package

    write_package(checkpoint, path, about, network)
