"""The part of the reference plane that all planes show."""

import numpy as np

from napari_umis_fusion.alignment.alignment import Alignment
from napari_umis_fusion.alignment.transforms import apply, corners_of, inverse
from napari_umis_fusion.errors import AlignmentError

Window = tuple[slice, slice]

LEAST_SHARE = 0.1
"""Of rows and of columns, that must be left."""


def common_window(alignment: Alignment) -> Window:
    """Return the rows and columns that every plane shows.

    Each side is moved inwards past the corners of all planes, so that for planes that are turned
    it is a little smaller than it could be.

    Raises
    ------
    AlignmentError
        If planes have too little in common.
    """
    height, width = alignment.shape
    low, high = np.zeros(2), np.array([height, width]) - 1.0
    for transform in alignment.transforms[list(alignment.moved)]:
        corners = apply(inverse(transform), corners_of(alignment.shape)).reshape(2, 2, 2)
        low = np.maximum(low, [corners[0, :, 0].max(), corners[:, 0, 1].max()])
        high = np.minimum(high, [corners[1, :, 0].min(), corners[:, 1, 1].min()])
    start, stop = np.ceil(low - _ROUNDING_PX), np.floor(high + _ROUNDING_PX) + 1
    if np.any(stop - start < np.maximum(LEAST_SHARE * np.array(alignment.shape), 1)):
        msg = (
            f"the planes of {height} x {width} px have too little in common once they lie on one "
            'another. Fuse with align_border="mask" (command line: --align-border mask), fuse '
            "fewer planes, or leave out those that were moved far."
        )
        raise AlignmentError(msg)
    return slice(int(start[0]), int(stop[0])), slice(int(start[1]), int(stop[1]))


def shared(one: Window, other: Window) -> Window:
    """Return what two windows have in common."""
    rows, columns = (
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return rows, columns


_ROUNDING_PX = 1e-6
