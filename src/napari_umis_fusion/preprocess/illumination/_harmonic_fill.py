"""Filling of holes in images by smooth surfaces."""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.runtime import BoolMap, FloatMap


class HarmonicFill:
    """Fills the same holes in many images by solving Laplace's equation.

    Each filled pixel is the mean of its neighbours. The equations are factorised once, so that
    each image takes little time.

    Parameters
    ----------
    mask : ndarray of shape (Y, X), bool
        The holes; at least one pixel of the image must not be one.
    """

    def __init__(self, mask: BoolMap) -> None:
        from scipy.sparse import coo_array
        from scipy.sparse.linalg import splu

        self._holes = np.flatnonzero(mask)
        number = np.full(mask.size, -1)
        number[self._holes] = np.arange(self._holes.size)
        hole, neighbour = _neighbours(mask.shape, self._holes)
        counts = np.bincount(hole, minlength=self._holes.size)
        in_hole = number[neighbour] >= 0
        inner = hole[in_hole], number[neighbour[in_hole]]
        every = np.arange(self._holes.size)
        entries = np.concatenate([counts, np.full(inner[0].size, -1)]).astype(np.float64)
        rows, columns = (np.concatenate([every, axis]) for axis in inner)
        size = (self._holes.size, self._holes.size)
        self._solver = splu(coo_array((entries, (rows, columns)), size).tocsc())
        self._rim = hole[~in_hole], neighbour[~in_hole]

    def fill(self, image: FloatMap) -> None:
        """Fill the holes of an image of shape (Y, X) in place."""
        hole, neighbour = self._rim
        values = np.take(image, neighbour)
        pull = np.bincount(hole, values, self._holes.size)
        np.put(image, self._holes, self._solver.solve(pull))


def _neighbours(
    shape: tuple[int, ...], holes: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return pairs of the number of a hole and the flat index of a neighbour in the image."""
    y, x = np.divmod(holes, shape[1])
    pairs = []
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        inside = (y + dy >= 0) & (y + dy < shape[0]) & (x + dx >= 0) & (x + dx < shape[1])
        number = np.flatnonzero(inside)
        pairs.append((number, holes[number] + dy * shape[1] + dx))
    hole, neighbour = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return hole, neighbour
