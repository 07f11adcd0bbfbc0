"""A depth map as a surface: as heights, and without what was never in focus."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import BoolMap, Float64Array
from napari_umis_fusion.surface._config import SurfaceConfig, Top

FEWEST_SIDE_PX = 3
FEWEST_POINTS = 16
"""Measured points below which no form and no roughness is told."""


@dataclass(frozen=True, slots=True, eq=False)
class HeightMap:
    """Heights on a regular grid.

    Attributes
    ----------
    heights_um : ndarray of shape (Y, X), float64
        Height of each pixel, in µm; NaN where nothing was measured.
    pixel_size_um : (float, float)
        Distance between rows and between columns, in µm.
    """

    heights_um: Float64Array
    pixel_size_um: tuple[float, float]

    @property
    def is_measured(self) -> BoolMap:
        """Whether each pixel has a height."""
        return np.isfinite(self.heights_um)

    @property
    def measured_share(self) -> float:
        """Share of the pixels that have a height, 0 to 1."""
        return float(self.is_measured.mean())

    @property
    def size_um(self) -> tuple[float, float]:
        """Height and width of the field, in µm."""
        rows, columns = self.heights_um.shape
        return rows * self.pixel_size_um[0], columns * self.pixel_size_um[1]

    def with_heights(self, heights_um: Float64Array) -> Self:
        """Return a surface on the same grid."""
        return replace(self, heights_um=heights_um)


def height_map(
    depth_um: ArrayLike,
    pixel_size_um: float | tuple[float, float],
    *,
    never_in_focus: BoolMap | None = None,
    top: Top = "first",
) -> HeightMap:
    """Turn a depth map into a surface.

    Parameters
    ----------
    depth_um : array_like of shape (Y, X)
        Depth of each pixel below the first plane, in µm, as `FusionResult.depth_map` returns it;
        NaN where it is unknown.
    pixel_size_um : float or (float, float)
        Size of a pixel, or distance between rows and between columns, in µm.
    never_in_focus : ndarray of shape (Y, X), bool, optional
        Pixels whose depth means nothing, as `FusionResult.never_in_focus` returns them; they count
        as not measured.
    top : "first" or "last"
        Which plane of the stack lies highest.

    Returns
    -------
    HeightMap
        Heights above the lowest point, in µm.

    Raises
    ------
    StackError
        If the map is not two-dimensional, smaller than 3 x 3 pixels, has fewer than 16 measured
        points, or the sizes are not positive and finite.
    """
    depth = np.array(depth_um, np.float64)
    if depth.ndim != 2 or min(depth.shape) < FEWEST_SIDE_PX:
        raise StackError(
            f"got a depth map of shape {depth.shape}; accepted is (Y, X), at least "
            f"{FEWEST_SIDE_PX} x {FEWEST_SIDE_PX} pixels. Choose one time point or position."
        )
    rows, columns = np.broadcast_to(np.asarray(pixel_size_um, float), 2).tolist()
    if not all(np.isfinite(size) and size > 0 for size in (rows, columns)):
        raise StackError(
            f"pixel_size_um={pixel_size_um!r}; accepted are positive numbers of µm. Heights and "
            "widths have to be in one unit: calibrate the image, or type the size."
        )
    SurfaceConfig(top=top)  # refuses another side
    if never_in_focus is not None:
        depth[checked_mask(never_in_focus, depth.shape)] = np.nan
    depth[~np.isfinite(depth)] = np.nan
    check_points(depth)
    height = np.nanmax(depth) - depth if top == "first" else depth - np.nanmin(depth)
    return HeightMap(height, (rows, columns))


def check_points(heights: Float64Array) -> None:
    """Raise `StackError` unless enough points are measured."""
    count = int(np.isfinite(heights).sum())
    if count < FEWEST_POINTS:
        raise StackError(
            f"only {count} of {heights.size} points are measured; at least {FEWEST_POINTS} are "
            "needed. Choose a larger region, or lower the threshold of 'never in focus'."
        )


def checked_mask(mask: Any, shape: tuple[int, ...]) -> BoolMap:
    """Return where nothing is in focus; raises `StackError` unless it is bool of a map's shape."""
    array = np.asarray(mask)
    if array.shape != shape or array.dtype != bool:
        raise StackError(
            f"never_in_focus is {array.dtype} of shape {array.shape}; accepted is bool of the "
            f"depth map's shape {shape}."
        )
    return array
