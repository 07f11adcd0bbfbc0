"""A script that repeats a training outside napari."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from napari_umis_fusion.models.library import file_stem
from napari_umis_fusion.runtime import changed_fields, package_version
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._options import NETWORKS

_TEMPLATE = '''\
"""Train {title}: written by the training widget of napari-umis-fusion {version}.

Interrupt it with Ctrl-C at any time, and run it again to resume.
"""

{imports}

{remarks}data = TrainingData(
    images={images},
    stacks={stacks},
)
config = TrainingConfig({config})
events = train(data, config, start={start}, state={state!r}, resume=True)
for event in events:
    match event:
        case StepDone():
            print(f"step {{event.step}} of {{event.total_steps}}: {{event.losses['total']:.3f}}")
        case Validated():
            print(f"PSNR {{event.metrics['psnr']:.2f}} dB", "best so far" * event.is_best)
        case Compared(comparison):
            print(f"gain over the initial weights: {{comparison.gain_db:+.2f}} dB")
        case TrainingFinished(result):
            if result.improved:
                result.save({output!r}, name={name!r})
'''


@dataclass(frozen=True, slots=True)
class ScriptSource:
    """Training data, as a script refers to it.

    Attributes
    ----------
    kind : {"image", "stack"}
        A sharp image or a folder of them, or a z-stack.
    name : str
        Name of the layer or the file.
    path : str, list of str, or None
        File or folder, or files of the planes; None for a layer without a file.
    """

    kind: Literal["image", "stack"]
    name: str
    path: str | list[str] | None = None


def training_script(
    sources: Sequence[ScriptSource], config: TrainingConfig, *, name: str, start: str | None
) -> str:
    """Return a Python script that repeats a training and saves the result.

    Parameters
    ----------
    sources : sequence of ScriptSource
        Training data. For layers without a file the script reads a ``.npy`` file, and explains how
        to write it.
    config : TrainingConfig
        Options of the training.
    name : str
        Name of the result.
    start : str or None
        File of the initial weights: "" for those of the package, None for an untrained network.
    """
    unsaved = [source for source in sources if source.path is None]
    names = ["Compared", "StepDone", "TrainingData", "TrainingFinished", "Validated"]
    imports = "from napari_umis_fusion import TrainingConfig, train\n"
    if start == "":
        imports += "from napari_umis_fusion.network import shipped_weights\n"
    imports += f"from napari_umis_fusion.training import {', '.join(names)}"
    if unsaved:
        imports = f"import numpy as np\n\n{imports}"
    return _TEMPLATE.format(
        title=name.replace('"', "'").replace("\\", "/"),
        name=name,
        version=package_version(),
        imports=imports,
        remarks="".join(_remark(source) for source in unsaved),
        images=_listed(sources, "image"),
        stacks=_listed(sources, "stack"),
        config=_arguments(config),
        start=f"shipped_weights({NETWORKS[config.objective]!r})" if start == "" else repr(start),
        state=f"{file_stem(name)}.state",
        output=f"{file_stem(name)}.safetensors",
    )


def _listed(sources: Sequence[ScriptSource], kind: str) -> str:
    items = [_expression(source) for source in sources if source.kind == kind]
    return f"({', '.join(items)}{',' * (len(items) == 1)})"


def _expression(source: ScriptSource) -> str:
    if source.path is not None:
        return repr(source.path)
    return f"np.load({file_stem(source.name) + '.npy'!r})"


def _remark(source: ScriptSource) -> str:
    file = f"{file_stem(source.name)}.npy"
    return (
        f"# {source.name!r} has no file. Save it first, in napari's console; of a layer with\n"
        "# more axes than z, y and x, save one stack:\n"
        f"# import numpy; numpy.save({file!r}, viewer.layers[{source.name!r}].data)\n"
    )


def _arguments(config: TrainingConfig) -> str:
    rows = "".join(f"    {k}={v!r},\n" for k, v in changed_fields(config).items())
    return f"\n{rows}" if rows else ""
