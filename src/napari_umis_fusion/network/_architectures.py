"""The networks that weights can be of, and the weights of this package; loads no torch."""

from pathlib import Path
from typing import Literal

from napari_umis_fusion.errors import CheckpointError

Architecture = Literal["umis-unetplusplus", "plane-ranker"]

FOCUS_MEASURES: dict[Architecture, str] = {"umis-unetplusplus": "umis", "plane-ranker": "learned"}
"""Which focus measure each is for."""

DEFAULT_ARCHITECTURE: Architecture = "umis-unetplusplus"
"""Of files that do not say, such as the original's."""

HEADER_KEY = "napari_umis_fusion"
"""Entry of the metadata of a safetensors file that is ours."""

SHIPPED = Path(__file__).parent.parent / "weights"
"""Where the package keeps trained weights, each beside its model card."""


def shipped_weights(architecture: Architecture) -> Path:
    """Return the trained weights that come with this package.

    Raises
    ------
    CheckpointError
        If the installation lacks them.
    """
    path = SHIPPED / f"{architecture}.safetensors"
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; install the package again, or give a checkpoint")
    return path
