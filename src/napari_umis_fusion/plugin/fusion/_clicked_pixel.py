"""The pixel that a click on the canvas means: of a result, or of a stack that is not fused."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.layers import LayerPlan, pick_pixel
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.viewer import TargetStack
from napari_umis_fusion.stack import Stack

Described = tuple[TargetStack, FusionConfig, LayerPlan]
"""What would be fused, and how."""

NOT_IN_3D = "Clicks are read in the 2D view only. Press the 2D/3D button below the layer list."
NOTHING = "There is no stack to click. Open one, or choose it under stack."


@dataclass(frozen=True, slots=True, eq=False)
class ClickedPixel:
    """A pixel, and where to measure its focus.

    Attributes
    ----------
    source : callable
        Returns the layer of the stack, or None once it is gone.
    z_axis : int
        Axis of its planes.
    stack : Stack
        The stack of the pixel.
    row, column : int
        The pixel in that stack.
    shown_row, shown_column : int
        The pixel in the layer.
    config : FusionConfig
        How focus is measured.
    first_plane : int
        Plane of the layer that is the first of the stack.
    plane : int or None
        The plane that a fusion chose, counted as the layer counts them; None before a fusion.
    is_copied : bool
        Whether that is the plane from which the value was copied.
    """

    source: Callable[[], Any]
    z_axis: int
    stack: Stack
    row: int
    column: int
    shown_row: int
    shown_column: int
    config: FusionConfig
    first_plane: int = 0
    plane: int | None = None
    is_copied: bool = False

    def description(self, sharpest: int | None = None) -> str:
        """Return pixel and plane as a sentence; `sharpest` is known once focus is measured."""
        place = f"Row {self.shown_row}, column {self.shown_column}"
        step = self.stack.calibration.z_step_um
        if self.plane is not None:
            depth = f", depth {self.plane * step:.4g} µm" if step else ""
            return f"{place}: plane {self.plane}{depth}."
        if sharpest is None:
            return f"{place}: not fused yet."
        return f"{place}: most in focus in plane {self.first_plane + sharpest}; not fused yet."


def why_ignored(viewer: Any) -> str | None:
    """Return why a click cannot be read, or "" if it is meant for another tool; else None."""
    if viewer.dims.ndisplay != 2:
        return NOT_IN_3D
    active = viewer.layers.selection.active
    return "" if str(getattr(active, "mode", "pan_zoom")) != "pan_zoom" else None


def pixel_of_result(viewer: Any, fused: FusedLayers, position: Any) -> ClickedPixel | str | None:
    """Return the pixel of the fusion that the active layer belongs to; None if there is none.

    A text says why there is no pixel.
    """
    layer = viewer.layers.selection.active
    found = None if layer is None else fused.fused_by(layer)
    if found is None or layer is None or not found.event.origins:
        return None
    source = found.sources[0]()
    if source is None or source not in viewer.layers:
        return f"The stack of {layer.name!r} is not open any more, so its focus cannot be measured."
    origin = found.origin(layer)
    pixel = origin.pixel(source.world_to_data(position))
    if pixel is None:
        return f"That is outside of what was fused of {source.name!r}."
    stack, row, column = origin.stack_at(pixel)
    axes = origin.axes
    return ClickedPixel(
        found.sources[0],
        axes.z,
        stack,
        row,
        column,
        pixel[axes.y],
        pixel[axes.x],
        found.event.config,
        origin.first_plane,
        int(origin.value_at(pixel)),
        origin.kind == "source_map",
    )


def pixel_of_stack(viewer: Any, described: Described | None, position: Any) -> ClickedPixel | str:
    """Return the pixel of the chosen stack; a text says why there is none.

    Raises
    ------
    UmisFusionError
        If the stack cannot be fused.
    """
    if described is None:
        return NOTHING
    target, config, plan = described
    active = viewer.layers.selection.active
    layer = active if active in target.layers else target.layers[0]
    number = target.layers.index(layer)
    images = list(target.images)
    picked = pick_pixel(images, config, plan, layer.world_to_data(position), number)
    if picked is None:
        return f"That is outside of {layer.name!r}."
    row, column = picked.row, picked.column
    return ClickedPixel(
        weakref.ref(layer), target.axes.z, picked.stack, row, column, row, column, picked.config
    )
