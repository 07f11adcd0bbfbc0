"""Export a network as an ONNX model, which runs without torch and without this package."""

from napari_umis_fusion.models.export._description import ExportDescription
from napari_umis_fusion.models.export._interface import INPUT, INTERFACES, TensorAxis
from napari_umis_fusion.network import Checkpoint, OnnxText, network_model
from napari_umis_fusion.runtime import package_version


def onnx_model(checkpoint: Checkpoint, about: ExportDescription) -> bytes:
    """Return a network as an ONNX model.

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
    """
    interface = INTERFACES[checkpoint.architecture]
    return network_model(
        checkpoint.architecture,
        checkpoint.arrays,
        {INPUT: _shape(interface.axes)},
        dict.fromkeys(interface.outputs, _shape(interface.output_axes)),
        OnnxText(
            interface.summary,
            {INPUT: interface.scaling, **interface.outputs},
            metadata_of(checkpoint, about),
        ),
    )


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


def _shape(axes: tuple[TensorAxis, ...]) -> list[int | str]:
    """Return the lengths of axes, and the names of those that are free."""
    return [axis.name if axis.step else axis.least for axis in axes]
