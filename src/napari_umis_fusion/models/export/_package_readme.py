"""The documentation of an exported network: what it is, its training, and its limits."""

from collections.abc import Iterator, Mapping
from typing import Any

from napari_umis_fusion.models.export._description import ExportDescription
from napari_umis_fusion.models.export._interface import (
    INPUT,
    INTERFACES,
    TensorAxis,
    TensorInterface,
)
from napari_umis_fusion.network import FOCUS_MEASURES, Checkpoint

HOMEPAGE = "https://github.com/napari-umis-fusion/napari-umis-fusion"
METHOD = "https://github.com/Xinzhe99/UMIS-Fusion"

UNKNOWN = "Not recorded in the file of the weights."

_MAX_ITEMS = 12
"""Longer lists are cut; the header of the weights holds all of them."""


def readme(checkpoint: Checkpoint, about: ExportDescription) -> str:
    """Return the documentation as Markdown.

    Parameters
    ----------
    checkpoint : Checkpoint
        Its header describes the training; missing entries are marked as not recorded.
    about : ExportDescription
        Name, note, authors and licence.
    """
    interface = INTERFACES[checkpoint.architecture]
    header = checkpoint.metadata
    parts = [
        f"# {_plain(about.name)}",
        interface.summary,
        _plain(about.note),
        _io_section(interface),
        "## Training",
        _entries(header, "objective", "steps", "training_data", "config", "parent"),
        "## Validation",
        _entries(header, "scores", "comparison"),
        "To validate it on your own data, fuse a stack whose sharp image is known, or a rendered "
        "stack, and compare PSNR and SSIM; `umis-fusion metrics` computes them.",
        "## Limits",
        interface.limits,
        _use_section(checkpoint),
        _origin_section(checkpoint, about),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _io_section(interface: TensorInterface) -> str:
    rows = [(INPUT, interface.axes, interface.scaling)]
    rows += [(name, interface.output_axes, said) for name, said in interface.outputs.items()]
    lines = [f"| `{name}` | {_shape(axes)} | {said} |" for name, axes, said in rows]
    table = "\n".join(["| tensor | axes | meaning |", "|---|---|---|", *lines])
    return f"## Input and output\n\n{table}\n\n{interface.use}"


def _shape(axes: tuple[TensorAxis, ...]) -> str:
    return " × ".join(_length(axis) for axis in axes)


def _length(axis: TensorAxis) -> str:
    if axis.step == 0:
        return f"{axis.name} ({axis.least})"
    if axis.step > 1:
        return f"{axis.name} (multiple of {axis.step})"
    return axis.name if axis.least == 1 else f"{axis.name} ({axis.least} or more)"


def _use_section(checkpoint: Checkpoint) -> str:
    measure = FOCUS_MEASURES[checkpoint.architecture]
    return (
        "## Use\n\n"
        f"With [napari-umis-fusion]({HOMEPAGE}), extract `weights.safetensors` from this file:\n\n"
        "```bash\n"
        f"umis-fusion fuse stack/ -o fused.tif --focus-measure {measure} "
        "--checkpoint weights.safetensors\n"
        "```\n\n"
        "Without it, `weights.onnx` runs in any program that reads ONNX:\n\n"
        "```python\n"
        "import numpy as np\n"
        "import onnxruntime\n\n"
        'network = onnxruntime.InferenceSession("weights.onnx")\n'
        f'outputs = network.run(None, {{"{INPUT}": np.load("planes.npy")}})\n'
        "```"
    )


def _origin_section(checkpoint: Checkpoint, about: ExportDescription) -> str:
    return (
        "## Origin\n\n"
        f"- trained by {_plain(', '.join(about.authors)) or 'unnamed'}\n"
        f"- licence of the weights: {about.licence}; of the code: BSD-3-Clause\n"
        f"- network `{checkpoint.architecture}`, sha256 of the weights `{checkpoint.sha256}`\n"
        f"- please cite [UMIS-Fusion]({METHOD}), and [napari-umis-fusion]({HOMEPAGE})"
    )


def _entries(header: Mapping[str, Any], *names: str) -> str:
    """List entries of the header."""
    found = {name: header[name] for name in names if header.get(name)}
    return "\n".join(_listed(found, 0)) if found else UNKNOWN


def _listed(values: Mapping[str, Any], depth: int) -> Iterator[str]:
    """Yield lines of a nested list."""
    for name, value in values.items():
        start = f"{'  ' * depth}- {_plain(str(name))}"
        if isinstance(value, Mapping) and value:
            yield f"{start}:"
            yield from _listed(value, depth + 1)
        else:
            yield f"{start}: {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list | tuple):
        shown = ", ".join(_value(item) for item in value[:_MAX_ITEMS])
        more = len(value) - _MAX_ITEMS
        return f"{shown} and {more} more" if more > 0 else shown
    return _plain(str(value))


def _plain(text: str) -> str:
    """Escape Markdown in names and notes of the user."""
    return " ".join("".join(f"\\{c}" if c in r"\`*_{}[]<>#|" else c for c in text).split())
