"""Trained networks for other people and other programs."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.models.export._description import DEFAULT_LICENCE, ExportDescription
from napari_umis_fusion.runtime import atomic_write

if TYPE_CHECKING:
    from napari_umis_fusion.network import Checkpoint

EXPORT_SUFFIXES = {
    ".safetensors": "weights of napari-umis-fusion",
    ".onnx": "ONNX",
    ".zip": "BioImage Model Zoo package",
}
"""Endings that networks are exported to, and what each stands for."""


def export_model(
    checkpoint: "Checkpoint",
    path: str | os.PathLike[str],
    *,
    name: str,
    note: str = "",
    authors: Sequence[str] = (),
    licence: str = DEFAULT_LICENCE,
) -> Path:
    """Export a trained network; the file appears under its name once it is complete.

    ONNX and the package take about ten seconds, in which nothing else is told: call it from a
    thread where a window is open.

    Parameters
    ----------
    checkpoint : Checkpoint
        The trained weights.
    path : path
        Its ending chooses the format: .safetensors, the weights with their header, byte for byte
        if they come from such a file; .onnx, the network as other programs run it; .zip, a
        package for the BioImage Model Zoo, with both of them, a test and a documentation. An
        existing file is replaced.
    name : str
        What the network is called. A .safetensors file keeps what it has.
    note : str
        What to know of it.
    authors : sequence of str
        Who trained it.
    licence : str
        Of the weights, as an SPDX identifier.

    Returns
    -------
    pathlib.Path
        The file, absolute.

    Raises
    ------
    ConfigError
        If the path ends otherwise, the name is empty, or the licence or an author is none that
        the Model Zoo accepts.
    CheckpointError
        If a library that the format needs is missing, the network cannot be exported, or the
        file cannot be written.
    """
    where = Path(path).absolute()
    if where.suffix not in EXPORT_SUFFIXES:
        raise ConfigError(
            f"{where}: ends in {where.suffix!r}; networks are exported as "
            f"{', '.join(EXPORT_SUFFIXES)}: change the ending"
        )
    if not name.strip():
        raise ConfigError(f"name is {name!r}; give the network a name")
    people = tuple(author.strip() for author in authors if author.strip())
    about = ExportDescription(name.strip(), note.strip(), people, licence)
    try:
        with atomic_write(where) as beside:
            _write(checkpoint, beside, about)
    except OSError as error:
        raise CheckpointError(
            f"{where}: cannot be written ({error.strerror or error}); free some space, or choose "
            "a folder in which you may write. What was there is as it was"
        ) from error
    return where


def _write(checkpoint: "Checkpoint", path: Path, about: ExportDescription) -> None:
    if path.suffix == ".safetensors":
        from napari_umis_fusion.models.export._weights import write_weights

        write_weights(checkpoint, path)
        return
    from napari_umis_fusion.models.export._onnx import onnx_model, require

    if path.suffix == ".zip":
        require("bioimageio.spec")  # before the long part
    network = onnx_model(checkpoint, about)
    if path.suffix == ".onnx":
        path.write_bytes(network)
        return
    from napari_umis_fusion.models.export._bioimage_package import write_package

    write_package(checkpoint, path, about, network)
