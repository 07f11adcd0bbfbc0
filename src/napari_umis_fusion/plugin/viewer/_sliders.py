"""Convert between the viewer's sliders and the entries of a layer's axes."""

from typing import Any


def go_to_plane(viewer: Any, layer: Any, z_axis: int, plane: int) -> None:
    """Move the z slider to a plane of a layer.

    napari aligns axes at the right: in a viewer with more axes, those of the layer are the last.
    """
    here = [0.0] * layer.ndim
    here[z_axis] = plane
    world = layer.data_to_world(here)[z_axis]
    viewer.dims.set_point(z_axis + viewer.dims.ndim - layer.ndim, world)


def entries_shown(viewer: Any, layer: Any) -> dict[int, int]:
    """Return the entry of each axis of a layer at the sliders, clipped to the layer."""
    world = viewer.dims.point[viewer.dims.ndim - layer.ndim :]
    here = layer.world_to_data(world)
    sizes = layer.level_shapes[0] if layer.multiscale else layer.data.shape
    return {
        axis: min(max(round(float(place)), 0), sizes[axis] - 1) for axis, place in enumerate(here)
    }
