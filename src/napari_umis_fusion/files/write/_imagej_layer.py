"""A layer as a hyperstack of ImageJ."""

from dataclasses import replace

import numpy as np

from napari_umis_fusion.files._layer_attributes import RUN_KEY
from napari_umis_fusion.files.write._about import ImageAbout
from napari_umis_fusion.files.write._imagej import Hyperstack, as_imagej_knows
from napari_umis_fusion.files.write._writable_layer import WritableLayer
from napari_umis_fusion.stack import Calibration

_ORDER = "TZC"


def layer_in_imagej_order(layer: WritableLayer) -> WritableLayer:
    """Return a layer whose planes come in ImageJ's order: channels, then z, then time."""
    order = sorted(range(len(layer.letters)), key=lambda k: _ORDER.index(layer.letters[k]))
    letters = "".join(layer.letters[k] for k in order)
    return replace(layer, outer=tuple(layer.outer[k] for k in order), letters=letters)


def hyperstack_of(layer: WritableLayer) -> Hyperstack:
    """Return what ImageJ is told of a layer: name, sizes, colour, range and provenance."""
    ordered, told = layer_in_imagej_order(layer), layer.metadata
    sizes = [told.get(f"PhysicalSize{axis}") for axis in "ZYX"]
    run = layer.image.metadata.get(RUN_KEY)
    limits = layer.image.look.get("contrast_limits")
    channels = dict(zip(ordered.axes, ordered.shape, strict=True)).get("C", 1)
    packed = told.get("Channel", {}).get("Color")
    colours = () if packed is None else (_unpacked(packed),)
    return Hyperstack(
        ordered.axes,
        ordered.shape,
        as_imagej_knows(np.zeros(0, layer.dtype)).dtype,
        Calibration(*sizes),
        ImageAbout(layer.name, channel_colours=colours),
        [] if limits is None else [(float(limits[0]), float(limits[1]))] * channels,
        told.get("TimeIncrement"),
        run if isinstance(run, dict) else None,
    )


def _unpacked(packed: int) -> tuple[int, int, int]:
    """Return red, green and blue of a colour as OME packs it."""
    bits = packed & 0xFFFFFFFF
    return bits >> 24, bits >> 16 & 0xFF, bits >> 8 & 0xFF
