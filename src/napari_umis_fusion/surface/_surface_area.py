"""Area along the slopes of a surface."""

from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import BoolMap, Float64Array
from napari_umis_fusion.surface._height_map import HeightMap


@dataclass(frozen=True, slots=True)
class SurfaceArea:
    """Area of a region, seen from above and along its slopes.

    Attributes
    ----------
    projected_um2 : float
        Area in the image, in µm²: squares between four measured pixels.
    on_surface_um2 : float
        Area of the same squares along the slopes, in µm².
    """

    projected_um2: float
    on_surface_um2: float

    @property
    def ratio(self) -> float:
        """How many times larger the area is along the slopes; 1 + Sdr of ISO 25178-2."""
        return self.on_surface_um2 / self.projected_um2


def surface_area(surface: HeightMap, region: BoolMap | None = None) -> SurfaceArea:
    """Return the area of a surface, or of a region of it, corrected for slope.

    Each square between four pixels is cut in two triangles along both diagonals in turn, and the
    mean is taken. Noise of the heights enlarges the result: apply an S-filter first.

    Parameters
    ----------
    surface : HeightMap
        The surface.
    region : ndarray of shape (Y, X), bool, optional
        Pixels that count; by default all.

    Returns
    -------
    SurfaceArea
        Both areas, of squares whose four corners are measured and lie in the region.

    Raises
    ------
    StackError
        If the region has another shape, or no square of four measured pixels.
    """
    counts = surface.is_measured
    if region is not None:
        if region.shape != counts.shape:
            raise StackError(
                f"the region has shape {region.shape}; accepted is that of the surface, "
                f"{counts.shape}."
            )
        counts = counts & region.astype(bool)
    whole = counts[:-1, :-1] & counts[:-1, 1:] & counts[1:, :-1] & counts[1:, 1:]
    if not whole.any():
        raise StackError("no four neighbouring pixels are measured there; choose another region.")
    rows, columns = surface.pixel_size_um
    heights = np.where(counts, surface.heights_um, 0.0)
    # a triangle with legs along the axes rises by (across, down) over them
    halves = [
        _triangle(heights[:, 1:] - heights[:, :-1], heights[1:] - heights[:-1], sides, surface)
        for sides in ((0, 0), (0, 1), (1, 0), (1, 1))
    ]
    squares = np.sum(halves, axis=0)[whole] / 2
    return SurfaceArea(float(whole.sum()) * rows * columns, float(squares.sum()))


def _triangle(
    across: Float64Array, down: Float64Array, sides: tuple[int, int], surface: HeightMap
) -> Float64Array:
    """Return the areas of the triangles with their right angle at one corner of each square."""
    rows, columns = surface.pixel_size_um
    rise_x = across[sides[0] : across.shape[0] - 1 + sides[0]]
    rise_y = down[:, sides[1] : down.shape[1] - 1 + sides[1]]
    flat = rows * columns
    area: Float64Array = 0.5 * np.sqrt(flat**2 + (rise_x * rows) ** 2 + (rise_y * columns) ** 2)
    return area
