"""Gaussian filters of surfaces (ISO 16610-61), where points may be missing."""

import math

import numpy as np

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float64Array
from napari_umis_fusion.surface._height_map import HeightMap

SIGMA_PER_CUTOFF = math.sqrt(2 * math.log(2)) / (2 * math.pi)
"""A Gaussian of this width passes half of the amplitude at the cut-off wavelength."""

LEAST_WEIGHT = 1e-6
"""Share of the Gaussian on measured points below which there is no mean."""


def filtered(
    surface: HeightMap, *, s_cutoff_um: float = 0.0, l_cutoff_um: float = 0.0
) -> HeightMap:
    """Keep the wavelengths between two cut-offs.

    At a cut-off half of the amplitude passes. At missing points and at the border the Gaussian is
    divided by its part on measured points (regression of order 0, ISO 16610-31); the field is
    continued by reflection.

    Parameters
    ----------
    surface : HeightMap
        The surface, with its form removed.
    s_cutoff_um : float
        Shortest wavelength that is kept, in µm; 0 keeps all.
    l_cutoff_um : float
        Longest wavelength that is kept, in µm; 0 keeps all.

    Returns
    -------
    HeightMap
        Measured where the surface was.

    Raises
    ------
    ConfigError
        If a cut-off is shorter than two pixels or longer than the shorter side of the field, or
        the S-filter's is not below the L-filter's.

    References
    ----------
    ISO 16610-61:2015, Linear areal filters: Gaussian filters.
    """
    _check(surface, s_cutoff_um, "S-filter")
    _check(surface, l_cutoff_um, "L-filter")
    if 0 < l_cutoff_um <= s_cutoff_um:
        raise ConfigError(
            f"the S-filter's cut-off {s_cutoff_um:g} µm is not below the L-filter's "
            f"{l_cutoff_um:g} µm: nothing would be left. Give a shorter one."
        )
    heights = surface.heights_um
    if s_cutoff_um:
        heights = _low_pass(heights, surface.pixel_size_um, s_cutoff_um)
    if l_cutoff_um:
        heights = heights - _low_pass(heights, surface.pixel_size_um, l_cutoff_um)
    return surface.with_heights(heights)


def _check(surface: HeightMap, cutoff_um: float, name: str) -> None:
    shortest, longest = 2 * max(surface.pixel_size_um), min(surface.size_um)
    if cutoff_um and not shortest <= cutoff_um <= longest:
        raise ConfigError(
            f"the {name}'s cut-off is {cutoff_um:g} µm; accepted here are {shortest:.4g} µm (two "
            f"pixels) to {longest:.4g} µm (the shorter side of the field), or 0 for no filter."
        )


def _low_pass(
    heights: Float64Array, pixel_size_um: tuple[float, float], cutoff_um: float
) -> Float64Array:
    from scipy.ndimage import gaussian_filter

    sigma = [SIGMA_PER_CUTOFF * cutoff_um / size for size in pixel_size_um]
    measured = np.isfinite(heights)
    if measured.all():
        smooth: Float64Array = gaussian_filter(heights, sigma, mode="reflect")
        return smooth
    level = heights[measured].mean()
    total = gaussian_filter(np.where(measured, heights - level, 0.0), sigma, mode="reflect")
    weight = gaussian_filter(measured.astype(np.float64), sigma, mode="reflect")
    known = measured & (weight > LEAST_WEIGHT)
    mean: Float64Array = np.divide(total, weight, out=np.full_like(total, np.nan), where=known)
    mean += level
    return mean
