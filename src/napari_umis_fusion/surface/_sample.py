"""A map at places between its pixels."""

import numpy as np

from napari_umis_fusion.runtime import Float64Array, FloatMap


def sample_map(image: FloatMap, rows: Float64Array, columns: Float64Array) -> FloatMap:
    """Interpolate a map linearly at a grid of rows and columns, which need not be whole.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        The map; beyond its border, its border counts.
    rows, columns : ndarray
        Places, in pixels.

    Returns
    -------
    ndarray of shape (rows, columns), float32
        At whole places, the values of the map.
    """
    found: FloatMap = image
    for axis, places in enumerate((rows, columns)):
        inside = np.clip(places, 0, image.shape[axis] - 1)
        low = inside.astype(np.intp)
        high = np.minimum(low + 1, image.shape[axis] - 1)
        share = (inside - low).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
        found = found.take(low, axis) * (1 - share) + found.take(high, axis) * share
    return found.astype(np.float32)
