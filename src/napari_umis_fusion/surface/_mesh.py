"""A mesh of triangles from a height map, with the image as its texture."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float32Array, Float64Array
from napari_umis_fusion.surface._height_map import HeightMap

MOST_TRIANGLES = 500_000
"""What graphics of a laptop turn smoothly."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles between points of a height map.

    Attributes
    ----------
    vertices_um : ndarray of shape (N, 3), float32
        Height above the lowest point, row and column of each vertex, in µm: (z, y, x), rows
        downwards as in images.
    triangles : ndarray of shape (M, 3), int32
        Vertices of each triangle, counterclockwise as seen from above with rows downwards.
    texture : ndarray of shape (N, 2), float32
        Place of each vertex in the image, 0 to 1 along columns and along rows from the top.
    step_px : int
        Every how many pixels a vertex lies.
    """

    vertices_um: Float32Array
    triangles: NDArray[np.int32]
    texture: Float32Array
    step_px: int


def mesh_of(
    surface: HeightMap, *, most_triangles: int = MOST_TRIANGLES, exaggeration: float = 1.0
) -> Mesh:
    """Return the triangles between measured points of a surface.

    Parameters
    ----------
    surface : HeightMap
        The surface.
    most_triangles : int
        More are avoided by a coarser grid; the texture stays as fine as the image.
    exaggeration : float
        Factor by which heights are stretched.

    Returns
    -------
    Mesh
        Without vertices that no triangle uses; triangles have three measured corners.

    Raises
    ------
    ConfigError
        If `most_triangles` is below 2 or the exaggeration is not positive, or no three
        neighbouring points are measured.
    """
    if not (np.isfinite(exaggeration) and exaggeration > 0):
        raise ConfigError(f"exaggeration={exaggeration!r}; accepted is a positive number.")
    if most_triangles < 2:
        raise ConfigError(f"most_triangles={most_triangles!r}; accepted are 2 and more.")
    shape = surface.heights_um.shape
    step = _step_for(shape, most_triangles)
    # the last row and column belong to the surface, even if the step misses them
    rows, columns = (np.unique([*range(0, count, step), count - 1]) for count in shape)
    heights = surface.heights_um[np.ix_(rows, columns)]
    triangles = _triangles(heights)
    if not len(triangles):
        raise ConfigError(
            "no three neighbouring points are measured; allow more triangles, or measure more."
        )
    used, renumbered = np.unique(triangles, return_inverse=True)
    y, x = (axis.ravel()[used] for axis in np.meshgrid(rows, columns, indexing="ij"))
    z = (heights - np.nanmin(heights)).ravel()[used] * exaggeration
    per_row, per_column = surface.pixel_size_um
    return Mesh(
        np.stack([z, y * per_row, x * per_column], axis=1).astype(np.float32),
        renumbered.reshape(-1, 3).astype(np.int32),
        np.stack([(x + 0.5) / shape[1], (y + 0.5) / shape[0]], axis=1).astype(np.float32),
        step,
    )


def _step_for(shape: tuple[int, ...], most_triangles: int) -> int:
    """Return the smallest step of a grid that stays within the number of triangles."""
    step = max(1, math.floor(math.sqrt(2 * shape[0] * shape[1] / most_triangles)))
    while 2 * math.prod(math.ceil((count - 1) / step) for count in shape) > most_triangles:
        step += 1
    return step


def _triangles(heights: Float64Array) -> NDArray[np.int64]:
    """Return two triangles for each square, cut along the diagonal that bends less.

    A square with one corner missing keeps the triangle of the other three.
    """
    number = np.arange(heights.size).reshape(heights.shape)
    corners = [(slice(None, -1), slice(None, -1)), (slice(None, -1), slice(1, None))]
    corners += [(slice(1, None), slice(None, -1)), (slice(1, None), slice(1, None))]
    a, b, c, d = (number[corner].ravel() for corner in corners)
    high = heights.ravel()
    known = np.isfinite(high)
    falling, rising = (np.abs(high[one] - high[other]) for one, other in ((a, d), (b, c)))
    # a difference to a missing corner is NaN: then the diagonal is the one between known corners
    by_falling = np.where(known[a] & known[d], ~(rising < falling), False)
    one = np.where(by_falling[:, None], np.stack([a, c, d], 1), np.stack([a, c, b], 1))
    two = np.where(by_falling[:, None], np.stack([a, d, b], 1), np.stack([b, c, d], 1))
    every = np.concatenate([one, two])
    whole: NDArray[np.int64] = every[known[every].all(axis=1)]
    return whole
