"""What a rectangle of an aligned plane shows of the sensor."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Window = tuple[slice, slice]


class SeenFrom(NamedTuple):
    """A transform as `scipy.ndimage.affine_transform` takes it, in its order of arguments.

    Attributes
    ----------
    matrix : ndarray of shape (2, 2)
        Of the transform.
    offset : ndarray of shape (2,)
        Where the first pixel of the rectangle lies.
    shape : tuple of int
        (Y, X) of the rectangle.
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]
    shape: tuple[int, int]


def seen_from(transform: NDArray[Any], window: Window) -> SeenFrom:
    """Return the transform of a rectangle of an aligned plane.

    Parameters
    ----------
    transform : ndarray of shape (2, 3)
        From the aligned plane to the plane as recorded.
    window : tuple of slice
        Rows and columns of the aligned plane.
    """
    rows, columns = window
    matrix, offset = transform[:, :2], transform[:, 2]
    begin = matrix @ np.array([rows.start, columns.start]) + offset
    return SeenFrom(matrix, begin, (rows.stop - rows.start, columns.stop - columns.start))
