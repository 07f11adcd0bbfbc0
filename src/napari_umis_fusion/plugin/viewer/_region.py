"""A region of a stack, drawn as a shape."""

from typing import Any

import numpy as np

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.plugin.viewer._target import TargetStack
from napari_umis_fusion.runtime import Float64Array

WHOLE_PLANE = "whole plane"
"""Choice without a region."""


def region_bounds(shapes: Any, target: TargetStack) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the rows and columns of the stack below a shape: first, and one after the last.

    Raises
    ------
    ConfigError
        If the shapes layer is empty, or the shape lies outside the stack.
    """
    corners = region_corners(shapes, target)
    axes, shape = target.axes, target.images[0].shape
    bounds = []
    for axis in (axes.y, axes.x):
        start = max(0, round(float(corners[:, axis].min())))
        stop = min(shape[axis], round(float(corners[:, axis].max())) + 1)
        if stop <= start:
            raise ConfigError(
                f"the region of {shapes.name!r} lies outside {target.layers[0].name!r}. Draw "
                f"it over the stack, or choose {WHOLE_PLANE!r}."
            )
        bounds.append((start, stop))
    return bounds[0], bounds[1]


def region_corners(shapes: Any, target: TargetStack) -> Any:
    """Return the corners of a shape in data coordinates of the stack.

    Raises
    ------
    ConfigError
        If the shapes layer is empty.
    """
    if len(shapes.data) == 0:
        raise ConfigError(f"{shapes.name!r} holds no shape. Draw a rectangle in it.")
    number = max(shapes.selected_data, default=len(shapes.data) - 1)
    return points_in(target.layers[0], shapes, shapes.data[number])


def points_in(layer: Any, drawn: Any, points: Any) -> Float64Array:
    """Return points of a layer that was drawn over another, in data coordinates of that one.

    Parameters
    ----------
    layer : Layer
        The layer below, of N axes. napari aligns axes at the right.
    drawn : Layer
        The layer of the points.
    points : array-like of shape (P, M)
        Its data coordinates.

    Returns
    -------
    ndarray of shape (P, N)
        At world coordinate 0 along axes that the points lack.
    """
    found = np.zeros((len(points), layer.ndim))
    for place, point in zip(found, points, strict=True):
        world = np.zeros(layer.ndim + drawn.ndim)
        world[layer.ndim :] = drawn.data_to_world(point)
        place[:] = layer.world_to_data(world[-layer.ndim :])
    return found


def draw_region(viewer: Any, layer: Any, axes: Any, name: str) -> Any:
    """Add a shapes layer over a stack, in the mode that draws rectangles, and return it.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    layer : napari.layers.Image
        The stack.
    axes : LayerAxes
        Roles of its axes.
    name : str
        Name of the new layer.
    """
    placed = {
        attribute: [getattr(layer, attribute)[axis] for axis in (axes.y, axes.x)]
        for attribute in ("scale", "translate", "units", "axis_labels")
    }
    look = {"edge_color": "yellow", "face_color": "transparent", "edge_width": 2}
    shapes = viewer.add_shapes(ndim=2, name=name, **placed, **look)
    shapes.mode = "add_rectangle"
    return shapes
