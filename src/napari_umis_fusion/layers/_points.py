"""Points through a depth map: from the image onto the surface, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.layers._any_layer import NotedLayer, attributes_of
from napari_umis_fusion.layers._lifted_axes import LiftedAxes
from napari_umis_fusion.layers._placed_depth import PlacedDepth
from napari_umis_fusion.runtime import Float64Array
from napari_umis_fusion.stack import length_um

MEASURED, AROUND, OUTSIDE = "measured", "from around", "outside of the map"
"""Where the depth of a point is from: its pixel; pixels around, as nothing is in focus there; the
nearest pixel."""


def points_onto_surface(layer: Any, depth: PlacedDepth) -> NotedLayer:
    """Give points of an image their place on the surface.

    Parameters
    ----------
    layer : napari.layers.Points or (data, attributes, "points")
        Of the axes of the depth map, with z (which is replaced) or without, or of rows and columns
        only. It is not changed.
    depth : PlacedDepth
        The surface, with the offset of its config.

    Returns
    -------
    (data, attributes, "points")
        The points with z: the depth of their pixel, between planes where the depth map is. All
        features and colours are kept; a feature "depth" says where each depth is from.
    notes : tuple of str
        How many points lie where nothing is in focus, or outside of the depth map.

    Raises
    ------
    StackError
        If the axes of the layer have no meaning over the depth map.
    """
    data, attributes, axes = _points(layer, depth)
    found, origin = _depths(data, axes)
    world = depth.world_z_of(found + depth.config.offset_um)
    made = axes.with_z(attributes)
    z = (world - made["translate"][axes.z]) / made["scale"][axes.z]
    rest = np.delete(data, axes.z, axis=1) if axes.has_z else data
    made["features"] = {**dict(made.get("features", {})), "depth": origin}
    made["name"] = f"{attributes.get('name', 'points')} on the surface"
    return (np.insert(rest, axes.z, z, axis=1), made, "points"), _notes(origin)


def points_to_image(layer: Any, depth: PlacedDepth) -> NotedLayer:
    """Project points of a stack into the image.

    Parameters
    ----------
    layer : napari.layers.Points or (data, attributes, "points")
        With an axis z. It is not changed.
    depth : PlacedDepth
        The surface.

    Returns
    -------
    (data, attributes, "points")
        The points without z, with all features and colours, and a feature "below_surface_um": how
        far each lies below the surface, towards later planes, in µm.
    notes : tuple of str
        How many points lie where nothing is in focus, or outside of the depth map.

    Raises
    ------
    StackError
        If the layer has no z, or a z without a unit of length.
    """
    data, attributes, axes = _points(layer, depth)
    if not axes.has_z:
        raise StackError(
            f"{axes.layer.name!r} has {axes.ndim} axes and no z; accepted are points with "
            f"{axes.count} axes."
        )
    found, origin = _depths(data, axes)
    place, z = axes.layer.placement, axes.z
    world = place.translate[z] + place.scale[z] * data[:, z]
    below = depth.depth_um_of(world, length_um(1.0, axes.layer.units[z])) - found
    made = axes.without_z(attributes)
    made["features"] = {**dict(made.get("features", {})), "below_surface_um": below}
    made["name"] = f"{attributes.get('name', 'points')} in the image"
    return (np.delete(data, z, axis=1), made, "points"), _notes(origin)


def _points(layer: Any, depth: PlacedDepth) -> tuple[Float64Array, dict[str, Any], LiftedAxes]:
    given = layer[0] if isinstance(layer, (tuple, list)) else layer.data
    data, attributes = np.atleast_2d(np.asarray(given, float)), attributes_of(layer)
    if not np.isfinite(data).all():
        raise StackError(
            "a point has no finite coordinates; accepted are points that lie somewhere. Remove it."
        )
    # a layer of one entry along each axis stands for the placement of the points
    image = LayerImage.of(np.empty((1,) * data.shape[1]), attributes, "points")
    return data, attributes, LiftedAxes(depth, image)


def _depths(data: Float64Array, axes: LiftedAxes) -> tuple[Float64Array, NDArray[np.str_]]:
    """Return the depth of each point in µm, and where it is from."""
    depth, count = axes.depth, len(data)
    places, is_outside = np.zeros((count, len(depth.image.shape)), np.intp), np.zeros(count, bool)
    for axis, size in enumerate(depth.image.shape):
        mine = axes.axis_of(axis)
        if (depth.keeps_z and axis == depth.z) or (size == 1 and axis not in depth.axes):
            continue
        if mine is None:
            places[:, axis] = depth.shown.get(axis, 0)
            continue
        along = axes.places_along(mine, axis, data[:, mine])
        is_outside |= (along < -0.5) | (along > size - 0.5)
        places[:, axis] = np.clip(np.rint(along), 0, size - 1)
    found, known = np.empty(count), np.empty(count, bool)
    loops = [axis for axis in range(places.shape[1]) if axis not in depth.axes]
    for entry in np.unique(places[:, loops], axis=0):
        here = (places[:, loops] == entry).all(axis=1)
        pixel = tuple(places[here, axis] for axis in depth.axes)
        entries = dict(zip(loops, entry.tolist(), strict=True))
        found[here] = depth.surface_um(entries)[pixel]
        known[here] = depth.is_known(entries)[pixel]
    return found, np.select([is_outside, ~known], [OUTSIDE, AROUND], MEASURED)


def _notes(origin: NDArray[np.str_]) -> tuple[str, ...]:
    said = {
        AROUND: "lie where nothing is in focus: their depth is interpolated from around",
        OUTSIDE: "lie outside of the depth map: they have the depth of its nearest pixel",
    }
    counts = {which: int((origin == which).sum()) for which in said}
    total = len(origin)
    return tuple(f"{n} of {total} points {said[which]}" for which, n in counts.items() if n)
