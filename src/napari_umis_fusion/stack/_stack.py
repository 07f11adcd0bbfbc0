"""The stack: planes along z, read one at a time."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import BoolMap, FloatMap
from napari_umis_fusion.stack._spacing import spacing_of

if TYPE_CHECKING:
    from napari_umis_fusion.alignment import Alignment
    from napari_umis_fusion.config import FusionConfig
    from napari_umis_fusion.preprocess import GreyRange
    from napari_umis_fusion.presets import ChannelOptics

Plane = NDArray[Any]
"""One plane, of shape (Y, X) or (Y, X, C) and any accepted dtype."""

MAX_CHANNELS = 16
"""A longer last axis is more likely x of a stack with a time axis than a number of channels."""

MAX_PLANES = 2**16
"""An index map holds the numbers of planes as uint16."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue, ITU-R BT.601: those of the published method."""

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
    z_positions_um : tuple of float, or None
        Distance of each plane from the first, in µm, where the steps between planes are uneven;
        `z_step_um` is then their mean. None for even steps.
    """

    z_step_um: float | None = None
    pixel_height_um: float | None = None
    pixel_width_um: float | None = None
    z_positions_um: tuple[float, ...] | None = None

    def of_planes(self, planes: range) -> "Calibration":
        """Return the sizes of a selection of planes."""
        step_um, positions = self.z_step_um, self.z_positions_um
        if positions is not None:
            kept = [positions[z] for z in planes]
            known = spacing_of(kept)
            return replace(self, z_step_um=known.step_um, z_positions_um=known.positions_um)
        if step_um is not None:
            step_um *= abs(planes.step)
        return replace(self, z_step_um=step_um)


class Lighting(Protocol):
    """A correction that makes all planes of a stack equally bright."""

    def correct(self, grey: FloatMap, z: int) -> None:
        """Correct the grey image of plane `z` in place."""
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
        Physical sizes, as far as the source gives them.
    sources : tuple of str
        Absolute paths of the files that the planes are read from; empty for arrays.
    source_notes : tuple of str
        What was assumed or left out when the files were read, for the user.
    channel_names : tuple of str
        Name of each channel; empty if unknown.
    channel_colours : tuple
        (red, green, blue) of each channel, 0 to 255, or None; empty if unknown.
    optics : tuple of ChannelOptics
        How each channel was taken; empty if unknown.
    rgb : bool
        True when the last axis holds colour samples (red, green, blue and perhaps
        opacity), False when it holds microscope channels or there is none.
    has_opacity : bool
        Whether the fourth colour sample says where something was recorded; see `mask_stack`.
    is_mosaic : bool
        Whether the files say that planes are a Bayer mosaic.
    holds_values : bool
        Whether planes hold values where they are uncovered, too: these are never chosen, but
        count for the focus of what is around.
    is_arriving : bool
        Whether planes are still being taken, so that reading one may have to wait for it.
    alignment : Alignment or None
        How the planes were aligned; None if they are as recorded.
    window : tuple of slice, or None
        Rows and columns of the reference plane that the aligned planes show.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    calibration: Calibration = Calibration()
    sources: tuple[str, ...] = ()
    source_notes: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()
    channel_colours: tuple[tuple[int, int, int] | None, ...] = ()
    optics: "tuple[ChannelOptics, ...]" = ()
    rgb: bool = False
    has_opacity: bool = False
    is_mosaic: bool = False
    holds_values: bool = False
    is_arriving: bool = False
    alignment: "Alignment | None" = None
    window: tuple[slice, slice] | None = None

    def _describe_as(self, stack: "Stack") -> None:
        """Say of the planes what another stack says of them, but for their place and their gaps."""
        self.shape, self.dtype, self.calibration = stack.shape, stack.dtype, stack.calibration
        self.sources, self.source_notes = stack.sources, stack.source_notes
        self.channel_names, self.channel_colours = stack.channel_names, stack.channel_colours
        self.optics, self.rgb, self.has_opacity = stack.optics, stack.rgb, stack.has_opacity
        self.is_mosaic = stack.is_mosaic

    @abstractmethod
    def plane(self, z: int) -> Plane:
        """Read plane `z`: ndarray of shape (Y, X) or (Y, X, C)."""

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`, and no more than that if the source allows it.

        Parameters
        ----------
        z : int
            The plane, counted from 0.
        rows, columns : slice
            The rectangle, of step 1.

        Returns
        -------
        ndarray of shape (Y, X) or (Y, X, C)
            Not to be changed: it may be a part of an array of the user's.
        """
        # A copy, so that nobody who keeps it keeps the whole plane.
        return self.plane(z)[rows, columns].copy()

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> BoolMap | None:
        """Return where plane `z`, or a rectangle of it, shows nothing.

        Parameters
        ----------
        z : int
            The plane, counted from 0.
        rows, columns : slice
            The rectangle, of step 1.

        Returns
        -------
        ndarray of shape (Y, X), bool, or None
            None if it shows something everywhere.
        """
        return None

    def _ends(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """Return the sides of a rectangle of the planes in numbers."""
        down, along = (
            slice(*part.indices(side)[:2])
            for part, side in zip((rows, columns), self.shape[1:3], strict=True)
        )
        return down, along

    def lighting(
        self, grey_range: "GreyRange", rows: slice = slice(None), columns: slice = slice(None)
    ) -> Lighting | None:
        """Return the correction of illumination for grey images of planes, or of a rectangle.

        Parameters
        ----------
        grey_range : GreyRange
            Range of the grey levels.
        rows, columns : slice
            The rectangle, of step 1.

        Returns
        -------
        Lighting or None
            None if grey images are not corrected.
        """
        return None

    def notes(self, config: "FusionConfig") -> list[str]:
        """Return notes for the user on files, alignment and illumination."""
        alignment = self.alignment
        aligned = [] if alignment is None else alignment.notes(was_asked=config.aligns)
        return [*self.source_notes, *aligned]

    def describe_alignment(self) -> dict[str, Any]:
        """Return alignment and illumination as JSON values; an empty dict if as recorded."""
        if self.alignment is None or self.window is None:
            return {}
        rows, columns = self.window
        window = {"rows": [rows.start, rows.stop], "columns": [columns.start, columns.stop]}
        light = self.alignment.light.describe()
        return {"alignment": {**self.alignment.describe(), "window": window}, **light}

    @property
    def channel_count(self) -> int | None:
        """Number of channels, or colour samples; None where planes have no such axis."""
        return self.shape[3] if len(self.shape) == 4 else None

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Plane]:
        return (self.plane(z) for z in range(len(self)))


