"""The height of a step between two regions."""

from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import BoolMap, Float64Array
from napari_umis_fusion.surface._height_map import FEWEST_POINTS, HeightMap


@dataclass(frozen=True, slots=True)
class StepHeight:
    """A step between two regions.

    Attributes
    ----------
    height_um : float
        How much higher the second region is than the first, in µm.
    rms_um : float
        Root mean square distance of the points from their planes, in µm.
    points : (int, int)
        Number of measured points in each region.
    """

    height_um: float
    rms_um: float
    points: tuple[int, int]


def step_height(surface: HeightMap, first: BoolMap, second: BoolMap) -> StepHeight:
    """Return the distance between two parallel planes, fitted to two regions together.

    Fitting them together removes the tilt that both share, as ISO 5436-1 does for grooves; a
    difference of means would count tilt as step.

    Parameters
    ----------
    surface : HeightMap
        The surface.
    first, second : ndarray of shape (Y, X), bool
        Pixels of the two regions, which do not overlap.

    Returns
    -------
    StepHeight
        The step, and how well the planes fit.

    Raises
    ------
    StackError
        If a region has another shape than the surface or fewer than 16 measured points, or they
        overlap.
    """
    regions = [_checked(surface, region) for region in (first, second)]
    if (regions[0] & regions[1]).any():
        raise StackError("the two regions overlap; draw them apart.")
    rows, columns = surface.pixel_size_um
    designs, heights = [], []
    for second_one, region in enumerate(regions):
        y, x = np.nonzero(region)
        plane = np.full_like(y, second_one, dtype=np.float64)
        designs.append(np.stack([np.ones(len(y)), plane, y * rows, x * columns], axis=1))
        heights.append(surface.heights_um[region])
    design, height = np.concatenate(designs), np.concatenate(heights)
    scale = np.abs(design).max(axis=0)  # so that columns of µm and of 1 weigh alike
    found: Float64Array = np.linalg.lstsq(design / scale, height, rcond=None)[0] / scale
    misses = design @ found - height
    counts = int(regions[0].sum()), int(regions[1].sum())
    return StepHeight(float(found[1]), float(np.sqrt(np.mean(misses**2))), counts)


def _checked(surface: HeightMap, region: BoolMap) -> BoolMap:
    if region.shape != surface.heights_um.shape or region.dtype != bool:
        raise StackError(
            f"a region is {region.dtype} of shape {region.shape}; accepted is bool of the "
            f"surface's shape {surface.heights_um.shape}."
        )
    measured: BoolMap = region & surface.is_measured
    count = int(measured.sum())
    if count < FEWEST_POINTS:
        raise StackError(
            f"a region has {count} measured points; at least {FEWEST_POINTS} are needed. Draw it "
            "larger, or where the depth is known."
        )
    return measured
