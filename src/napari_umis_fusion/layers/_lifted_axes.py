"""Which axis of a points or labels layer is which of a depth map, and of the stack below it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.layers._placed_depth import PlacedDepth, is_straight
from napari_umis_fusion.runtime import Float64Array
from napari_umis_fusion.stack import length_um

PLACED = ("scale", "translate", "rotate", "shear", "affine", "axis_labels", "units")
LEFT = (
    *("ndim", "plane", "depiction", "experimental_clipping_planes", "properties"),
    *("property_choices", "feature_defaults", "multiscale"),
)
"""Attributes that depend on the number of axes, or follow from others."""


@dataclass(frozen=True, slots=True, eq=False)
class LiftedAxes:
    """The axes of a layer that lies over a depth map, with z or without.

    Attributes
    ----------
    depth : PlacedDepth
        The depth map.
    layer : LayerImage
        The layer: its placement, names and units; of its data only the number of axes counts.
    """

    depth: PlacedDepth
    layer: LayerImage

    def __post_init__(self) -> None:
        """Refuse a layer whose axes have no meaning over the depth map."""
        accepted = sorted({2, self.count - 1, self.count})
        if self.ndim not in accepted:
            numbers = ", ".join(map(str, accepted[:-1]))
            raise StackError(
                f"{self.layer.name!r} has {self.ndim} axes; over {self.depth.image.name!r} "
                f"accepted are {numbers} or {accepted[-1]}."
            )
        if not (is_straight(self.layer) and is_straight(self.depth.image)):
            raise StackError(
                f"{self.layer.name!r} or {self.depth.image.name!r} is rotated or sheared; accepted "
                "are layers that are scaled and moved only."
            )

    @property
    def ndim(self) -> int:
        """Number of axes of the layer."""
        return len(self.layer.placement.scale)

    @property
    def count(self) -> int:
        """Number of axes with z."""
        return len(self.depth.image.shape) + (not self.depth.keeps_z)

    @property
    def has_z(self) -> bool:
        """Whether the layer has an axis z."""
        return self.ndim == self.count

    @property
    def z(self) -> int:
        """Place of z in the layer, or where it is inserted."""
        return 0 if self.is_plane else self.depth.z

    @property
    def is_plane(self) -> bool:
        """Whether the layer has rows and columns only, though the depth map has more axes."""
        return self.ndim == 2 < self.count - 1

    def axis_of(self, depth_axis: int) -> int | None:
        """Return the axis of the layer that is an axis of the depth map; None if it lacks it."""
        depth = self.depth
        if depth.keeps_z and depth_axis == depth.z:
            return depth.z if self.has_z else None
        if self.is_plane:
            return depth.axes.index(depth_axis) if depth_axis in depth.axes else None
        place = depth_axis + (depth_axis >= depth.z and not depth.keeps_z)
        return place if self.has_z else place - (place > depth.z)

    @property
    def plane_axes(self) -> tuple[int, int]:
        """Axes of the layer that are rows and columns of the depth map."""
        y, x = (self.axis_of(axis) for axis in self.depth.axes)
        assert y is not None
        assert x is not None
        return y, x

    def places_along(self, axis: int, depth_axis: int, indices: Any) -> Float64Array:
        """Return indices along an axis of the layer as pixels of the depth map along its own."""
        there, here = self.layer.placement, self.depth.image.placement
        units = self.layer.units[axis], self.depth.image.units[depth_axis]
        theirs, ours = (length_um(1.0, unit) for unit in units)
        factor = theirs / ours if theirs and ours else 1.0
        world = (there.translate[axis] + there.scale[axis] * np.asarray(indices, float)) * factor
        found: Float64Array = (world - here.translate[depth_axis]) / here.scale[depth_axis]
        return found

    def entries(self, place: Mapping[int, int]) -> dict[int, int]:
        """Return the entries of the depth map, given those of the layer's axes.

        Raises
        ------
        StackError
            If the layer is longer or shorter along an axis than the depth map.
        """
        found = {}
        for axis, size in enumerate(self.depth.image.shape):
            if axis in self.depth.axes or size == 1:
                continue
            mine = self.axis_of(axis)
            found[axis] = self.depth.shown.get(axis, 0) if mine is None else place[mine]
            if not 0 <= found[axis] < size:
                raise StackError(
                    f"{self.layer.name!r} is longer than {self.depth.image.name!r}, which has "
                    f"{size} along axis {axis}; choose layers of one specimen."
                )
        return found

    def with_z(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """Return attributes for a layer with z, of the stack that was fused."""
        depth, at = self.depth, self.z
        source = depth.source
        name = str(source["axis_labels"][source["z_axis"]]) or "z"
        unit = str(depth.record["unit"])
        new: dict[str, Any] = {"scale": depth.z_scale, "translate": depth.origin}
        new |= {"axis_labels": name, "units": unit}
        made = self._kept(attributes)
        for key, value in new.items():
            made[key] = [*made[key][:at], value, *made[key][at + self.has_z :]]
        return made

    def without_z(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """Return attributes for a layer without z."""
        made = self._kept(attributes)
        for key in ("scale", "translate", "axis_labels", "units"):
            del made[key][self.z]
        return made

    def _kept(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        layer = self.layer
        kept = {key: attributes[key] for key in attributes if key not in (*PLACED, *LEFT)}
        labels = [label or f"axis {k}" for k, label in enumerate(layer.axis_labels)]
        return {
            **kept,
            "scale": layer.placement.scale.tolist(),
            "translate": layer.placement.translate.tolist(),
            "axis_labels": labels,
            "units": list(layer.units),
        }
