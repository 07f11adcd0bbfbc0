"""Find the alignment of the stack that the viewer shows."""

from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.layers import LayerPlan, axis_name
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.viewer import TargetStack, entries_shown
from napari_umis_fusion.runtime import capitalised


@dataclass(frozen=True, eq=False)
class FoundAlignment:
    """An alignment, and the stack it belongs to.

    Attributes
    ----------
    alignment : Alignment
        Transforms of the planes.
    source : napari.layers.Image
        The layer that was fused.
    z_axis, first_plane : int
        Its axis of planes, and the first plane that was fused.
    place : str
        Which of several stacks, such as "t 3"; empty if it applies to all.
    mode : str
        How planes were aligned, as `FusionConfig.align`.
    """

    alignment: Alignment
    source: Any
    z_axis: int
    first_plane: int
    place: str
    mode: str = "auto"

    def fits(self, target: TargetStack, config: FusionConfig, plan: LayerPlan) -> bool:
        """Return whether a fusion with these options would align the same planes in this way."""
        first = plan.planes[0] if plan.planes else 0
        is_same = (self.first_plane, self.mode) == (first, config.align)
        return is_same and spans(self.alignment, target, plan)

    def description(self) -> str:
        """Describe the alignment in a sentence."""
        text = self.alignment.summary()
        described = f"{self.place}: {text}." if self.place else f"{capitalised(text)}."
        if self.first_plane:
            described += f" The reasons count planes from plane {self.first_plane}."
        return described


def spans(alignment: Alignment, target: TargetStack, plan: LayerPlan) -> bool:
    """Return whether an alignment has as many planes, rows and columns as a plan fuses."""
    shape, axes = target.images[0].shape, target.axes
    planes = range(plan.planes[0], plan.planes[1] + 1) if plan.planes else range(target.planes)
    rows, columns = plan.rows or (0, shape[axes.y]), plan.columns or (0, shape[axes.x])
    sides = rows[1] - rows[0], columns[1] - columns[0]
    return (len(planes), *sides) == (len(alignment.planes), *alignment.shape)


class AlignmentFinder:
    """Finds the alignment of the last fusion of a stack.

    Parameters
    ----------
    viewer : napari viewer
        Its active layer and sliders choose the stack.
    fused : FusedLayers
        The fusions so far.
    """

    def __init__(self, viewer: Any, fused: FusedLayers) -> None:
        self._viewer, self._fused = viewer, fused

    def find(self, target: TargetStack) -> FoundAlignment | None:
        """Return the alignment of a stack; None if its planes were fused as recorded."""
        active = self._viewer.layers.selection.active
        fused = None if active is None else self._fused.fused_by(active)
        fused = fused or self._fused.fused_by(target.layers[0])
        if fused is None or not fused.event.origins or not fused.event.alignments:
            return None
        source = fused.sources[0]()
        if source is None or source not in self._viewer.layers:
            return None
        origin, entries = fused.event.origins[0], entries_shown(self._viewer, source)
        alignment = origin.alignment_at(entries)
        if alignment is None:
            return None
        place = ""
        if len(fused.event.alignments) > 1:
            loops = [axis for axis in origin.axes.loops if origin.image.shape[axis] > 1]
            place = ", ".join(f"{axis_name(origin.image, axis)} {entries[axis]}" for axis in loops)
        mode = fused.event.config.align
        return FoundAlignment(alignment, source, origin.axes.z, origin.first_plane, place, mode)
