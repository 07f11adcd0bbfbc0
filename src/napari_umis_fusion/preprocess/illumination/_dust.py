"""Dust: soft dark spots that no plane blurs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]

BINNING = 2
"""Dust is soft: half the resolution shows it, at a quarter of the cost."""

SPOT_SIGMA = 1.0
"""Of the spots looked for, in binned pixels; dust of a sigma of 2 to 5 px stands out most."""

AROUND_SIGMA = 3.0
"""Of their surroundings, in binned pixels."""

DARK_LEVELS = 16.0
"""Contrast counts less where there is not much more light than this many grey levels."""

MIN_CONTRAST = 0.06
"""Least relative contrast of a spot, in the plane that shows it least."""

STEADINESS = 0.6
"""Least share of its greatest contrast that a spot keeps in all planes."""

BRIGHT_FACTOR = 2.0
"""Dust stands out so many times farther than any bright detail: that is never dust, and tells
how much of the specimen's contrast stands still."""

MAX_KEPT = 0.17
"""Share of their contrast that 90 % of the bright details (dust has bright rims, so not all) may
keep in all planes..."""

MIN_DETAILS = 100
"""...and how many pixels of them there must be for it, or it is not known whether focus moves."""

EDGE_SHARE = 0.25
"""A spot reaches to where its contrast falls to this share of the least that counts."""

MARGIN_PX = 2


def relative_contrast(binned: Map) -> Map:
    """Return by how much light a spot differs from its surroundings, relative to them."""
    from scipy.ndimage import gaussian_filter

    spot = gaussian_filter(binned, SPOT_SIGMA, truncate=3)
    around = gaussian_filter(binned, AROUND_SIGMA, truncate=3)
    spot -= around
    np.maximum(around, 0, out=around)
    around += np.float32(DARK_LEVELS)
    return np.asarray(np.divide(spot, around, out=spot))


def kept_contrast(lowest: Map, highest: Map, pixels: Mask) -> Map:
    """Return which share of their contrast the specimen's bright details keep in all planes.

    Parameters
    ----------
    lowest, highest : ndarray of shape (Y // 2, X // 2), float32
        Least and most relative contrast over the planes.
    pixels : ndarray of shape (Y, X), bool
        Hot and dead pixels: their surroundings tell nothing.

    Returns
    -------
    ndarray of shape (N,), float32
        One for each pixel of such details; none if there are too few.
    """
    details = (highest > MIN_CONTRAST) & ~_spoilt(pixels, lowest.shape)
    if np.count_nonzero(details) < MIN_DETAILS:
        return np.zeros(0, np.float32)
    return np.asarray(np.maximum(lowest[details], 0) / highest[details])


def find_dust(lowest: Map, highest: Map, pixels: Mask) -> Mask:
    """Mark dust; takes what `kept_contrast` takes.

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
    spoilt = _spoilt(pixels, lowest.shape)
    bright = float(lowest[~spoilt].max())
    threshold = max(MIN_CONTRAST, BRIGHT_FACTOR * bright)
    dark = np.where(spoilt, 0, -highest)  # in the plane where a spot is least dark
    cores = np.where(dark >= -STEADINESS * lowest, dark, np.minimum(dark, threshold))
    grow: Any = apply_hysteresis_threshold
    spots = grow(cores, EDGE_SHARE * threshold, threshold)
    full = np.kron(spots, np.ones((BINNING, BINNING), np.bool_))
    found[: full.shape[0], : full.shape[1]] = full
    return np.asarray(binary_dilation(found, iterations=MARGIN_PX))


def _spoilt(pixels: Mask, shape: tuple[int, ...]) -> Mask:
    """Return where (Y // 2, X // 2) a hot or dead pixel is within the surroundings."""
    from scipy.ndimage import maximum_filter

    spoilt = np.zeros(shape, np.bool_)
    rows, columns = (axis // BINNING for axis in np.nonzero(pixels))
    inside = (rows < shape[0]) & (columns < shape[1])
    spoilt[rows[inside], columns[inside]] = True
    reach: Any = 2 * round(3 * SPOT_SIGMA) + 1
    return np.asarray(maximum_filter(spoilt, reach))
