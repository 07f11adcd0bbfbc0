"""Depth layers as surfaces: heights of the part in sight, and a mesh at its place in the world."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import RUN_KEY, LayerData, LayerImage
from napari_umis_fusion.layers._axes import listed, plane_axes
from napari_umis_fusion.runtime import BoolMap, Float64Array
from napari_umis_fusion.stack import length_um
from napari_umis_fusion.surface import HeightMap, SurfaceConfig, height_map, mesh_of

_FIRST_ON_TOP = SurfaceConfig()


@dataclass(frozen=True, slots=True, eq=False)
class DepthLayer:
    """The part of a depth layer that is in sight.

    Attributes
    ----------
    image : LayerImage
        The depth map.
    entries : mapping of int to int
        Entry of each axis that is in sight; those of the plane do not count.
    config : SurfaceConfig
        Which plane of the stack lies highest.
    """

    image: LayerImage
    entries: Mapping[int, int] = field(default_factory=dict)
    config: SurfaceConfig = _FIRST_ON_TOP

    @staticmethod
    def holds(image: LayerImage) -> bool:
        """Whether a layer holds depths in a unit of length."""
        return _depth_unit_um(image) is not None

    @property
    def plane_axes(self) -> tuple[int, int]:
        """Axes of the depth map that are rows and columns of the surface."""
        return plane_axes(self.image, -1)

    def heights(self, left_out: LayerImage | None = None) -> HeightMap:
        """Return the surface, in µm.

        Parameters
        ----------
        left_out : LayerImage, optional
            Layer of the same size that is not 0 where the depth means nothing.

        Raises
        ------
        StackError
            If the layer is no depth map in a unit of length, the size of its pixels is unknown,
            `left_out` has another size, or fewer than 16 points are left.
        """
        mask = None if left_out is None else self.marked(left_out)
        sizes = self.pixel_size_um()
        return height_map(self.depth_um(), sizes, never_in_focus=mask, top=self.config.top)

    def marked(self, left_out: LayerImage) -> BoolMap:
        """Return where a layer of the same size is not 0; raises `StackError` for other sizes."""
        if left_out.shape != self.image.shape:
            raise StackError(
                f"{left_out.name!r} has the axes {listed(left_out)}, {self.image.name!r} has "
                f"{listed(self.image)}; choose a layer of the same size."
            )
        marked: BoolMap = self._plane(left_out) != 0
        return marked

    def picture(self, image: LayerImage) -> Any:
        """Return what is in sight of an all-in-focus layer, (Y, X) or (Y, X, C), as a texture.

        Raises
        ------
        StackError
            If it does not have the size of the depth map.
        """
        picture = self._plane(image)
        y, x = (self.image.shape[axis] for axis in self.plane_axes)
        if picture.shape[:2] != (y, x):
            raise StackError(
                f"{image.name!r} has the axes {listed(image)}, but the depth map {y} rows and {x} "
                "columns; choose the image that was fused with it."
            )
        return picture

    def surface_layer(self, surface: HeightMap, exaggeration: float = 1.0) -> LayerData:
        """Return the data and attributes of a surface layer.

        It lies along y and x where the depth map does, and along z where the stack does, if heights
        are not stretched and the planes of the stack rise.

        Parameters
        ----------
        surface : HeightMap
            What `heights` returned.
        exaggeration : float
            Factor by which heights are stretched.

        Returns
        -------
        (data, attributes, "surface")
            Vertices in µm, (z, y, x). ``texcoords`` are places in what `picture` returns, as
            napari counts them.
        """
        mesh = mesh_of(surface, exaggeration=exaggeration)
        vertices, triangles = mesh.vertices_um.copy(), mesh.triangles
        if self.config.top == "first":
            # depth grows downwards: mirrored, triangles turn the other way
            vertices[:, 0] = vertices[:, 0].max() - vertices[:, 0]
            triangles = triangles[:, ::-1]
        nearest = float(self.depth_um()[surface.is_measured].min())
        origin = [
            float(self.image.placement.translate[axis])
            * (length_um(1.0, self.image.units[axis]) or 0)
            for axis in self.plane_axes
        ]
        attributes = {
            "name": f"{self.image.name} surface",
            "translate": (self._first_plane_um() + nearest, *origin),
            "units": ("µm",) * 3,
            "axis_labels": ("z", "y", "x"),
            # measured from the bottom
            "texcoords": np.stack([mesh.texture[:, 0], 1 - mesh.texture[:, 1]], axis=1),
            "contrast_limits": (0.0, 1.0),
            "colormap": "gray",
        }
        white = np.ones(len(vertices), np.float32)
        return (vertices, np.ascontiguousarray(triangles), white), attributes, "surface"

    def _first_plane_um(self) -> float:
        """Return where the fused stack begins along z, in µm; 0 if the depth map does not tell."""
        source = self.image.metadata[RUN_KEY].get("layer")
        told = source if isinstance(source, Mapping) else {}
        rises = told.get("z_scale", 0) > 0
        return float(told["z_translate"]) * self.depth_unit_um() if rises else 0.0

    def depth_um(self) -> Float64Array:
        """Return the depths of the part, in µm; raises `StackError` for other layers."""
        depth: Float64Array = self._plane(self.image).astype(np.float64) * self.depth_unit_um()
        return depth

    def depth_unit_um(self) -> float:
        """Return the unit of the depths, in µm; raises `StackError` for other layers."""
        unit_um = _depth_unit_um(self.image)
        if unit_um is None:
            raise StackError(
                f"{self.image.name!r} is no depth map in µm: choose one. A stack whose z step is "
                "known gets one when it is fused; the z step can be typed in the fusion widget."
            )
        return unit_um

    def pixel_size_um(self) -> tuple[float, float]:
        """Return the distance of rows and of columns; raises `StackError` if it is unknown."""
        scale, units = self.image.placement.scale, self.image.units
        y, x = (length_um(float(abs(scale[axis])), units[axis]) for axis in self.plane_axes)
        if y is None or x is None:
            raise StackError(
                f"the size of a pixel of {self.image.name!r} is unknown: type it in the fusion "
                "widget, and fuse again."
            )
        return y, x

    def _plane(self, image: LayerImage) -> Any:
        y, x = plane_axes(image, -1)
        index = tuple(
            slice(None) if axis in (y, x) else min(self.entries.get(axis, 0), size - 1)
            for axis, size in enumerate(image.shape)
        )
        plane = np.asarray(image.data[index])
        return plane.swapaxes(0, 1) if y > x else plane


def _depth_unit_um(image: LayerImage) -> float | None:
    """Return the unit of a depth map in µm; None for other layers."""
    record = image.metadata.get(RUN_KEY)
    if not isinstance(record, Mapping) or record.get("output") != "depth_map":
        return None
    return length_um(1.0, str(record.get("unit")))
