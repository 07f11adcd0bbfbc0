"""Frames as they are shown: upright, with the colours of palettes, not inverted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tifffile import TiffFile, TiffPageSeries

from napari_umis_fusion.files.read._pixel_format import (
    PixelFormat,
    format_of_page,
    holds_colour,
    pages_that_tell,
    pixel_format,
)
from napari_umis_fusion.files.read._tiff_frames import Frames, Index, open_frames
from napari_umis_fusion.files.read._tiff_layout import Layout, shown_layout, stored_layout
from napari_umis_fusion.stack import Plane


class ShownFrames:
    """Frames of another source, converted as they are read.

    Parameters
    ----------
    frames : Frames
        The stored frames.
    formats : sequence of PixelFormat
        How they become what they show: one for all, or one for each.
    axes : tuple of str
        Axes of one stored frame.
    """

    def __init__(
        self, frames: Frames, formats: Sequence[PixelFormat], axes: tuple[str, ...]
    ) -> None:
        self._frames, self._formats, self._axes = frames, formats, axes
        self.missing = frames.missing

    def _format(self, number: int) -> PixelFormat:
        return self._formats[number if len(self._formats) > 1 else 0]

    def read(self, number: int, index: Index) -> Plane:
        """Read a part of frame `number`; the index is that of the frame as shown."""
        pixels = self._format(number)
        if pixels.samples.shown:
            return self._read_samples(number, index)
        stored, colour = index[: len(self._axes)], index[len(self._axes) :]
        shown = pixels.shown(self._stored(number, stored))
        return shown[(..., *colour)] if colour else shown

    def _read_samples(self, number: int, index: Index) -> Plane:
        """Read all samples, since one that is shown may depend on others."""
        place = self._axes.index("S")
        whole = (*index[:place], slice(None), *index[place + 1 :])
        # Axes of which one entry is selected are gone from what is read.
        axis = sum(isinstance(one, slice) for one in index[:place])
        shown = self._format(number).shown(self._stored(number, whole), axis)
        return shown[(*[slice(None)] * axis, index[place])]

    def _stored(self, number: int, index: Index) -> Plane:
        pixels = self._format(number)
        if pixels.orientation == 1:
            return self._frames.read(number, index)
        # Rows of the upright frame may lie anywhere in the stored one.
        whole = self._frames.read(number, (slice(None),) * len(self._axes))
        return pixels.upright(whole, self._axes.index("Y"), self._axes.index("X"))[index]

    def check(self, numbers: Iterable[int]) -> None:
        """Raise if one of these frames is missing or exceeds the end of the file."""
        self._frames.check(numbers)

    def close(self) -> None:
        """Close open files; the next read reopens them."""
        self._frames.close()


@dataclass(frozen=True, slots=True)
class OpenSeries:
    """A series whose frames are read as they are shown.

    Attributes
    ----------
    layout : Layout
        Axes of the frames as shown.
    frames : Frames
        The frames.
    pixels : PixelFormat
        How stored values become those shown.
    colour : bool
        Whether the axis S, if there is one, holds red, green, blue and optionally opacity.
    files : tuple of str
        Absolute paths of the files that hold the frames: several for a set of OME-TIFFs.
    """

    layout: Layout
    frames: Frames
    pixels: PixelFormat
    colour: bool
    files: tuple[str, ...]


def open_series(tif: TiffFile, series: TiffPageSeries) -> OpenSeries:
    """Open a series of a file, which its frames close from now on.

    Raises
    ------
    StackFileError
        If the series has no planes, misses frames, or has pixels of a kind that is not accepted.
    """
    stored, pixels = stored_layout(series), pixel_format(series)
    pages = [page for page in series.pages if page is not None]
    files = tuple(dict.fromkeys(page.parent.filehandle.path for page in pages))
    formats = [format_of_page(page, pixels) for page in pages_that_tell(series)]
    frames = open_frames(tif, series, stored.frame_shape())
    is_plain = all(one.is_plain for one in formats)
    shown = frames if is_plain else ShownFrames(frames, formats, stored.within_frame)
    return OpenSeries(shown_layout(stored, pixels), shown, pixels, holds_colour(series), files)
