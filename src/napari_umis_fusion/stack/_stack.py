"""The stack: planes along z, read one at a time."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError

if TYPE_CHECKING:
    from napari_umis_fusion.alignment import Alignment
    from napari_umis_fusion.config import FusionConfig
    from napari_umis_fusion.preprocess import GreyRange

Plane = NDArray[Any]

MAX_CHANNELS = 16

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue, ITU-R BT.601."""

ACCEPTED_DTYPES = (
    *("bool", "uint8", "uint16", "uint32", "int8", "int16", "int32"),
    *("float16", "float32", "float64"),
)


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


class Lighting(Protocol):
    """What brings the planes of a stack to one light."""

    def correct(self, grey: NDArray[np.float32], z: int) -> None:
        """Correct the grey image of plane `z`, in place."""
        ...


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
    rgb : bool
        True when the last axis holds colour samples (red, green, blue and perhaps
        opacity), False when it holds microscope channels or there is none.
    alignment : Alignment or None
        Where the planes were put on one another; None where they are as recorded.
    window : tuple of slice, or None
        Rows and columns of the alignment's reference plane that the planes show.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    calibration: Calibration = Calibration()
    sources: tuple[str, ...] = ()
    rgb: bool = False
    alignment: "Alignment | None" = None
    window: tuple[slice, slice] | None = None

    @abstractmethod
    def plane(self, z: int) -> Plane:
        """Read plane `z`: ndarray of shape (Y, X) or (Y, X, C)."""

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`; sources that can, read no more than that."""
        return self.plane(z)[rows, columns]

    def uncovered(self, z: int) -> NDArray[np.bool_] | None:
        """Return where plane `z` shows nothing: bool of shape (Y, X), or None if nowhere."""
        return None

    def lighting(
        self, grey_range: "GreyRange", rows: slice = slice(None), columns: slice = slice(None)
    ) -> Lighting | None:
        """Return what brings grey images of planes, or a rectangle of them, to one light.

        Parameters
        ----------
        grey_range : GreyRange
            Of the grey levels.
        rows, columns : slice
            The rectangle, of step 1.

        Returns
        -------
        Lighting or None
            None where grey images are measured as they are.
        """
        return None

    def notes(self, config: "FusionConfig") -> list[str]:
        """Say what a user should know of how planes were put in place and lit."""
        alignment = self.alignment
        return [] if alignment is None else alignment.notes(was_asked=config.aligns)

    def describe_placing(self) -> dict[str, Any]:
        """Return as JSON values how planes were put in place and lit; nothing as recorded."""
        if self.alignment is None or self.window is None:
            return {}
        rows, columns = self.window
        window = {"rows": [rows.start, rows.stop], "columns": [columns.start, columns.stop]}
        light = self.alignment.light.describe()
        return {"alignment": {**self.alignment.describe(), "window": window}, **light}

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Plane]:
        return (self.plane(z) for z in range(len(self)))


@dataclass(frozen=True, slots=True)
class _PickedLighting:
    """The light of some planes of a stack."""

    whole: Lighting
    planes: range

    def correct(self, grey: NDArray[np.float32], z: int) -> None:
        self.whole.correct(grey, self.planes[z])


def check_stack(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse what cannot be a stack.

    Parameters
    ----------
    shape : tuple of int
        Must be (Z, Y, X) or (Z, Y, X, C), nothing empty, C at most 16.
    dtype : numpy.dtype
        Must be one of `ACCEPTED_DTYPES`, in either byte order.

    Raises
    ------
    StackError
        Says what was got, what is accepted and what to do.
    """
    if len(shape) not in (3, 4):
        msg = (
            f"got {len(shape)} axes, shape {shape}; a stack is (Z, Y, X) or (Z, Y, X, C). "
            "Select one time point or position, or add the missing axis with numpy.newaxis."
        )
        raise StackError(msg)
    if 0 in shape:
        msg = f"got an empty stack, shape {shape}; every axis needs a size of at least 1."
        raise StackError(msg)
    if len(shape) == 4 and shape[3] > MAX_CHANNELS:
        msg = (
            f"the last axis of shape {shape} is taken as channels, and {shape[3]} are too many "
            f"(at most {MAX_CHANNELS}). If the axes are (T, Z, Y, X), fuse one time point at a "
            "time; if they are (C, Z, Y, X), move the channels last with numpy.moveaxis."
        )
        raise StackError(msg)
    if dtype.name not in ACCEPTED_DTYPES:
        msg = (
            f"got dtype {dtype.name}; accepted are {', '.join(ACCEPTED_DTYPES)}. "
            "Convert with astype first."
        )
        raise StackError(msg)
