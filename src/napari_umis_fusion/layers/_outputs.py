"""Output layers of a fusion: arrays that are filled stack by stack, and their attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.files import RUN_KEY, LayerData, LayerImage
from napari_umis_fusion.fusion import (
    DepthFill,
    FusionResult,
    fill_depth,
    local_steps,
)
from napari_umis_fusion.layers._describe import depth_unit
from napari_umis_fusion.layers._looks import INDICES, NEVER_LOOK, map_look, plane_colours
from napari_umis_fusion.layers._names import part_tag
from napari_umis_fusion.layers._plan import OUTPUTS, OutputName
from napari_umis_fusion.layers._stacks import LayerStacks, layer_calibration
from napari_umis_fusion.runtime import ScratchMemory
from napari_umis_fusion.stack import Stack

_DTYPES = {"index_map": np.uint16, "source_map": np.uint16, "never_in_focus": np.uint8}


@dataclass(frozen=True, slots=True, eq=False)
class FusedImage:
    """An all-in-focus image (Y, X[, C]) without the maps of a `FusionResult`."""

    all_in_focus: NDArray[Any]


class OutputLayer:
    """One output layer that is being filled.

    Parameters
    ----------
    kind : str
        A key of `OUTPUTS`.
    image : LayerImage
        The layer that is fused.
    stacks : LayerStacks
        All stacks that are fused.
    workspace : ScratchMemory
        Memory for its array, which may outlive the workspace.
    """

    def __init__(
        self, kind: OutputName, image: LayerImage, stacks: LayerStacks, workspace: ScratchMemory
    ) -> None:
        self.kind, self.image, self._stacks = kind, image, stacks
        self.axes, self.first_plane = stacks.axes, stacks.span.planes.start
        axes, plan = stacks.axes, stacks.plan
        is_image = kind == "all_in_focus"
        outer = axes.outer if is_image else stacks.loops
        shown = {axis for axis in outer if axis not in plan.index} | {axes.y, axes.x}
        every = range(len(image.shape))
        self._kept = tuple(axis for axis in every if axis in shown or plan.keep_axes)
        self._sizes = [self._size(axis) for axis in every]
        self._shown = shown
        shape = tuple(self._sizes[axis] if axis in shown else 1 for axis in self._kept)
        colour = image.data.shape[-1:] if is_image and image.rgb else ()
        dtype = image.dtype if is_image else _DTYPES.get(kind, np.float32)
        self.array = workspace.lasting((*shape, *colour), dtype)
        fills = kind == "depth_map" and plan.depth_fill != "decided"
        self.decided = workspace.lasting(shape, dtype) if fills else self.array
        # By layer: who changes the arrays later knows what they were, for as long as they exist.
        self.retouched: dict[int, Any] = {}

    def fill(
        self, entries: Mapping[int, int], channel: int | None, result: FusionResult | FusedImage
    ) -> None:
        """Copy the result of one stack, or one channel of its image, into the array."""
        plane = self._values(result)
        if self.decided is not self.array and isinstance(result, FusionResult):
            self.view(self.decided, entries)[...] = plane
            plane = fill_depth(plane, result.never_in_focus(), self.depth_fill)
        if self.kind == "all_in_focus" and channel is not None:
            plane = plane[..., channel]
        self.view(self.array, entries, channel)[...] = plane

    @property
    def stacks(self) -> LayerStacks:
        """All stacks that are fused."""
        return self._stacks

    def view(
        self, array: NDArray[Any], entries: Mapping[int, int], channel: int | None = None
    ) -> NDArray[Any]:
        """Return the part of an array of this layer that one stack, or its channel, fills."""
        axes = self._stacks.axes
        if channel is not None and axes.channel is not None and len(self._stacks.images) == 1:
            entries = {**entries, axes.channel: channel}
        index = tuple(
            slice(None)
            if axis in (axes.y, axes.x)
            else entries.get(axis, 0)
            if axis in self._shown
            else 0
            for axis in self._kept
        )
        # stacks are always (Y, X); the layer keeps its own order of axes
        part: NDArray[Any] = array[index]
        return part.swapaxes(0, 1) if axes.y > axes.x else part

    @property
    def depth_fill(self) -> DepthFill:
        """Depth where nothing is in focus."""
        return self._stacks.plan.depth_fill

    @property
    def plane_axes(self) -> tuple[int, int]:
        """Axes of the array that are y and x."""
        axes = self._stacks.axes
        return self._kept.index(axes.y), self._kept.index(axes.x)

    def pixel(self, coordinates: Sequence[float]) -> dict[int, int] | None:
        """Return the entry of each axis but z at data coordinates of the fused layer.

        None outside of the fused region.
        """
        axes, span = self._stacks.axes, self._stacks.span
        found = {}
        for axis, coordinate in enumerate(coordinates):
            entry, size = round(float(coordinate)), self.image.shape[axis]
            part = {axes.y: span.rows, axes.x: span.columns}.get(axis, slice(0, size))
            if axis != axes.z and axis in self._stacks.plan.index:
                entry = self._stacks.plan.index[axis]
            elif axis != axes.z and not part.start <= entry < part.stop:
                return None
            found[axis] = entry
        del found[axes.z]
        return found

    def value_at(self, pixel: Mapping[int, int]) -> Any:
        """Return the value of a map at a result of `pixel`."""
        axes, span = self._stacks.axes, self._stacks.span
        start = {axes.y: span.rows.start, axes.x: span.columns.start}
        index = (
            pixel[axis] - start.get(axis, 0) if axis in self._shown else 0 for axis in self._kept
        )
        return self.array[tuple(index)]

    def alignment_at(self, entries: Mapping[int, int]) -> Alignment | None:
        """Return the alignment at entries of the looped axes; None without alignment."""
        return self._stacks.alignment_at(entries)

    def stack_at(self, pixel: Mapping[int, int]) -> tuple[Stack, int, int]:
        """Return the fused stack of a pixel, and the row and column of the pixel in it."""
        axes, span = self._stacks.axes, self._stacks.span
        layer = self._stacks.images.index(self.image) if self._stacks.plan.each_channel else 0
        entries = {axis: pixel[axis] for axis in self._stacks.loops}
        stack = self._stacks.stack((layer, entries))
        return stack, pixel[axes.y] - span.rows.start, pixel[axes.x] - span.columns.start

    def layer_data(self, provenance: Mapping[str, Any]) -> LayerData:
        """Return array, attributes and kind."""
        unit = self._unit()
        name = f"{self.image.name} {OUTPUTS[self.kind]}" + (f" ({unit})" if unit else "")
        name = part_tag(self._stacks.plan) + name
        attributes = {
            "name": name,
            **self._placement(),
            "axis_labels": tuple(
                self.image.axis_labels[axis] or f"axis {axis}" for axis in self._kept
            ),
            "units": tuple(self.image.units[axis] for axis in self._kept),
            "metadata": {RUN_KEY: self._record(provenance, unit)},
        }
        if self.kind == "never_in_focus":
            return self.array, {**attributes, **NEVER_LOOK}, "labels"
        if self.kind == "index_map" and self._stacks.plan.labels:
            colours = plane_colours(self._stacks.span.planes)
            return self.array, {**attributes, **colours, "visible": False}, "labels"
        return self.array, {**attributes, **self._look()}, "image"

    def _values(self, result: FusionResult | FusedImage) -> NDArray[Any]:
        if isinstance(result, FusedImage):
            return result.all_in_focus
        first = self._stacks.span.planes.start
        if self.kind in INDICES:
            index: NDArray[Any] = getattr(result, self.kind) + np.uint16(first)
            return index
        if self.kind == "depth_map":
            return self.depth_of(result.sub_plane_map + np.float32(first))
        if self.kind == "depth_error_map":
            return self._errors(result)
        if self.kind == "never_in_focus":
            return result.never_in_focus().astype(np.uint8)
        return np.asarray(getattr(result, self.kind))

    def _errors(self, result: FusionResult) -> NDArray[Any]:
        """Return the standard error of depth, in the unit of the layer; NaN where it is filled."""
        assert result.sub_plane_error_map is not None
        step = np.float32(abs(self.image.placement.scale[self._stacks.axes.z]))
        errors: NDArray[Any] = result.sub_plane_error_map * step
        sizes = layer_calibration(self.image, self._stacks.axes)
        if sizes.z_positions_um is not None and sizes.z_step_um is not None:
            places = np.array(sizes.z_positions_um) / sizes.z_step_um
            first = np.float32(self._stacks.span.planes.start)
            errors *= local_steps(result.sub_plane_map + first, places)
        if self.depth_fill != "decided":
            errors[result.never_in_focus()] = np.nan
        return errors

    def depth_of(self, planes: NDArray[Any]) -> NDArray[Any]:
        """Return the depth of positions that are counted in planes, in the unit of the layer."""
        step = np.float32(abs(self.image.placement.scale[self._stacks.axes.z]))
        sizes = layer_calibration(self.image, self._stacks.axes)
        if sizes.z_positions_um is None or sizes.z_step_um is None:
            return planes * step
        # The steps are uneven; `step` is their mean.
        places = np.array(sizes.z_positions_um) / sizes.z_step_um
        depth: NDArray[Any] = np.interp(planes, np.arange(len(places)), places) * step
        return depth.astype(np.float32)

    def _size(self, axis: int) -> int:
        span, axes = self._stacks.span, self._stacks.axes
        if axis == axes.z:
            return len(span.planes)
        for plane_axis, part in ((axes.y, span.rows), (axes.x, span.columns)):
            if axis == plane_axis:
                return int(part.stop - part.start)
        return 1 if axis in self._stacks.plan.index else self.image.shape[axis]

    def _placement(self) -> dict[str, Any]:
        """Return the placement of the layer; a dropped axis counts by the middle of its extent."""
        span, axes = self._stacks.span, self._stacks.axes
        starts = {axes.z: span.planes.start, axes.y: span.rows.start, axes.x: span.columns.start}
        starts |= self._stacks.plan.index
        offset, extent = [], []
        for axis, size in enumerate(self._sizes):
            thick = axis not in self._shown
            offset.append(starts.get(axis, 0) + (size - 1) / 2 * thick)
            extent.append(size if thick else 1)
        return self.image.placement.part(self._kept, offset, extent).attributes()

    def _unit(self) -> str | None:
        is_depth = self.kind in ("depth_map", "depth_error_map")
        return depth_unit(self.image, self._stacks.axes) if is_depth else None

    def _look(self) -> dict[str, Any]:
        if self.kind == "all_in_focus":
            return {**self.image.look, "rgb": self.image.rgb}
        step = float(abs(self.image.placement.scale[self._stacks.axes.z]))
        return map_look(self.kind, self.array, self._stacks.span.planes, step)

    def _channels(self) -> dict[str, Any]:
        """Return the names of the layers that were fused together, if there are several."""
        names = [image.name for image in self._stacks.images]
        return {"channels": names} if len(names) > 1 else {}

    def _record(self, provenance: Mapping[str, Any], unit: str | None) -> dict[str, Any]:
        axes, image = self._stacks.axes, self.image
        return {
            **provenance,
            "output": self.kind,
            **self._channels(),
            **({"unit": unit} if unit else {}),
            "layer": {
                "name": image.name,
                "path": image.path,
                "shape": list(image.shape),
                "axis_labels": list(image.axis_labels),
                "z_axis": axes.z,
                "channel_axis": axes.channel,
                # where depth 0 is: a layer without z does not tell
                "z_translate": float(image.placement.translate[axes.z]),
                "z_scale": float(image.placement.scale[axes.z]),
                "z_positions_um": _json(layer_calibration(image, axes).z_positions_um),
            },
            "plan": _json(self._stacks.plan.differences_from_default()),
        }


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_json(item) for item in value]
    return value
