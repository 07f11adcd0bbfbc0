"""Parts of a viewer that napari 0.9 moved."""

from typing import Any


def camera_of(viewer: Any) -> Any:
    """Return the camera: of napari 0.9, that of `viewer.scene`."""
    return getattr(viewer, "scene", viewer).camera


def grid_of(viewer: Any) -> Any:
    """Return what puts layers beside each other: of napari 0.9, that of `viewer.canvas`."""
    return getattr(viewer, "canvas", viewer).grid
