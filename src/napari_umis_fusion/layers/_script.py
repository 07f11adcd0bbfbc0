"""A script that repeats the fusion of a layer outside napari."""

import re
from collections.abc import Sequence
from pathlib import Path
from pprint import pformat
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files import FILE_KEY, LayerImage
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.runtime import changed_fields, package_version
from napari_umis_fusion.synthetic import SAMPLE_KEY

_TEMPLATE = '''\
"""Fuse {name}: written by the fusion widget of napari-umis-fusion {version}."""

{imports}

{source}
config = FusionConfig({config})
plan = LayerPlan({plan})
layers = fuse_layer(stack, config, plan)
for data, attributes, kind in layers:
    print(attributes["name"], data.shape, data.dtype)
write_series("{output}", layers)
'''


def script_for(images: Sequence[LayerImage], config: FusionConfig, plan: LayerPlan) -> str:
    """Return a Python script that repeats a fusion and saves the result.

    Parameters
    ----------
    images : sequence of LayerImage
        One layer, or several that are channels.
    config : FusionConfig
        How to fuse.
    plan : LayerPlan
        What to fuse.

    Returns
    -------
    str
        Layers from a file are read from it, and sample data is rendered again. For other layers
        the script reads a ``.npy`` file, and explains how to write it.
    """
    names = ["FusionConfig", "LayerPlan", "fuse_layer", "write_series"]
    parts = [_source(image) for image in images]
    if any("read_layers" in part for part in parts):
        names.insert(3, "read_layers")
    imports = f"from napari_umis_fusion import {', '.join(names)}"
    if samples := {name for image in images if (name := _sample_function(image))}:
        imports += f"\nfrom napari_umis_fusion.synthetic import {', '.join(sorted(samples))}"
    if any("np." in part for part in parts):
        imports = f"import numpy as np\n\n{imports}"
    lines = [f"stack = {parts[0]}"] if len(parts) == 1 else _listing(parts)
    return _TEMPLATE.format(
        name=", ".join(image.name for image in images).replace('"', "'").replace("\\", "/"),
        version=package_version(),
        imports=imports,
        source="\n".join([*_remarks(images), *lines]),
        config=_arguments(changed_fields(config)),
        plan=_arguments(plan.differences_from_default()),
        output=f"{_file_name(images[0].name)}-fused.ome.tif",
    )


def _sample_function(image: LayerImage) -> str | None:
    """Name the function that renders the layer anew, if it does not come from a file."""
    if FILE_KEY in image.metadata or SAMPLE_KEY not in image.metadata:
        return None
    return str(image.metadata[SAMPLE_KEY]["function"])


def _source(image: LayerImage) -> str:
    """Return an expression for the layer."""
    file, function = image.metadata.get(FILE_KEY), _sample_function(image)
    if file is not None:
        selected = "".join(f", {key}={one!r}" for key, one in file.get("selected", {}).items())
        return f"read_layers({file['path']!r}{selected})[{file.get('layer', 0)}]"
    if function is not None:
        return f"{function}()[{image.metadata[SAMPLE_KEY]['layer']}]"
    attributes = {
        "name": image.name,
        "rgb": image.rgb,
        "axis_labels": image.axis_labels,
        "units": image.units,
        **{name: value.tolist() for name, value in image.placement.attributes().items()},
    }
    text = pformat(attributes, indent=4, sort_dicts=False)
    return f"(np.load({_file_name(image.name) + '.npy'!r}), {text})"


def _remarks(images: Sequence[LayerImage]) -> list[str]:
    """Return comments on what the user has to do first."""
    remarks = []
    for image in images:
        if not {FILE_KEY, SAMPLE_KEY} & image.metadata.keys():
            file = f"{_file_name(image.name)}.npy"
            remarks.append(
                "# This layer has no file. Save it first, in napari's console:\n"
                f"# import numpy; numpy.save({file!r}, viewer.layers[{image.name!r}].data)"
            )
    return remarks


def _listing(parts: list[str]) -> list[str]:
    return ["stack = [", *(f"    {part}," for part in parts), "]"]


def _arguments(options: dict[str, Any]) -> str:
    if not options:
        return ""
    rows = "".join(f"    {name}={value!r},\n" for name, value in options.items())
    return f"\n{rows}"


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", Path(name).name).strip("-") or "stack"
