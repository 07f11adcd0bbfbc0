"""Results of a fusion, written to files."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.files.write import ImageAbout, write_image
from napari_umis_fusion.fusion.result._never_in_focus import DepthFill
from napari_umis_fusion.fusion.result._result import FusionResult
from napari_umis_fusion.stack import Plane, Stack

SHOWN = {
    "all_in_focus": ("all-in-focus image", "as recorded"),
    "index_map": ("index map", "planes"),
    "source_map": ("source map", "planes"),
    "depth_map": ("depth map", "µm"),
    "depth_error_map": ("standard error of depth", "µm"),
    "confidence_map": ("confidence map", "0 to 1"),
    "never_in_focus": ("never in focus", "0 or 1"),
}
"""Name and unit of each result, as other programs show them."""


def write_output(
    path: str | os.PathLike[str],
    kind: str,
    result: FusionResult,
    stack: Stack,
    *,
    name: str,
    full_provenance: bool = False,
    depth_fill: DepthFill = "decided",
) -> Path:
    """Write one result of a fusion, named as other programs show it.

    Parameters
    ----------
    path : path
        The file; its extension chooses the format, as for `write_image`.
    kind : str
        Which result: "all_in_focus", "index_map", "source_map", "depth_map", "depth_error_map",
        "confidence_map" or "never_in_focus".
    result : FusionResult
        The fusion.
    stack : Stack
        What was fused; its files are not overwritten.
    name : str
        Name of the stack; may be empty.
    full_provenance : bool
        Whether the file tells the folders of the user's computer.
    depth_fill : {"decided", "around", "none"}
        Depth where no plane shows detail; unless as decided, its error is NaN there.

    Returns
    -------
    pathlib.Path
        The file, absolute.

    Raises
    ------
    StackFileError
        If the file cannot be written.
    """
    shown, unit = SHOWN[kind]
    is_image = kind == "all_in_focus"
    about = ImageAbout(
        f"{name} {shown}{f' ({unit})' if unit == 'µm' else ''}".strip(),
        channel_names=stack.channel_names if is_image else (),
        channel_colours=stack.channel_colours if is_image else (),
    )
    provenance = provenance_told(result, stack, full=full_provenance)
    sizes = result.calibration
    if unit == "planes" and sizes.z_positions_um is not None:
        # By the mean of uneven steps, numbers of planes would become wrong depths.
        sizes = replace(sizes, z_step_um=None, z_positions_um=None)
    return write_image(
        path,
        _values(kind, result, depth_fill),
        calibration=sizes,
        rgb=result.rgb and is_image,
        provenance={**provenance, "output": {"kind": shown, "unit": unit, **_zero_of(kind)}},
        about=about,
        protect=stack.sources,
    )


def _zero_of(kind: str) -> dict[str, str]:
    """Return what a depth counts from, which is not where the stage was."""
    return {"zero": "first plane of the stack"} if kind == "depth_map" else {}


def provenance_told(result: FusionResult, stack: Stack, *, full: bool) -> dict[str, Any]:
    """Return the provenance, with the folders of the user's computer only if they are wanted."""
    told = dict(result.provenance)
    if full:
        return {**told, "stack": {**told["stack"], "paths": list(stack.sources)}}
    config = dict(told["config"])
    if config.get("checkpoint"):
        config["checkpoint"] = Path(config["checkpoint"]).name
    return {**told, "config": config}


def _values(kind: str, result: FusionResult, depth_fill: DepthFill) -> Plane:
    if kind == "depth_map":
        return result.depth_map(never_in_focus=depth_fill)
    if kind == "depth_error_map":
        error = result.depth_error_map()
        return (
            error if depth_fill == "decided" else np.where(result.never_in_focus(), np.nan, error)
        )
    if kind == "never_in_focus":
        return result.never_in_focus()
    image: Plane = getattr(result, kind)
    return image
