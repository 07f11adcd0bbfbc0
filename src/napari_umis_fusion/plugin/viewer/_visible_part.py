"""The part of a stack that the window shows."""

from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.layers import LayerPlan, Span
from napari_umis_fusion.plugin.viewer._target import TargetStack


@dataclass(frozen=True, slots=True)
class VisiblePart:
    """The middle of the visible area of a stack.

    Attributes
    ----------
    rows, columns : tuple of int
        First row (column), and the one after the last.
    index : dict of int to int
        Entry of each looped axis, such as time.
    """

    rows: Span
    columns: Span
    index: dict[int, int]


def visible_part(
    viewer: Any, target: TargetStack, plan: LayerPlan, most_px: int | None = None
) -> VisiblePart | None:
    """Return the visible part of what a plan fuses of a stack; None if it is not visible.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    target : TargetStack
        The stack.
    plan : LayerPlan
        What would be fused of it.
    most_px : int, optional
        Longest side; of a larger view the middle is returned.
    """
    layer, axes, shape = target.layers[0], target.axes, target.images[0].shape
    displayed = {axis - (viewer.dims.ndim - len(shape)) for axis in viewer.dims.displayed}
    if displayed != {axes.y, axes.x}:
        return None
    corners = layer.corner_pixels * _downsampling(layer)
    bounds = []
    for axis, given in ((axes.y, plan.rows), (axes.x, plan.columns)):
        low, high = given or (0, shape[axis])
        start, stop = max(low, int(corners[0, axis])), min(high, int(corners[1, axis]) + 1)
        if most_px is not None:
            middle = (start + stop) // 2
            start, stop = max(start, middle - most_px // 2), min(stop, middle + most_px // 2)
        if stop <= start:
            return None
        bounds.append((start, stop))
    step = viewer.dims.point
    world = [step[target.viewer_axis(viewer, axis)] for axis in range(len(shape))]
    here = layer.world_to_data(world)
    index = {axis: min(max(round(here[axis]), 0), shape[axis] - 1) for axis in axes.loops}
    return VisiblePart(bounds[0], bounds[1], index)


def _downsampling(layer: Any) -> Any:
    """Return how many full-resolution pixels a displayed pixel covers along each axis."""
    if not layer.multiscale:
        return 1
    return layer.downsample_factors[layer.data_level]
