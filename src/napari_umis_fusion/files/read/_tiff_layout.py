"""Where in a TIFF series its planes are: over frames, within frames."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from tifffile import PHOTOMETRIC, TiffPageSeries

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._axis_roles import axis_names
from napari_umis_fusion.files.read._tiff_frames import Frames, Index
from napari_umis_fusion.stack import Plane

_COLOUR = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the axes of a series are spread.

    Attributes
    ----------
    sizes : dict of str to int
        Of all axes, in order.
    over_frames, within_frame : tuple of str
        Axes that count frames, and axes of one frame.
    """

    sizes: dict[str, int]
    over_frames: tuple[str, ...]
    within_frame: tuple[str, ...]

    def frame_number(self, picks: Mapping[str, int]) -> int:
        """Return which frame holds the entry `picks` of each axis over frames."""
        places = [picks[axis] for axis in self.over_frames]
        counts = [self.sizes[axis] for axis in self.over_frames]
        return int(np.ravel_multi_index(places, counts)) if counts else 0

    def frame_shape(self) -> tuple[int, ...]:
        """Return the shape of one frame."""
        return tuple(self.sizes[axis] for axis in self.within_frame)


def series_sizes(series: TiffPageSeries) -> dict[str, int]:
    """Axes of a series with their sizes, without those of size 1 (Y and X apart)."""
    return dict(zip(axis_names(series.axes), series.shape, strict=True))


def holds_colour(series: TiffPageSeries) -> bool:
    """Whether the samples of a series are red, green, blue and perhaps opacity."""
    colour = series.keyframe.photometric in _COLOUR
    return colour and series_sizes(series).get("S") in (3, 4)


def layout_of(series: TiffPageSeries) -> Layout:
    """Tell axes over frames from those within; refuse a series without planes or with gaps."""
    sizes = series_sizes(series)
    if not {"Y", "X"} <= sizes.keys():
        msg = f"axes are {series.axes}; a plane needs Y and X."
        raise StackFileError(msg)
    if 0 in sizes.values():
        msg = f"holds an empty image, shape {series.shape}."
        raise StackFileError(msg)
    frames = math.prod(series.shape) // math.prod(series.keyframe.shape)
    if series.dataoffset is None and frames != len(series):
        msg = f"its header promises {frames} frames, but {len(series)} are there."
        raise StackFileError(msg)
    split = next(n for n in range(len(sizes)) if math.prod(series.shape[:n]) == frames)
    names = tuple(sizes)
    return Layout(sizes, over_frames=names[:split], within_frame=names[split:])


def read_part(
    layout: Layout,
    frames: Frames,
    picks: Mapping[str, int],
    rows: slice = slice(None),
    columns: slice = slice(None),
    last: str | None = None,
) -> Plane:
    """Read a rectangle of the plane at one entry of each other axis.

    Parameters
    ----------
    layout : Layout
        Of the series.
    frames : Frames
        Of the series.
    picks : mapping of str to int
        One entry of every axis but Y, X and `last`.
    rows, columns : slice
        The rectangle.
    last : str, optional
        Axis within frames that is kept, after Y and X.

    Returns
    -------
    ndarray of shape (Y, X), or (Y, X, C) with `last`
        In the file's byte order.
    """
    within = layout.within_frame
    place: dict[str, int | slice] = {**picks, "Y": rows, "X": columns}
    index: Index = tuple(place.get(axis, slice(None)) for axis in within)
    part = frames.part(layout.frame_number(picks), index)
    left = [axis for axis in within if axis not in picks]
    order = [axis for axis in ("Y", "X", last) if axis in left]
    return part.transpose([left.index(axis) for axis in order])
