"""Heights along a line."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import Float64Array
from napari_umis_fusion.surface._height_map import HeightMap

WHOLE = 1 - 1e-9
"""Weight of measured neighbours with which a point between pixels counts as measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Heights along a line, at equal distances.

    Attributes
    ----------
    distance_um : ndarray of shape (N,)
        Distance from the start of the line, along the image, in µm.
    heights_um : ndarray of shape (N,)
        Height, in µm; NaN where nothing was measured.
    points_px : ndarray of shape (N, 2)
        Row and column of each point, in pixels.
    """

    distance_um: Float64Array
    heights_um: Float64Array
    points_px: Float64Array

    @property
    def length_um(self) -> float:
        """Length of the line in the image, in µm."""
        return float(self.distance_um[-1])

    @property
    def length_on_surface_um(self) -> float:
        """Length along the slopes of the surface, in µm; NaN if a point is not measured.

        Noise of the heights lengthens it: apply an S-filter first.
        """
        steps = np.hypot(np.diff(self.distance_um), np.diff(self.heights_um))
        return float(steps.sum())

    def height_between(self, first_um: float, second_um: float) -> float:
        """Return how much higher the surface is at the second distance than at the first, in µm."""
        first, second = np.interp([first_um, second_um], self.distance_um, self.heights_um)
        return float(second - first)


def profile_along(surface: HeightMap, line_px: ArrayLike) -> Profile:
    """Sample the heights along a line of straight pieces, as finely as the pixels are.

    Parameters
    ----------
    surface : HeightMap
        The surface.
    line_px : array_like of shape (N, 2)
        Row and column of the line's points, in pixels; at least two.

    Returns
    -------
    Profile
        Heights between pixels are interpolated linearly; NaN where one of the pixels that they
        lie between is not measured.

    Raises
    ------
    StackError
        If the line has fewer than two different points, or leaves the field.
    """
    points = np.asarray(line_px, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise StackError(
            f"got a line of shape {points.shape}; accepted are rows and columns, (N, 2), finite."
        )
    last = np.array(surface.heights_um.shape) - 1
    if ((points < -0.5) | (points > last + 0.5)).any():
        raise StackError(
            f"the line leaves the field of {last[0] + 1} x {last[1] + 1} pixels; draw it inside."
        )
    pieces = np.linalg.norm(np.diff(points, axis=0) * surface.pixel_size_um, axis=1)
    corners = np.concatenate([[0.0], np.cumsum(pieces)])
    if corners[-1] == 0:
        raise StackError("the line has no length; draw one with two different points.")
    count = int(np.ceil(corners[-1] / min(surface.pixel_size_um))) + 1
    distance = np.linspace(0, corners[-1], max(count, 2))
    keep = np.concatenate([[True], pieces > 0])  # a point twice has no direction
    places = np.stack(
        [np.interp(distance, corners[keep], points[keep, axis]) for axis in range(2)], axis=1
    )
    return Profile(distance, _between_pixels(surface, places), places)


def _between_pixels(surface: HeightMap, places_px: Float64Array) -> Float64Array:
    from scipy.ndimage import map_coordinates

    measured = surface.is_measured
    filled = np.where(measured, surface.heights_um, 0.0)
    sample = {"coordinates": places_px.T, "order": 1, "mode": "nearest"}
    heights: Float64Array = map_coordinates(filled, **sample)
    weight = map_coordinates(measured.astype(np.float64), **sample)
    heights[weight < WHOLE] = np.nan
    return heights
