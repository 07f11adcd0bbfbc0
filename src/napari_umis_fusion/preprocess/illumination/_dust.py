"""Detection of dust: soft dark spots that look the same in every plane."""

from typing import Any

import numpy as np

from napari_umis_fusion.runtime import BoolMap, FloatMap

BINNING = 2
"""Dust is soft: half the resolution shows it, at a quarter of the cost."""

SPOT_SIGMA = 1.0
"""Sigma of the filter for spots, in binned pixels; dust with a sigma of 2 to 5 px responds most."""

AROUND_SIGMA = 3.0
"""Sigma of the filter for their surroundings, in binned pixels."""

DARK_LEVELS = 16.0
"""Added to the surroundings, in grey levels, so that relative contrast is low in the dark."""

MIN_CONTRAST = 0.06
"""Smallest relative contrast of a spot, in the plane where it is lowest."""

STEADINESS = 0.6
"""Smallest share of its highest contrast that a spot keeps in all planes."""

BRIGHT_FACTOR = 2.0
"""Smallest contrast of dust, relative to the highest of bright details. Bright details are never
dust, and so show how much of the specimen's contrast remains in all planes."""

MAX_KEPT = 0.17
"""Largest share of their contrast that 90 % of the bright details may keep in all planes; not all
of them, because dust has bright rims."""

MIN_DETAILS = 100
"""Pixels of bright details that are needed to know whether the focus moves."""

EDGE_SHARE = 0.25
"""A spot extends to where its contrast falls to this share of the threshold."""

MARGIN_PX = 2
"""Margin added around spots."""


def relative_contrast(binned: FloatMap) -> FloatMap:
    """Return the contrast of spots, relative to the light of their surroundings."""
    from scipy.ndimage import gaussian_filter

    spot = gaussian_filter(binned, SPOT_SIGMA, truncate=3)
    around = gaussian_filter(binned, AROUND_SIGMA, truncate=3)
    spot -= around
    # Grey levels may be negative below the grey range.
    np.maximum(around, 0, out=around)
    around += np.float32(DARK_LEVELS)
    return np.asarray(np.divide(spot, around, out=spot))


def kept_contrast(lowest: FloatMap, highest: FloatMap, pixels: BoolMap) -> FloatMap:
    """Return the share of their contrast that bright details keep in all planes.

    Parameters
    ----------
    lowest, highest : ndarray of shape (Y // 2, X // 2), float32
        Lowest and highest relative contrast over the planes.
    pixels : ndarray of shape (Y, X), bool
        Hot and dead pixels, whose surroundings are ignored.

    Returns
    -------
    ndarray of shape (N,), float32
        One share for each pixel of bright details; empty if there are too few.
    """
    details = (highest > MIN_CONTRAST) & ~_near_defect(pixels, lowest.shape)
    if np.count_nonzero(details) < MIN_DETAILS:
        return np.zeros(0, np.float32)
    return np.asarray(np.maximum(lowest[details], 0) / highest[details])


def find_dust(lowest: FloatMap, highest: FloatMap, pixels: BoolMap) -> BoolMap:
    """Mark dust; takes the parameters of `kept_contrast`.

    Returns
    -------
    ndarray of shape (Y, X), bool
    """
    from scipy.ndimage import binary_dilation
    from skimage.filters import apply_hysteresis_threshold

    found = np.zeros(pixels.shape, np.bool_)
    kept = kept_contrast(lowest, highest, pixels)
    if kept.size == 0 or np.percentile(kept, 90) > MAX_KEPT:
        return found
    near_defect = _near_defect(pixels, lowest.shape)
    bright = float(lowest[~near_defect].max())
    threshold = max(MIN_CONTRAST, BRIGHT_FACTOR * bright)
    dark = np.where(near_defect, 0, -highest)  # contrast in the plane where a spot is least dark
    # Spots whose contrast varies too much cannot start a region, only belong to one.
    cores = np.where(dark >= -STEADINESS * lowest, dark, np.minimum(dark, threshold))
    grow: Any = apply_hysteresis_threshold
    spots = grow(cores, EDGE_SHARE * threshold, threshold)
    full = np.kron(spots, np.ones((BINNING, BINNING), np.bool_))
    found[: full.shape[0], : full.shape[1]] = full
    return np.asarray(binary_dilation(found, iterations=MARGIN_PX))


def _near_defect(pixels: BoolMap, shape: tuple[int, ...]) -> BoolMap:
    """Return where (Y // 2, X // 2) a hot or dead pixel is within reach of the filter."""
    from scipy.ndimage import maximum_filter

    near_defect = np.zeros(shape, np.bool_)
    rows, columns = (axis // BINNING for axis in np.nonzero(pixels))
    inside = (rows < shape[0]) & (columns < shape[1])
    near_defect[rows[inside], columns[inside]] = True
    reach: Any = 2 * round(3 * SPOT_SIGMA) + 1
    return np.asarray(maximum_filter(near_defect, reach))
