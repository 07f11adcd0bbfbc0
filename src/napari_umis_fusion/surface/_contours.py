"""Lines of equal height."""

from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float64Array
from napari_umis_fusion.surface._height_map import HeightMap

MOST_LEVELS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """A line of equal height.

    Attributes
    ----------
    height_um : float
        Its height, in µm.
    line_px : ndarray of shape (N, 2)
        Row and column of its points, in pixels; first and last are equal if it is closed.
    """

    height_um: float
    line_px: Float64Array


def contours(surface: HeightMap, spacing_um: float) -> list[Contour]:
    """Return the lines at whole multiples of a height.

    Parameters
    ----------
    surface : HeightMap
        The surface; smooth it first (`filtered`), or noise makes a line around every pixel.
    spacing_um : float
        Height from line to line, in µm.

    Returns
    -------
    list of Contour
        From low to high. Lines end where nothing is measured.

    Raises
    ------
    ConfigError
        If the spacing is not positive, or gives more than 200 levels.

    References
    ----------
    Lorensen, W. E. and Cline, H. E., "Marching cubes", SIGGRAPH 1987.
    https://doi.org/10.1145/37401.37422
    """
    from skimage.measure import find_contours

    low, high = np.nanmin(surface.heights_um), np.nanmax(surface.heights_um)
    least = float(high - low) / MOST_LEVELS
    if not (np.isfinite(spacing_um) and spacing_um > 0 and spacing_um >= least):
        raise ConfigError(
            f"spacing_um={spacing_um!r}; accepted is a positive number of µm, here at least "
            f"{least:.3g} ({MOST_LEVELS} lines)."
        )
    levels = np.arange(np.ceil(low / spacing_um), np.floor(high / spacing_um) + 1) * spacing_um
    found = []
    for level in levels.tolist():
        lines = find_contours(surface.heights_um, level)  # type: ignore[no-untyped-call]
        found += [Contour(level, line) for line in lines]
    return found
