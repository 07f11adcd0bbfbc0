"""Architectures of networks, and the shipped weights; torch is not imported."""

from pathlib import Path
from typing import Literal

from napari_umis_fusion.errors import CheckpointError

Architecture = Literal["umis-unetplusplus", "plane-ranker"]

FOCUS_MEASURES: dict[Architecture, str] = {"umis-unetplusplus": "umis", "plane-ranker": "learned"}
"""Focus measure of each architecture."""

DEFAULT_ARCHITECTURE: Architecture = "umis-unetplusplus"
"""Architecture of files that do not name one, such as those published for UMIS-Fusion."""

HEADER_KEY = "napari_umis_fusion"
"""Entry of this package in the metadata of a safetensors file."""

MAX_BYTES = 2**28
"""Files of weights are read into memory as a whole; this is forty times the larger network."""

SHIPPED = Path(__file__).parent.parent / "weights"
"""Folder of the shipped weights, each with its model card."""


def shipped_weights(architecture: Architecture) -> Path:
    """Return the path of the weights shipped with this package.

    Parameters
    ----------
    architecture : {"plane-ranker", "umis-unetplusplus"}
        The network.

    Returns
    -------
    pathlib.Path
        A .safetensors file.

    Raises
    ------
    CheckpointError
        If the file is missing.
    """
    path = SHIPPED / f"{architecture}.safetensors"
    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such file; install the package again, or give a checkpoint"
        )
    return path
