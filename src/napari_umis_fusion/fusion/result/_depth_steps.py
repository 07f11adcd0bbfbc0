"""Distances between planes where their steps are uneven."""

import numpy as np
from numpy.typing import ArrayLike

from napari_umis_fusion.runtime import FloatMap


def local_steps(sub_plane_map: FloatMap, positions: ArrayLike) -> FloatMap:
    """Return the distance between the planes around each position.

    Parameters
    ----------
    sub_plane_map : ndarray of shape (Y, X), float32
        Positions in planes; NaN where nothing is known.
    positions : array-like
        Where the planes are, in any unit; at least two.

    Returns
    -------
    ndarray of shape (Y, X), float32
        In the unit of the positions; NaN where the position is.
    """
    steps = np.abs(np.diff(np.asarray(positions, np.float64)))
    middles = np.arange(len(steps)) + 0.5
    return np.interp(sub_plane_map, middles, steps).astype(np.float32)
