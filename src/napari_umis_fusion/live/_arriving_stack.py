"""A stack that is fused while its planes are still being taken."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.stack import Plane, Stack

LOOK_S = 0.005
"""Time between two looks for a plane."""


class ArrivingStack(Stack):
    """A stack whose planes arrive while it is read; reading one waits for it.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X) or (Z, Y, X, C), of all planes that will come.
    dtype : numpy.dtype
        Of the planes.
    rgb : bool
        Whether the last axis holds colour samples.
    find : callable
        Returns a plane by its number; None if it has not arrived.
    is_over : callable
        Whether no plane will arrive any more.

    Attributes
    ----------
    is_short : bool
        Whether a plane was waited for that never came.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        rgb: bool,
        find: Callable[[int], Plane | None],
        is_over: Callable[[], bool],
    ) -> None:
        self.shape, self.dtype, self.rgb = shape, dtype, rgb
        self.is_arriving, self.is_short = True, False
        self._find, self._is_over = find, is_over
        self._is_closed = False

    def plane(self, z: int) -> Plane:
        """Wait for plane `z`.

        Raises
        ------
        StackError
            If it will never arrive.
        """
        while True:
            is_over = self._is_closed or self._is_over()  # asked first: it may arrive in between
            plane = self._find(z)
            if plane is not None:
                return plane
            if is_over:
                self.is_short = True
                raise StackError(f"plane {z} never arrived; fuse the planes that did.")
            time.sleep(LOOK_S)

    def close(self) -> None:
        """Wait for no plane any more, in any thread."""
        self._is_closed = True
