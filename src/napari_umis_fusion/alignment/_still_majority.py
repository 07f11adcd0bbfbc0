"""How much of a picture stands still while something in it moves.

Tiles with much detail tell of motion best, and debris that drifts over a weak specimen has most of
it. Small cells, each with one vote whatever its contrast, tell what most of the picture does.
"""

import numpy as np

from napari_umis_fusion.alignment._pyramid import Pyramid
from napari_umis_fusion.alignment._resample import resample
from napari_umis_fusion.alignment._tile_shifts import Grey
from napari_umis_fusion.alignment._transforms import Transform, max_displacement_px, rescaled

CELL_PX = 8
"""Side of a cell, in compared pixels."""

LARGEST_PX = 1024
"""Longest side of the images that are compared: more would take time and tell no more."""

MIN_MOTION_PX = 1.5
"""Shorter motions, in compared pixels, hardly change the detail."""

MIN_DIFFERENCE = 0.25
"""Least difference of the two residuals of a cell that votes, as a share of their sum."""

BAND_SIGMA_PX = (1.5, 4.0)
"""Detail that is compared: finer is noise and the pattern of the sensor, coarser is light."""


def still_share(first: Pyramid, other: Pyramid, motion: Transform) -> float:
    """Return which share of the cells agrees better where it is than moved.

    Parameters
    ----------
    first, other : Pyramid
        The planes.
    motion : ndarray of shape (2, 3)
        From points of `first` to those of `other`, in pixels of the planes.

    Returns
    -------
    float
        0 to 1, of the cells that differ; 0 where the motion is too short to tell.
    """
    pairs = list(zip(first.levels, other.levels, strict=True))
    small = [pair for pair in pairs if max(pair[0].image.shape) <= LARGEST_PX]
    here, there = small[-1] if small else pairs[0]
    local = rescaled(motion, here.factor)
    shape = here.image.shape
    if max_displacement_px(local, shape) < MIN_MOTION_PX or min(shape) < 2 * CELL_PX:
        return 0.0
    one, two = _detail(here.image), _detail(there.image)
    still = _cell_means((two - one) ** 2)
    moved = _cell_means((resample(two, local, shape) - one) ** 2)
    least = MIN_DIFFERENCE * (still + moved)
    votes_still, votes_moved = (still < moved - least).sum(), (moved < still - least).sum()
    return float(votes_still / max(votes_still + votes_moved, 1))


def _detail(image: Grey) -> Grey:
    from scipy.ndimage import gaussian_filter

    fine, coarse = (gaussian_filter(image, sigma) for sigma in BAND_SIGMA_PX)
    return np.asarray(fine - coarse)


def _cell_means(values: Grey) -> Grey:
    rows, columns = (side // CELL_PX for side in values.shape)
    cut = values[: rows * CELL_PX, : columns * CELL_PX]
    return np.asarray(cut.reshape(rows, CELL_PX, columns, CELL_PX).mean(axis=(1, 3)))
