"""The description of a network for the BioImage Model Zoo: the content of bioimageio.yaml.

References
----------
Specification 0.5 of model descriptions: https://github.com/bioimage-io/spec-bioimage-io
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from napari_umis_fusion.models.export._description import ExportDescription
from napari_umis_fusion.models.export._interface import (
    INPUT,
    INTERFACES,
    TensorAxis,
    TensorInterface,
)
from napari_umis_fusion.models.export._package_readme import HOMEPAGE, METHOD
from napari_umis_fusion.network import OPSET, Architecture, Checkpoint
from napari_umis_fusion.preprocess import OUTLIERS_PERCENT
from napari_umis_fusion.runtime import package_version

NETWORK_FILE = "weights.onnx"
WEIGHTS_FILE = "weights.safetensors"
README_FILE = "README.md"
COVER_FILE = "cover.png"

URLS = (METHOD, HOMEPAGE)
"""Addresses in a description. They are known to exist, so that an export needs no network."""

NO_AUTHOR = "unnamed"
"""Author if none is given, because the format requires one."""

_TAGS = {
    "plane-ranker": ("3d", "2d", "focus-measure", "depth-from-focus"),
    "umis-unetplusplus": ("2d", "unet", "focus-measure"),
}
_COMMON_TAGS = ("multi-focus-image-fusion", "focus-stacking", "extended-depth-of-field", "pytorch")

_MAX_NAME_LENGTH = 64
_MIN_NAME_LENGTH = 5


def tensor_file(name: str) -> str:
    """Return the name of the file that holds a test tensor."""
    return f"test_{name}.npy"


def description(
    checkpoint: Checkpoint, about: ExportDescription, format_version: str
) -> dict[str, Any]:
    """Return the description of a network.

    Parameters
    ----------
    checkpoint : Checkpoint
        The trained weights.
    about : ExportDescription
        Name, authors and licence.
    format_version : str
        Version of the specification that the installed library implements.

    Returns
    -------
    dict
        YAML values; files have the names of the constants of this module.
    """
    architecture = checkpoint.architecture
    interface = INTERFACES[architecture]
    return {
        "type": "model",
        "format_version": format_version,
        "name": zoo_name(about.name, architecture),
        "description": interface.summary,
        "authors": [{"name": _author(name)} for name in about.authors or (NO_AUTHOR,)],
        "license": about.licence,
        "cite": [
            {"text": "UMIS-Fusion: the published method and its network", "url": METHOD},
            {"text": "napari-umis-fusion: training and fusion", "url": HOMEPAGE},
        ],
        "git_repo": HOMEPAGE,
        "tags": [*_COMMON_TAGS, *_TAGS[architecture]],
        "documentation": {"source": README_FILE},
        "covers": [{"source": COVER_FILE}],
        "attachments": [{"source": WEIGHTS_FILE}],
        "inputs": [_input(interface)],
        "outputs": [_output(interface, name) for name in interface.outputs],
        "weights": {"onnx": {"source": NETWORK_FILE, "opset_version": OPSET}},
        "config": {"napari_umis_fusion": _own(checkpoint, about)},
    }


def zoo_name(name: str, architecture: Architecture) -> str:
    """Return a name with the characters that the zoo allows, 5 to 64 of them."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_+\- ()]+", "-", plain).strip("- ")[:_MAX_NAME_LENGTH].strip()
    return plain if len(plain) >= _MIN_NAME_LENGTH else f"{plain} {architecture}".strip()


def _author(name: str) -> str:
    return re.sub(r"\s*[/\\]\s*", ", ", name.strip())  # the format refuses slashes


def _own(checkpoint: Checkpoint, about: ExportDescription) -> dict[str, str]:
    return {
        "name": about.name,
        "architecture": checkpoint.architecture,
        "weights_sha256": checkpoint.sha256,
        "version": package_version(),
    }


def _input(interface: TensorInterface) -> dict[str, Any]:
    return {
        "id": INPUT,
        "description": "grey planes; the documentation explains how to scale those of a stack",
        "axes": [_input_axis(axis) for axis in interface.axes],
        "data": {"type": "float32"},
        "test_tensor": {"source": tensor_file(INPUT)},
        "preprocessing": _preprocessing(interface),
    }


def _output(interface: TensorInterface, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "description": interface.outputs[name],
        "axes": [_output_axis(axis) for axis in interface.output_axes],
        "data": {"type": "float32"},
        "test_tensor": {"source": tensor_file(name)},
    }


def _preprocessing(interface: TensorInterface) -> Sequence[dict[str, Any]]:
    """Scale the planes of a stack together: they are along z or, without z, along the batch."""
    names = [axis.name for axis in interface.axes]
    together = names if "z" not in names else [name for name in names if name != "batch"]
    low, high = OUTLIERS_PERCENT, 100 - OUTLIERS_PERCENT
    percentiles = {"min_percentile": low, "max_percentile": high, "axes": together}
    steps: list[dict[str, Any]] = [{"id": "scale_range", "kwargs": percentiles}]
    black, white = interface.values
    if (black, white) != (0, 1):
        steps.append({"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}})
        stretch = {"gain": white - black, "offset": black}
        steps.append({"id": "scale_linear", "kwargs": stretch})
    return steps


def _input_axis(axis: TensorAxis) -> dict[str, Any]:
    if axis.name in ("batch", "channel"):
        return _unsized(axis)
    return {
        "type": "space",
        "id": axis.name,
        "size": {"min": axis.least, "step": axis.step},
    }


def _output_axis(axis: TensorAxis) -> dict[str, Any]:
    if axis.name in ("batch", "channel"):
        return _unsized(axis)
    size = {"tensor_id": INPUT, "axis_id": axis.name}
    return {"type": "space", "id": axis.name, "size": size}


def _unsized(axis: TensorAxis) -> dict[str, Any]:
    if axis.name == "batch":
        return {"type": "batch"}
    names = ["grey"] if axis.least == 1 else [f"feature{k}" for k in range(axis.least)]
    return {"type": "channel", "id": "channel", "channel_names": names}
