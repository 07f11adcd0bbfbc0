"""Stacks in grey levels: training sees no colour, and grey planes take a third of the memory."""

import numpy as np

from napari_umis_fusion.runtime import BoolMap
from napari_umis_fusion.stack import LUMINANCE, Plane, Stack

BAND_PX = 1 << 20
"""Pixels that are converted at a time, with their intermediate values."""


class GreyStack(Stack):
    """The luminance of a stack in colour, with its shape, dtype and sizes.

    Parameters
    ----------
    stack : Stack
        Of shape (Z, Y, X, 3), red, green and blue, in whole numbers.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.shape, self.dtype = stack.shape[:3], stack.dtype
        self.calibration, self.sources = stack.calibration, stack.sources
        self.source_notes, self.holds_values = stack.source_notes, stack.holds_values

    def plane(self, z: int) -> Plane:
        """Read plane `z`: ndarray of shape (Y, X)."""
        return _luminance(self._stack.plane(z))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`; see `Stack.region`."""
        return _luminance(self._stack.region(z, rows, columns))

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> BoolMap | None:
        """Return where plane `z` shows nothing; see `Stack.uncovered`."""
        return self._stack.uncovered(z, rows, columns)


def without_colour(stack: Stack) -> Stack:
    """Return the stack in grey levels, if it is one of red, green and blue; else as it is."""
    is_colour = stack.rgb and stack.shape[3:] == (3,) and stack.dtype.kind == "u"
    return GreyStack(stack) if is_colour and stack.alignment is None else stack


def _luminance(plane: Plane) -> Plane:
    """Return the grey image (Y, X) of a plane (Y, X, 3), rounded to its dtype."""
    grey = np.empty(plane.shape[:2], plane.dtype)
    weights = np.asarray(LUMINANCE, np.float32)
    rows = max(1, BAND_PX // max(plane.shape[1], 1))
    for first in range(0, len(plane), rows):
        band = slice(first, first + rows)
        grey[band] = np.rint(plane[band] @ weights)
    return grey
