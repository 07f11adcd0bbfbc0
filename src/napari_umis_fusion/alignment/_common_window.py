"""The overlap of all planes, as a rectangle of the reference plane."""

import numpy as np

from napari_umis_fusion.alignment._alignment import Alignment
from napari_umis_fusion.alignment._resample import ROUNDING_PX
from napari_umis_fusion.alignment._transforms import apply, corners_of, inverse
from napari_umis_fusion.errors import AlignmentError

Window = tuple[slice, slice]

MIN_SHARE = 0.1
"""Share of the rows and of the columns that the overlap must keep."""


def common_window(*alignments: Alignment) -> Window:
    """Return the rows and columns that all planes cover, of one stack or of several of one shape.

    Each side is moved inwards past the corners of all planes, so for rotated planes the window
    is slightly smaller than the largest possible rectangle.

    Raises
    ------
    AlignmentError
        If the planes overlap too little.
    """
    shape = np.array(alignments[0].shape)
    low, high = np.zeros(2), shape - 1.0
    for alignment in alignments:
        for transform in alignment.transforms[list(alignment.moved)]:
            corners = apply(inverse(transform), corners_of(alignment.shape)).reshape(2, 2, 2)
            low = np.maximum(low, [corners[0, :, 0].max(), corners[:, 0, 1].max()])
            high = np.minimum(high, [corners[1, :, 0].min(), corners[:, 1, 1].min()])
    start, stop = np.ceil(low - ROUNDING_PX), np.floor(high + ROUNDING_PX) + 1
    if np.any(stop - start < np.maximum(MIN_SHARE * shape, 1)):
        several = f" of {len(alignments)} stacks" if len(alignments) > 1 else ""
        msg = (
            f"the planes{several} of {shape[0]} x {shape[1]} px have too little in common after "
            'alignment. Fuse with align_border="mask" (command line: --align-border '
            f"mask), fuse fewer {'stacks' if several else 'planes'} at a time, or leave out planes "
            "that were moved far."
        )
        raise AlignmentError(msg)
    return slice(int(start[0]), int(stop[0])), slice(int(start[1]), int(stop[1]))
