"""Write a network as a package of the BioImage Model Zoo: one ZIP file, validated."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.models.export._bioimage_description import (
    COVER_FILE,
    NETWORK_FILE,
    README_FILE,
    URLS,
    WEIGHTS_FILE,
    description,
    tensor_file,
)
from napari_umis_fusion.models.export._description import ExportDescription
from napari_umis_fusion.models.export._interface import INPUT
from napari_umis_fusion.models.export._package_readme import readme
from napari_umis_fusion.models.export._package_tensors import cover_picture, example_tensors
from napari_umis_fusion.models.export._weights import write_weights
from napari_umis_fusion.network import Checkpoint
from napari_umis_fusion.runtime import install_command, needs_extra, temporary_folder

_MAX_REASON_LENGTH = 120
"""Some messages of bioimageio.spec list every accepted value."""

_USER_FIELDS = {"name", "authors", "license"}
"""Fields of a description that the user has given."""


def write_package(
    checkpoint: Checkpoint, path: Path, about: ExportDescription, network: bytes
) -> None:
    """Write a package with network, weights, test data, cover image and documentation.

    It accesses no address on the internet: those in the description are of this project.

    Parameters
    ----------
    checkpoint : Checkpoint
        The trained weights.
    path : Path
        A .zip file.
    about : ExportDescription
        Name, note, authors and licence for the documentation.
    network : bytes
        The ONNX model of these weights.

    Raises
    ------
    CheckpointError
        If bioimageio.spec is missing, or cannot describe the network.
    ConfigError
        If the zoo does not accept the name, the authors or the licence.
    OSError
        If the file cannot be written.
    """
    spec = _bioimageio_spec()
    version = spec.model.ModelDescr.implemented_format_version
    content = description(checkpoint, about, version)
    with temporary_folder() as made:
        folder = Path(made)
        _fill(folder, checkpoint, about, network)
        with _silence_resource_warnings(), _offline_context(spec, folder):
            described = spec.build_description(content)
            _refuse_invalid(spec, described)
            with path.open("wb") as file:
                spec.save_bioimageio_package_to_stream(described, output_stream=file)


def _bioimageio_spec() -> Any:
    with needs_extra(
        "zoo", ["bioimageio"], "packages are described by bioimageio.spec", CheckpointError
    ):
        import bioimageio.spec
        import bioimageio.spec.model
    return bioimageio.spec


def _fill(folder: Path, checkpoint: Checkpoint, about: ExportDescription, network: bytes) -> None:
    """Write the files of the description."""
    tensors = example_tensors(checkpoint)
    for name, values in {INPUT: tensors.planes, **tensors.outputs}.items():
        np.save(folder / tensor_file(name), values)
    (folder / COVER_FILE).write_bytes(cover_picture(tensors))
    (folder / README_FILE).write_text(readme(checkpoint, about), encoding="utf-8")
    (folder / NETWORK_FILE).write_bytes(network)
    write_weights(checkpoint, folder / WEIGHTS_FILE)


@contextmanager
def _silence_resource_warnings() -> Iterator[None]:
    """Ignore that bioimageio.spec leaves files open for the garbage collector to close."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def _offline_context(spec: Any, folder: Path) -> Any:
    """Return a context that checks the files, but does not look up our addresses."""
    known = dict.fromkeys(URLS)
    return spec.ValidationContext(
        root=folder, known_files=known, perform_io_checks=True, log_warnings=False
    )


def _refuse_invalid(spec: Any, described: Any) -> None:
    if not isinstance(described, spec.InvalidDescr):
        return
    errors = described.validation_summary.errors
    messages = {".".join(map(str, error.loc[:1])): error.msg for error in errors}
    reasons = "; ".join(f"{name}: {text[:_MAX_REASON_LENGTH]}" for name, text in messages.items())
    if not set(messages) <= _USER_FIELDS:
        raise CheckpointError(
            f"bioimageio.spec {spec.__version__} cannot describe the network ({reasons}); update "
            f"it together with pydantic: {install_command('zoo')}"
        )
    raise ConfigError(
        f"bioimageio.spec refuses the package ({reasons}); accepted are printable names and "
        "authors, and licences as SPDX identifiers, such as BSD-3-Clause or CC-BY-4.0: change the "
        "fields named here"
    )
