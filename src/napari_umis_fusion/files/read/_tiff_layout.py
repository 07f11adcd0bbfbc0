"""Layout of a TIFF series: its axes over frames and within frames."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from tifffile import TiffPageSeries

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._axis_roles import axis_names
from napari_umis_fusion.files.read._pixel_format import PixelFormat, pixel_format
from napari_umis_fusion.files.read._tiff_frames import Frames, Index
from napari_umis_fusion.stack import Plane


@dataclass(frozen=True, slots=True)
class Layout:
    """Axes of a series, over its frames and within a frame.

    Attributes
    ----------
    sizes : dict of str to int
        Sizes of all axes, in order.
    over_frames, within_frame : tuple of str
        Axes along which frames are counted, and axes of one frame.
    """

    sizes: dict[str, int]
    over_frames: tuple[str, ...]
    within_frame: tuple[str, ...]

    def frame_number(self, picks: Mapping[str, int]) -> int:
        """Return the number of the frame at index `picks` of each axis over frames."""
        places = [picks[axis] for axis in self.over_frames]
        counts = [self.sizes[axis] for axis in self.over_frames]
        return int(np.ravel_multi_index(places, counts)) if counts else 0

    def frame_shape(self) -> tuple[int, ...]:
        """Return the shape of one frame."""
        return tuple(self.sizes[axis] for axis in self.within_frame)


def series_sizes(series: TiffPageSeries) -> dict[str, int]:
    """Return the sizes of the axes of a series, without those of size 1 (except Y and X)."""
    return dict(zip(axis_names(series.axes), series.shape, strict=True))


def stored_layout(series: TiffPageSeries) -> Layout:
    """Return the layout of a series; refuse one without planes or with missing frames."""
    sizes = series_sizes(series)
    if not {"Y", "X"} <= sizes.keys():
        msg = f"axes are {series.axes}; accepted are images with the axes Y and X. Convert it."
        raise StackFileError(msg)
    if 0 in sizes.values():
        msg = f"holds an empty image, shape {series.shape}; accepted are axes of 1 or more."
        raise StackFileError(msg)
    frames = math.prod(series.shape) // math.prod(series.keyframe.shape)
    if series.dataoffset is None and frames != len(series):
        msg = f"its header announces {frames} frames, but it holds {len(series)}. Copy it again."
        raise StackFileError(msg)
    # Frames are counted along the leading axes, whose sizes multiply to their number.
    split = next(n for n in range(len(sizes)) if math.prod(series.shape[:n]) == frames)
    names = tuple(sizes)
    return Layout(sizes, over_frames=names[:split], within_frame=names[split:])


def shown_layout(stored: Layout, pixels: PixelFormat) -> Layout:
    """Return the layout of frames as they are shown: upright, with colours, and opacity of grey."""
    sizes, within = dict(stored.sizes), stored.within_frame
    if pixels.swaps_sides:
        sizes |= {"Y": sizes["X"], "X": sizes["Y"]}
    if pixels.colours is not None:
        sizes, within = {**sizes, "S": 3}, (*within, "S")
    if pixels.samples.shown:
        sizes["S"] = len(pixels.samples.shown)
    return Layout(sizes, stored.over_frames, within)


def shown_sizes(series: TiffPageSeries) -> dict[str, int]:
    """Return the sizes of the axes of a series as it is shown."""
    return shown_layout(stored_layout(series), pixel_format(series)).sizes


def read_part(
    layout: Layout,
    frames: Frames,
    picks: Mapping[str, int],
    rows: slice = slice(None),
    columns: slice = slice(None),
    last: str | None = None,
) -> Plane:
    """Read a rectangle of the plane at one index along each other axis.

    Parameters
    ----------
    layout : Layout
        Layout of the series.
    frames : Frames
        Frames of the series.
    picks : mapping of str to int
        Index along every axis except Y, X and `last`.
    rows, columns : slice
        The rectangle.
    last : str, optional
        Axis within frames that is kept, as the last one.

    Returns
    -------
    ndarray of shape (Y, X), or (Y, X, C) with `last`
        In the file's byte order.
    """
    within = layout.within_frame
    place: dict[str, int | slice] = {**picks, "Y": rows, "X": columns}
    index: Index = tuple(place.get(axis, slice(None)) for axis in within)
    part = frames.read(layout.frame_number(picks), index)
    left = [axis for axis in within if axis not in picks]
    order = [axis for axis in ("Y", "X", last) if axis in left]
    return part.transpose([left.index(axis) for axis in order])
