"""Mosaics of colours that repeat after more than two pixels: quad-Bayer and X-Trans."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess._mosaic import MIN_CONTRAST, MIN_LEVELS, MIN_RATIO
from napari_umis_fusion.runtime import Float64Array
from napari_umis_fusion.stack import Plane

QUAD_BAYER = np.kron([[0, 1], [1, 2]], np.ones((2, 2), int))
X_TRANS = np.array(
    [
        [1, 2, 1, 1, 0, 1],
        [0, 1, 0, 2, 1, 2],
        [1, 2, 1, 1, 0, 1],
        [1, 0, 1, 1, 2, 1],
        [2, 1, 2, 0, 1, 0],
        [1, 0, 1, 1, 2, 1],
    ]
)
"""Which of three colours lies where."""

Place = tuple[int, int]


def coarse_mosaic(tiles: Sequence[Plane], places: Sequence[Place]) -> int:
    """Return after how many pixels the colours of a plane repeat: 4, 6, or 0 if they do not.

    Parameters
    ----------
    tiles : sequence of ndarray of shape (Y, X)
        Parts of a plane as recorded. Planes with channels are no mosaics.
    places : sequence of tuple of int
        Row and column of their first pixels.
    """
    can_tell = [tile.ndim == 2 and tile.dtype != np.bool_ for tile in tiles]
    if not tiles or not all(can_tell) or not all(np.isfinite(tile).all() for tile in tiles):
        return 0
    values = np.stack([tile.astype(np.float64) for tile in tiles])
    low, high = np.percentile(values, (1, 99))
    if not high > low or len(np.unique(values[0])) < MIN_LEVELS:
        return 0
    for layout in (QUAD_BAYER, X_TRANS):
        pairs = zip(values, places, strict=True)
        phases = np.mean([_phases(tile, place, len(layout)) for tile, place in pairs], axis=0)
        if any(_shows(phases, one, high - low) for one in (layout, layout.T)):
            return len(layout)
    return 0


def _phases(tile: Float64Array, place: Place, period: int) -> Float64Array:
    """Return what each pixel of a cell adds to the mean of its cell, in most cells of a tile."""
    top, left = (-start % period for start in place)
    down, along = (tile.shape[0] - top) // period, (tile.shape[1] - left) // period
    whole = tile[top : top + down * period, left : left + along * period]
    cells = whole.reshape(down, period, along, period)
    return np.asarray(np.median(cells - cells.mean(axis=(1, 3), keepdims=True), axis=(0, 2)))


def _shows(phases: Float64Array, layout: NDArray[np.int_], span: float) -> bool:
    """Whether pixels of one colour are alike, and colours are not, wherever the layout begins."""
    for shift in np.ndindex(phases.shape):
        moved = np.roll(layout, shift, (0, 1))
        means = np.array([phases[moved == colour].mean() for colour in range(3)])
        within = float(np.abs(phases - means[moved]).max())
        contrast = float(np.ptp(means))
        if contrast > MIN_CONTRAST * span and contrast > MIN_RATIO * within:
            return True
    return False
