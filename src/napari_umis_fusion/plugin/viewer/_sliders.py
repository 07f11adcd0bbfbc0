"""The viewer's sliders as entries of a layer's axes, and back."""

from typing import Any


def go_to_plane(viewer: Any, layer: Any, z_axis: int, plane: int) -> None:
    """Move the slider of z to a plane of a layer, which has that axis whatever else is shown."""
    here = [0.0] * layer.ndim
    here[z_axis] = plane
    world = layer.data_to_world(here)[z_axis]
    viewer.dims.set_point(z_axis + viewer.dims.ndim - layer.ndim, world)


def entries_shown(viewer: Any, layer: Any) -> dict[int, int]:
    """Return the entry of each axis of a layer that the sliders are at; the nearest it has."""
    world = viewer.dims.point[viewer.dims.ndim - layer.ndim :]
    here = layer.world_to_data(world)
    sizes = layer.level_shapes[0] if layer.multiscale else layer.data.shape
    return {
        axis: min(max(round(float(place)), 0), sizes[axis] - 1) for axis, place in enumerate(here)
    }
