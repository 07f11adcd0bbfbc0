"""What OME tells of a layer: sizes, time step, colour and how it was made."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_umis_fusion.files.layer_attributes import RUN_KEY
from napari_umis_fusion.files.physical_size import length_um, time_s
from napari_umis_fusion.files.series_header import OWN_NAME

NAMED = {
    **dict.fromkeys(("z", "depth", "plane", "planes", "focus"), "Z"),
    **dict.fromkeys(("c", "ch", "channel", "channels", "wavelength"), "C"),
    **dict.fromkeys(("t", "time", "frame"), "T"),
}
"""OME's letters for names of axes."""


def ome_metadata(
    attributes: Mapping[str, Any], ndim: int, places: Mapping[int, str], *, one_channel: bool
) -> dict[str, Any]:
    """Return what OME's XML tells of a layer.

    Parameters
    ----------
    attributes : mapping
        Of the layer, as napari gives them.
    ndim : int
        Number of its axes, colour apart.
    places : mapping of int to str
        OME's letter of each axis that is written.
    one_channel : bool
        Whether the layer may have one colour; not so where it holds colour itself.

    Returns
    -------
    dict
        ``PhysicalSizeX`` and so on in µm, ``TimeIncrement`` in s, where the units are such;
        ``Channel`` with the colour of the colormap; ``Description`` with provenance as JSON.
    """
    metadata = {**_sizes(attributes, ndim, places), **_description(attributes)}
    if one_channel and "C" not in places.values():
        metadata |= _channel(attributes)
    return metadata


def _sizes(attributes: Mapping[str, Any], ndim: int, places: Mapping[int, str]) -> dict[str, Any]:
    given = attributes.get("scale")
    scale = (1.0,) * ndim if given is None else tuple(float(size) for size in given)
    units = axis_entries(attributes.get("units"), ndim, "pixel")
    labels = axis_entries(attributes.get("axis_labels"), ndim, "")
    if len(scale) != ndim:
        return {}
    named = {axis: NAMED[label] for axis, label in enumerate(labels) if label in NAMED}
    metadata: dict[str, Any] = {}
    for axis, letter in {**named, **places}.items():
        um, seconds = length_um(scale[axis], units[axis]), time_s(scale[axis], units[axis])
        if letter in "XYZ" and um is not None:
            metadata |= {f"PhysicalSize{letter}": um, f"PhysicalSize{letter}Unit": "µm"}
        if letter == "T" and seconds is not None:
            metadata |= {"TimeIncrement": seconds, "TimeIncrementUnit": "s"}
    return metadata


def _description(attributes: Mapping[str, Any]) -> dict[str, str]:
    run = (attributes.get("metadata") or {}).get(RUN_KEY)
    if not isinstance(run, Mapping):
        return {}
    return {"Description": json.dumps({"software": OWN_NAME, **run}, default=str)}


def _channel(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the colour of a layer whose colormap rises from black to one colour."""
    colormap = attributes.get("colormap")
    if not (isinstance(colormap, Mapping) and "colors" in colormap):
        return {}
    colours = np.asarray(colormap["colors"], np.float64)
    if colours.shape != (2, 4) or colours[0, :3].any():
        return {}
    red, green, blue = (round(255 * value) for value in colours[1, :3])
    packed = np.array(red << 24 | green << 16 | blue << 8 | 255, np.uint32)
    return {"Channel": {"Color": int(packed.view(np.int32))}}


def axis_entries(given: Any, ndim: int, blank: str) -> tuple[str, ...]:
    """Return one lower-case string for each axis, whether one is given for all or one for each."""
    entries = () if given is None or isinstance(given, str) else tuple(given)
    if len(entries) != ndim:
        return (str(given) if isinstance(given, str) else blank,) * ndim
    return tuple(str(entry).strip().casefold() for entry in entries)