@dataclass(frozen=True, slots=True)
class _SelectedLighting:
    """The correction of a selection of planes."""

    whole: Lighting
    planes: range

    def correct(self, grey: FloatMap, z: int) -> None:
        self.whole.correct(grey, self.planes[z])


def check_stack(
    shape: tuple[int, ...], dtype: np.dtype[Any], *, has_named_channels: bool = False
) -> None:
    """Check the shape and dtype of a stack.

    Parameters
    ----------
    shape : tuple of int
        Must be (Z, Y, X) or (Z, Y, X, C), nothing empty, C at most 16 unless it is named.
    dtype : numpy.dtype
        Must be one of `ACCEPTED_DTYPES`, in either byte order.
    has_named_channels : bool
        Whether it is known that the last axis are channels, of which there may be more.

    Raises
    ------
    StackError
        If it is not.
    """
    if len(shape) not in (3, 4):
        msg = (
            f"got {len(shape)} axes, shape {shape}; accepted are (Z, Y, X) and (Z, Y, X, C). "
            "Select one time point or position, or add the missing axis with numpy.newaxis."
        )
        raise StackError(msg)
    if 0 in shape:
        msg = f"got an empty stack, shape {shape}; accepted are axes of size 1 or more."
        raise StackError(msg)
    if shape[0] > MAX_PLANES:
        msg = (
            f"got {shape[0]} planes; accepted are at most {MAX_PLANES}, which is what an index "
            "map of 16 bits counts. Leave planes out, or check which axis is z."
        )
        raise StackError(msg)
    if len(shape) == 4 and shape[3] > MAX_CHANNELS and not has_named_channels:
        msg = (
            f"the last axis of shape {shape} is interpreted as {shape[3]} channels; accepted are "
            f"at most {MAX_CHANNELS}. If the axes are (T, Z, Y, X), fuse one time point at a "
            "time; if they are (C, Z, Y, X), move the channels last with numpy.moveaxis."
        )
        raise StackError(msg)
    if dtype.name not in ACCEPTED_DTYPES:
        msg = (
            f"got dtype {dtype.name}; accepted are {', '.join(ACCEPTED_DTYPES)}. "
            "Convert the values to one of these first, such as a complex image to its magnitude."
        )
        raise StackError(msg)
