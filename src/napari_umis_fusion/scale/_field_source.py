"""One image of the input: where it is, its axes and sizes, as plain data."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.stack import Calibration, length_um

KNOWN_AXES = ("t", "c", "z", "y", "x")
"""Axes of images that are fused, in the order that OME-Zarr asks for."""


@dataclass(frozen=True, slots=True)
class FieldSource:
    """An image of the input; of a plate, one field of a well.

    Attributes
    ----------
    name : str
        Its path in the input, such as ``B/03/0``; empty for an image that is the whole input.
    array : str
        Path or address of the array of full resolution.
    axes : tuple of str
        Names of the axes, out of t, c, z, y, x.
    shape : tuple of int
        Sizes along them.
    dtype : str
        Of the values.
    scale, translation : tuple of float
        Size of a pixel, and place of the first one, along each axis.
    units : tuple of (str or None)
        Their units.
    channels : tuple of dict
        What ``omero`` says of each channel; empty if nothing.
    written_ns : int
        When the array was described, by the clock of its file system; 0 for an address.
    """

    name: str
    array: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    units: tuple[str | None, ...]
    channels: tuple[dict[str, Any], ...] = ()
    written_ns: int = 0

    def __post_init__(self) -> None:
        """Refuse axes that cannot be fused."""
        known = [name for name in KNOWN_AXES if name in self.axes]
        if list(self.axes) != known or not {"z", "y", "x"} <= set(known):
            raise StackFileError(
                f"{self.array}: got axes {', '.join(self.axes)}; accepted are z, y, x, and "
                "before them t and c, in the order t, c, z, y, x. Convert it, or choose another "
                "image."
            )

    def size(self, axis: str) -> int:
        """Return the size along an axis; 1 where there is none."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(Y, X) of the planes."""
        return self.size("y"), self.size("x")

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels, as far as they are told."""
        return tuple(str(one.get("label") or "") for one in self.channels)

    @property
    def calibration(self) -> Calibration:
        """Physical sizes, as far as their units are lengths."""
        z_um, height_um, width_um = (
            length_um(self.scale[place], self.units[place]) if self.units[place] else None
            for place in map(self.axes.index, "zyx")
        )
        return Calibration(z_um, height_um, width_um)

    @property
    def output_dtype(self) -> np.dtype[Any]:
        """The dtype of the values, in native byte order."""
        return np.dtype(self.dtype).newbyteorder("=")
