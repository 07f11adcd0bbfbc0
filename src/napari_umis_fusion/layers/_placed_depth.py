"""A depth layer as a surface in the world, that other layers are projected along."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import RUN_KEY, LayerImage, layer_image
from napari_umis_fusion.layers._any_layer import any_image
from napari_umis_fusion.layers._axes import LayerAxes, axis_name, plane_axes
from napari_umis_fusion.layers._surface import DepthLayer
from napari_umis_fusion.projection import AroundConfig, smooth_depth
from napari_umis_fusion.runtime import Float64Array, FloatMap
from napari_umis_fusion.stack import kind_of, length_um

TOLD = ("shape", "axis_labels", "z_axis", "channel_axis", "z_translate", "z_scale")
"""What the record of a depth map has to tell of the layer that was fused."""

CLOSE = 1e-3
"""Part of a pixel by which two grids may differ and still count as one."""


@dataclass(frozen=True, eq=False)
class PlacedDepth:
    """A depth layer, where it lies, and how it is smoothed.

    Attributes
    ----------
    image : LayerImage
        The depth map, as a fusion made it.
    left_out : LayerImage or None
        Layer of the same size that is not 0 where the depth means nothing.
    config : AroundConfig
        How the surface is smoothed, and the slab around it.
    shown : mapping of int to int
        Entry of each axis of the depth map that counts where another layer has no such axis.
    """

    image: LayerImage
    left_out: LayerImage | None = None
    config: AroundConfig = field(default_factory=AroundConfig)
    shown: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse layers that hold no depth, or do not tell where their planes lie."""
        DepthLayer(self.image).depth_unit_um()
        source = self.record.get("layer")
        told = source if isinstance(source, Mapping) else {}
        if not all(key in told for key in TOLD):
            raise StackError(
                f"{self.image.name!r} does not tell where the planes of its stack lie, as it comes "
                "from an earlier version or another program: fuse again, and choose that depth map."
            )
        if self.left_out is not None:
            DepthLayer(self.image).marked(self.left_out)

    @classmethod
    def of(
        cls,
        depth: Any,
        left_out: Any = None,
        config: AroundConfig | None = None,
        shown: Mapping[int, int] | None = None,
        **options: Any,
    ) -> Self:
        """Return the surface of layers, or of layer data.

        Parameters
        ----------
        depth : napari.layers.Image or tuple
            A depth map as `fuse_layer` makes it.
        left_out : layer or tuple, optional
            Of the same size, not 0 where the depth means nothing.
        config, shown
            See the attributes.
        **options
            Fields of `AroundConfig` that replace those of `config`.

        Raises
        ------
        StackError
            If it is no depth map in a unit of length, or the two differ in size.
        ConfigError
            If an option is not accepted.
        """
        mask = None if left_out is None else any_image(left_out)
        settings = (config or AroundConfig()).replace(**options)
        return cls(layer_image(depth), mask, settings, shown or {})

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """What the depth map tells of its fusion."""
        record: Mapping[str, Any] = self.image.metadata[RUN_KEY]
        return record

    @cached_property
    def source(self) -> Mapping[str, Any]:
        """What the depth map tells of the layer that was fused."""
        source: Mapping[str, Any] = self.record["layer"]
        return source

    @cached_property
    def axes(self) -> tuple[int, int]:
        """Axes of the depth map that are y and x."""
        return plane_axes(self.image, -1)

    @cached_property
    def source_axes(self) -> tuple[int, ...]:
        """Axis of the fused layer that each axis of the depth map was."""
        plan = self.record.get("plan", {})
        every = range(len(self.source["shape"]))
        indexed = {int(axis) for axis in plan.get("index", {})}
        channel, z = self.source["channel_axis"], self.source["z_axis"]
        is_together = not plan.get("each_channel") and channel not in indexed
        dropped = {z, *indexed, *({channel} if is_together else ())}
        kept = tuple(axis for axis in every if axis not in dropped or plan.get("keep_axes"))
        if len(kept) != len(self.image.shape):
            raise StackError(
                f"{self.image.name!r} has {len(self.image.shape)} axes, but {len(kept)} when it "
                "was fused; choose the depth map as the fusion added it."
            )
        return kept

    @property
    def keeps_z(self) -> bool:
        """Whether the depth map has an axis z, of one entry."""
        return self.source["z_axis"] in self.source_axes

    @cached_property
    def z(self) -> int:
        """Place of z among the axes of the depth map; where it would be if they lack it."""
        return sum(axis < self.source["z_axis"] for axis in self.source_axes)

    @property
    def unit_um(self) -> float:
        """Unit of the depths and of z, in µm."""
        return DepthLayer(self.image).depth_unit_um()

    @property
    def origin(self) -> float:
        """World coordinate along z where the depth is 0, in the unit of the depths."""
        return float(self.source["z_translate"])

    @property
    def z_scale(self) -> float:
        """Distance of planes of the fused layer along z; negative where z falls."""
        return float(self.source["z_scale"])

    @property
    def positions_um(self) -> list[float]:
        """Depth of each plane of the fused layer, in µm."""
        uneven = self.source.get("z_positions_um")
        step = abs(self.z_scale) * self.unit_um
        planes = int(self.source["shape"][self.source["z_axis"]])
        return [step * z for z in range(planes)] if uneven is None else list(uneven)

    def surface_um(self, entries: Mapping[int, int]) -> FloatMap:
        """Return the surface at entries of the axes of the depth map, filled and smoothed, in µm.

        Raises
        ------
        StackError
            If nothing of it is known, or it is to be smoothed and the pixels have no known size.
        """
        layer, config = DepthLayer(self.image, entries), self.config
        return smooth_depth(
            layer.depth_um().astype(np.float32),
            layer.pixel_size_um() if config.smooth_um else None,
            never_in_focus=None if self.left_out is None else layer.marked(self.left_out),
            smooth_um=config.smooth_um,
            smoothing=config.smoothing,
            z_step_um=abs(self.z_scale) * self.unit_um,
        )

    def is_known(self, entries: Mapping[int, int]) -> Any:
        """Return where the depth was measured, bool of shape (Y, X)."""
        layer = DepthLayer(self.image, entries)
        known = np.isfinite(layer.depth_um())
        return known if self.left_out is None else known & ~layer.marked(self.left_out)

    def depth_um_of(self, world_z: Float64Array, unit_um: float | None = None) -> Float64Array:
        """Return the depth, in µm, of places along z in the world, of a unit given in µm."""
        away = np.asarray(world_z) * (unit_um or self.unit_um) - self.origin * self.unit_um
        return away if self.z_scale > 0 else -away

    def world_z_of(self, depth_um: Float64Array) -> Float64Array:
        """Return the place along z in the world, in the unit of the depths."""
        depth = np.asarray(depth_um) / self.unit_um
        return self.origin + (depth if self.z_scale > 0 else -depth)

    def entries_for(self, image: LayerImage, entries: Mapping[int, int]) -> dict[int, int]:
        """Return the entries of the depth map that belong to a stack of another layer.

        Parameters
        ----------
        image : LayerImage
            The other layer.
        entries : mapping of int to int
            Entry of its looped axes.

        Raises
        ------
        StackError
            If an axis that both have differs in length.
        """
        found = {}
        for axis, size in enumerate(self.image.shape):
            if axis in self.axes or size == 1:
                continue
            other = self._same_axis(image, axis)
            if other is None:
                found[axis] = self.shown.get(axis, 0)
            elif other not in entries or image.shape[other] != size:
                raise StackError(
                    f"{image.name!r} has {image.shape[other]} along {axis_name(image, other)!r}, "
                    f"the depth map {self.image.name!r} {size}; choose layers of one specimen."
                )
            else:
                found[axis] = entries[other]
        return found

    def _same_axis(self, image: LayerImage, axis: int) -> int | None:
        """Return the axis of another layer that counts the same as one of the depth map."""
        number = self.source_axes[axis]
        name = str(self.source["axis_labels"][number])
        labels = [label.casefold() for label in image.axis_labels]
        if name and name.casefold() in labels:
            return labels.index(name.casefold())
        kind = kind_of(name)
        alike = [k for k, label in enumerate(labels) if label and kind_of(label) == kind]
        if name and len(alike) == 1 and kind != "unknown":
            return alike[0]
        is_same = len(image.shape) == len(self.source["shape"]) and not image.axis_labels[number]
        return number if is_same else None

    def places_in(self, image: LayerImage, axes: LayerAxes) -> tuple[Float64Array, Float64Array]:
        """Return the row and column of the depth map at each row and column of another layer.

        Raises
        ------
        StackError
            If one of the two is rotated or sheared, and they differ in size.
        """
        pairs = list(zip((axes.y, axes.x), self.axes, strict=True))
        if not (is_straight(image) and is_straight(self.image)):
            if any(image.shape[one] != self.image.shape[mine] for one, mine in pairs):
                raise StackError(
                    f"{image.name!r} or {self.image.name!r} is rotated or sheared, and they differ "
                    "in size: where one lies in the other is unknown. Choose layers of one size."
                )
            rows, columns = (np.arange(image.shape[one], dtype=float) for one, _ in pairs)
            return rows, columns
        rows, columns = (self._along(image, one, mine) for one, mine in pairs)
        return rows, columns

    def _along(self, image: LayerImage, axis: int, mine: int) -> Float64Array:
        there, here = image.placement, self.image.placement
        units = (length_um(1.0, unit) for unit in (image.units[axis], self.image.units[mine]))
        theirs, ours = units
        factor = theirs / ours if theirs and ours else 1.0
        world = (there.translate[axis] + there.scale[axis] * np.arange(image.shape[axis])) * factor
        places: Float64Array = (world - here.translate[mine]) / here.scale[mine]
        whole = np.rint(places)
        return whole if np.abs(places - whole).max() < CLOSE else places


def is_straight(image: LayerImage) -> bool:
    """Whether a layer is scaled and moved only."""
    place = image.placement
    matrices = (place.rotate, place.shear, place.affine)
    return all(np.allclose(matrix, np.eye(len(matrix))) for matrix in matrices)
