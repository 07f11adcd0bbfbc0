"""The stack: planes along z, read one at a time."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Physical sizes of a stack; None where unknown.

    Attributes
    ----------
    z_step_um : float or None
        Distance between neighbouring planes, in µm.
    pixel_height_um, pixel_width_um : float or None
        Size of a pixel along y and x, in µm.
    """

    z_step_um: float | None = None
    pixel_height_um: float | None = None
    pixel_width_um: float | None = None


class Stack(ABC):
    """A z-stack whose planes are read one at a time.

    Attributes
    ----------
    shape : tuple of int
        (Z, Y, X) or (Z, Y, X, C).
    dtype : numpy.dtype
        Of every plane, in native byte order.
    calibration : Calibration
        Physical sizes, as far as the source tells.
    sources : tuple of str
        Absolute paths of the files behind the planes; empty for arrays.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    calibration: Calibration = Calibration()
    sources: tuple[str, ...] = ()

    @abstractmethod
    def plane(self, z: int) -> Plane:
        """Read plane `z`: ndarray of shape (Y, X) or (Y, X, C)."""

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`; sources that can, read no more than that."""
        return self.plane(z)[rows, columns]

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Plane]:
        return (self.plane(z) for z in range(len(self)))
