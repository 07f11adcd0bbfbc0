"""Export a network as an ONNX model, which runs without torch and without this package."""

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.models.export._description import ExportDescription
from napari_umis_fusion.models.export._interface import (
    INPUT,
    INTERFACES,
    TensorInterface,
    exported_module,
)
from napari_umis_fusion.network import Checkpoint
from napari_umis_fusion.runtime import install_command, package_version

OPSET = 18
"""Version of the operators: the oldest that torch writes, for old runtimes."""

IR_VERSION = 8
"""Version of the file format: the one of these operators, so that older runtimes read it."""

INSTALL = install_command("zoo")

EXAMPLE = {"batch": 2, "channel": 1, "z": 3, "y": 48, "x": 64}
"""Lengths of the axes while tracing: all different, and none a special case such as 2."""


def require(*modules: str) -> list[Any]:
    """Import modules that only the export needs.

    Raises
    ------
    CheckpointError
        If one is missing; the text says how to install it.
    """
    try:
        return [importlib.import_module(name) for name in modules]
    except ImportError as error:
        missing = error.name or modules[0]
        raise CheckpointError(
            f"this export needs {missing}, which is not installed; run {INSTALL}"
        ) from error


def onnx_model(checkpoint: Checkpoint, about: ExportDescription) -> bytes:
    """Return a network as an ONNX model; this takes some seconds.

    Parameters
    ----------
    checkpoint : Checkpoint
        The trained weights.
    about : ExportDescription
        Name, note, authors and licence for its metadata.

    Returns
    -------
    bytes
        Content of the file. Batch, planes, height and width are free; the metadata explains the
        scaling of the input and the meaning of the outputs.

    Raises
    ------
    CheckpointError
        If a library is missing, or torch cannot export the network.
    """
    onnx, _ = require("onnx", "onnxscript")
    interface = INTERFACES[checkpoint.architecture]
    model = _traced(checkpoint, interface)
    _strip(model)
    _name_axes(model.graph, interface)
    _describe(model, interface)
    onnx.helper.set_model_props(model, metadata_of(checkpoint, about))
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def metadata_of(checkpoint: Checkpoint, about: ExportDescription) -> dict[str, str]:
    """Return the metadata of an ONNX file, under names that `INTERFACES` explains."""
    interface = INTERFACES[checkpoint.architecture]
    entries = {
        "name": about.name,
        "note": about.note,
        "authors": ", ".join(about.authors),
        "licence": about.licence,
        "architecture": checkpoint.architecture,
        "weights_sha256": checkpoint.sha256,
        "software": f"napari-umis-fusion {package_version()}",
        "summary": interface.summary,
        f"input {INPUT}": interface.scaling,
        **{f"output {name}": meaning for name, meaning in interface.outputs.items()},
        "use": interface.use,
        "limits": interface.limits,
    }
    return {key: value for key, value in entries.items() if value}


def _traced(checkpoint: Checkpoint, interface: TensorInterface) -> Any:
    """Trace the network as an ONNX model with free axes."""
    example = torch.zeros([EXAMPLE[axis.name] for axis in interface.axes])
    free = {k: torch.export.Dim.DYNAMIC for k, axis in enumerate(interface.axes) if axis.step}
    module = exported_module(checkpoint.model())
    try:
        with _silence_exporter():
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                input_names=[INPUT],
                output_names=list(interface.outputs),
                dynamic_shapes=(free,),
                opset_version=OPSET,
                verbose=False,
            )
            assert program is not None
            return program.model_proto
    except Exception as error:  # torch documents no exception of its exporter
        raise CheckpointError(
            f"{checkpoint.path}: torch {torch.__version__} cannot export it as ONNX "
            f"({str(error).splitlines()[0]}); update torch, onnx and onnxscript"
        ) from error


@contextmanager
def _silence_exporter() -> Iterator[None]:
    """Hide log messages and warnings of torch about its own code."""
    # the exporter logs and warns about internals that a user cannot change
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _strip(model: Any) -> None:
    """Remove traces of this machine: each node contains the paths of its source files."""
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.ClearField("metadata_props")
    model.graph.ClearField("metadata_props")
    model.ir_version = IR_VERSION


def _name_axes(graph: Any, interface: TensorInterface) -> None:
    """Name the free axes, which torch only numbers."""
    for values, axes in (
        (graph.input, interface.axes),
        (graph.output, interface.output_axes),
    ):
        for value in values:
            for length, axis in zip(value.type.tensor_type.shape.dim, axes, strict=True):
                if axis.step:
                    length.dim_param = axis.name


def _describe(model: Any, interface: TensorInterface) -> None:
    model.doc_string = interface.summary
    model.graph.input[0].doc_string = interface.scaling
    for output in model.graph.output:
        output.doc_string = interface.outputs[output.name]
