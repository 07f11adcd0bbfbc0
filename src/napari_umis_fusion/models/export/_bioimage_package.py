"""A network as a package for the BioImage Model Zoo: everything in one ZIP file, and tested."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
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
from napari_umis_fusion.models.export._onnx import INSTALL, require
from napari_umis_fusion.models.export._package_readme import readme
from napari_umis_fusion.models.export._package_tensors import cover_picture, example_tensors
from napari_umis_fusion.models.export._weights import write_weights
from napari_umis_fusion.network import Checkpoint

_LONGEST_REASON = 120
"""Some list everything that would be accepted."""

_SAID_BY_PEOPLE = {"name", "authors", "license"}
"""What of a description comes from who exports."""


def write_package(
    checkpoint: Checkpoint, path: Path, about: ExportDescription, network: bytes
) -> None:
    """Write a package that holds a network, its weights, a test, a picture and a documentation.

    Nothing is looked up in the network: addresses are those of this package.

    Parameters
    ----------
    checkpoint : Checkpoint
        The trained weights.
    path : Path
        A .zip file.
    about : ExportDescription
        What the documentation says beside what the checkpoint knows.
    network : bytes
        The ONNX model of these weights.

    Raises
    ------
    CheckpointError
        If bioimageio.spec is missing, or cannot do it.
    ConfigError
        If the zoo does not accept what is said.
    OSError
        If the file cannot be written.
    """
    spec, model = require("bioimageio.spec", "bioimageio.spec.model")
    version = model.ModelDescr.implemented_format_version
    content = description(checkpoint, about, version)
    with TemporaryDirectory(prefix="umis-fusion-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        _fill(folder, checkpoint, about, network)
        with _quiet(), _offline(spec, folder):
            described = spec.build_description(content)
            _refuse_invalid(spec, described)
            with path.open("wb") as file:
                spec.save_bioimageio_package_to_stream(described, output_stream=file)


def _fill(folder: Path, checkpoint: Checkpoint, about: ExportDescription, network: bytes) -> None:
    """Write the files that the description names."""
    tensors = example_tensors(checkpoint)
    for name, values in {INPUT: tensors.planes, **tensors.outputs}.items():
        np.save(folder / tensor_file(name), values)
    (folder / COVER_FILE).write_bytes(cover_picture(tensors))
    (folder / README_FILE).write_text(readme(checkpoint, about), encoding="utf-8")
    (folder / NETWORK_FILE).write_bytes(network)
    write_weights(checkpoint, folder / WEIGHTS_FILE)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back that bioimageio.spec leaves it to Python to close its files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def _offline(spec: Any, folder: Path) -> Any:
    """Return a context that checks the files, but takes our addresses for granted."""
    known = dict.fromkeys(URLS)
    return spec.ValidationContext(
        root=folder, known_files=known, perform_io_checks=True, log_warnings=False
    )


def _refuse_invalid(spec: Any, described: Any) -> None:
    if not isinstance(described, spec.InvalidDescr):
        return
    errors = described.validation_summary.errors
    said = {".".join(map(str, error.loc[:1])): error.msg for error in errors}
    reasons = "; ".join(f"{where}: {text[:_LONGEST_REASON]}" for where, text in said.items())
    if not set(said) <= _SAID_BY_PEOPLE:
        raise CheckpointError(
            f"bioimageio.spec {spec.__version__} cannot describe the network ({reasons}); update "
            f"it together with pydantic: {INSTALL}"
        )
    raise ConfigError(
        f"bioimageio.spec refuses the package ({reasons}); accepted are names and authors "
        "that people can read, and licences as SPDX identifiers, such as BSD-3-Clause or "
        "CC-BY-4.0: change what is named here"
    )
