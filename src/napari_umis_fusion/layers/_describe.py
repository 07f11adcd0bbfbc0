"""Describe the content of a layer in the terms of a microscopist."""

from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.layers._axes import LayerAxes, axis_name
from napari_umis_fusion.runtime import count_noun
from napari_umis_fusion.stack import kind_of, length_um


def describe_layer(image: LayerImage, axes: LayerAxes, layers: int = 1) -> str:
    """Describe a stack.

    Parameters
    ----------
    image : LayerImage
        The layer.
    axes : LayerAxes
        Roles of its axes.
    layers : int
        Number of layers that are fused together.

    Returns
    -------
    str
        Such as "12 planes of 2048 x 2048, z step 1.5 µm, 2 channels, 10 time points".
    """
    shape = image.shape
    parts = [f"{count_noun(shape[axes.z], 'plane')} of {shape[axes.y]} x {shape[axes.x]}"]
    step = describe_step(image, axes)
    if step is not None:
        parts.append(f"z step {step}")
    if image.rgb:
        parts.append("colour")
    channels = layers * (1 if axes.channel is None else shape[axes.channel])
    if channels > 1:
        parts.append(f"{channels} channels")
    parts += [_loop(image, axis) for axis in axes.loops if shape[axis] > 1]
    return ", ".join(parts)


def describe_step(image: LayerImage, axes: LayerAxes) -> str | None:
    """Return the z step with its unit, or None if it is unknown."""
    step, unit = abs(float(image.placement.scale[axes.z])), image.units[axes.z]
    um = length_um(step, unit)
    if um is not None:
        return f"{um:g} µm"
    # napari's default scale is 1: without a unit of length it says nothing
    return None if step == 1 else f"{step:g} {unit}"


def depth_unit(image: LayerImage, axes: LayerAxes) -> str | None:
    """Return the unit of depth of a layer, or None if its scale along z is unknown."""
    if describe_step(image, axes) is None:
        return None
    unit = image.units[axes.z]
    short = {"micrometer": "µm", "um": "µm", "nanometer": "nm", "millimeter": "mm"}
    return short.get(unit, unit)


def _loop(image: LayerImage, axis: int) -> str:
    kind, size = kind_of(image.axis_labels[axis]), image.shape[axis]
    if kind == "time":
        return count_noun(size, "time point")
    if kind == "position":
        return count_noun(size, "position")
    return f"{size} along {axis_name(image, axis)!r}"
