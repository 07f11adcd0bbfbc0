"""The second part of the Fractal task: it fuses one image.

Fractal runs this file by its path, and takes the function of the same name.
"""

import json
from typing import Any

from pydantic import validate_call

from napari_umis_fusion.config import AlignMode, Blend, FocusMeasureName, FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.presets import find_preset
from napari_umis_fusion.runtime import changed_fields
from napari_umis_fusion.scale._fractal import InitArgs, run_as_task
from napari_umis_fusion.scale._fuse_zarr import fuse_zarr


@validate_call
def fuse_z(
    *,
    zarr_url: str,
    init_args: InitArgs,
    focus_measure: FocusMeasureName = "learned",
    blend: Blend = "weighted",
    align: AlignMode = "none",
    preset: str | None = None,
    other_options: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Fuse the planes of an image into one that is in focus everywhere.

    The new image keeps z as an axis of size 1. Index map and never-in-focus mask are labels of it;
    depth, confidence and focus are in its group maps.

    Parameters
    ----------
    zarr_url : str
        Path of the new image. Set by Fractal.
    init_args : InitArgs
        What the first part found. Set by Fractal.
    focus_measure : str
        How the focus of each pixel is measured.
    blend : str
        Average planes that agree, or copy every value from one plane.
    align : str
        How planes are aligned before they are fused.
    preset : str, optional
        Options by specimen, such as brightfield. Options that are set here override it.
    other_options : dict, optional
        Any other option of the fusion by its name, such as memory_mb: 2500.

    Returns
    -------
    dict
        The change of Fractal's list of images.

    Raises
    ------
    StackError
        If a time point could not be fused.
    """
    given = {name: _value(text) for name, text in (other_options or {}).items()}
    config = FusionConfig(focus_measure=focus_measure, blend=blend, align=align).replace(**given)
    if preset is not None:
        config = find_preset(preset).config(**changed_fields(config))
    summary = fuse_zarr(init_args.origin_url, zarr_url, config)
    if summary.failed:
        raise StackError(
            f"{init_args.origin_url}: {', '.join(summary.failed)} failed; see failures.csv in "
            f"{summary.output / 'umis-fusion'}. Run the task again to try them again."
        )
    attributes = {"attributes": {"plate": init_args.plate}} if init_args.plate else {}
    update = {"zarr_url": zarr_url, "origin": init_args.origin_url, **attributes}
    return {"image_list_updates": [{**update, "types": {"is_3D": False}}]}


def _value(text: str) -> Any:
    """Return the value of an option: a number, true, false or null, else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, str | list | dict) else value


if __name__ == "__main__":
    run_as_task(fuse_z)
