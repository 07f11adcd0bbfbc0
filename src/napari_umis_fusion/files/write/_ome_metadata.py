"""OME metadata of a layer: physical sizes, time step, colour and provenance."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_umis_fusion.files._layer_attributes import RUN_KEY
from napari_umis_fusion.files._layer_image import LayerImage
from napari_umis_fusion.files._layer_record import RECORDS_KEY
from napari_umis_fusion.files.read import OWN_NAME
from napari_umis_fusion.files.write._about import packed_colour
from napari_umis_fusion.stack import OME_LETTERS, kind_of, length_um, time_s


def ome_metadata(
    image: LayerImage, places: Mapping[int, str], record: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the OME metadata of a layer.

    Parameters
    ----------
    image : LayerImage
        The layer.
    places : mapping of int to str
        OME letter of each axis that is written.
    record : mapping
        What is kept of the layer beyond OME; see `layer_record`.

    Returns
    -------
    dict
        ``PhysicalSizeX`` and so on in µm, ``TimeIncrement`` in s, if the units can be converted;
        ``Channel`` with the colour of the colormap, if the layer is one channel; ``Description``
        with provenance and record as JSON.
    """
    metadata = {**_sizes(image, places), **_description(image, record)}
    if not image.rgb and "C" not in places.values():
        metadata |= _channel(image)
    return metadata


def _sizes(image: LayerImage, places: Mapping[int, str]) -> dict[str, Any]:
    kinds = [kind_of(label) for label in image.axis_labels]
    named = {axis: OME_LETTERS[kind] for axis, kind in enumerate(kinds) if kind in OME_LETTERS}
    metadata: dict[str, Any] = {}
    # Also of axes of size 1, which are not written: a single plane keeps its z step.
    for axis, letter in {**named, **places}.items():
        size, unit = float(image.placement.scale[axis]), image.units[axis]
        um, seconds = length_um(size, unit), time_s(size, unit)
        if letter in "XYZ" and um is not None:
            metadata |= {f"PhysicalSize{letter}": um, f"PhysicalSize{letter}Unit": "µm"}
        if letter == "T" and seconds is not None:
            metadata |= {"TimeIncrement": seconds, "TimeIncrementUnit": "s"}
    return metadata


def _description(image: LayerImage, record: Mapping[str, Any]) -> dict[str, str]:
    run = image.metadata.get(RUN_KEY)
    told = {"software": OWN_NAME, **run} if isinstance(run, Mapping) else {}
    return {"Description": json.dumps({**told, RECORDS_KEY: [record]}, default=str)}


def _channel(image: LayerImage) -> dict[str, Any]:
    """Return the colour of a layer whose colormap is a ramp from black to one colour."""
    colormap = image.look.get("colormap")
    if not (isinstance(colormap, Mapping) and "colors" in colormap):
        return {}
    colours = np.asarray(colormap["colors"], np.float64)
    if colours.shape != (2, 4) or colours[0, :3].any():
        return {}
    shown = [round(255 * value) for value in colours[1, :3]]
    return {"Channel": {"Color": packed_colour(shown)}}
