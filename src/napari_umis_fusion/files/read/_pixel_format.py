"""What the values of TIFF pixels mean: palettes, inverted greys, orientation, wide integers."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION, PHOTOMETRIC, TiffPageSeries

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._colour_profile import profile_notes
from napari_umis_fusion.files.read._samples import PLAIN, Samples, samples_of
from napari_umis_fusion.stack import LUMINANCE, Calibration, Plane, narrowed, narrowed_dtype

_ORIENTATION = 274
_PROFILE = 34675
_FILTER_PERIOD = 33421
_FILTER_COLOURS = 33422
_BAYER = (2, 2)
_COLOUR = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
_GREY = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.PALETTE)
_OTHERS = (PHOTOMETRIC.MASK, PHOTOMETRIC.CFA, PHOTOMETRIC.LINEAR_RAW)
"""Read as they are stored: one value per pixel, whatever it means."""
_NAMES = {PHOTOMETRIC.SEPARATED: "CMYK", PHOTOMETRIC.CIELAB: "Lab", PHOTOMETRIC.ICCLAB: "Lab"}
# tifffile converts these to RGB while it decodes them.
_DECODED_YCBCR = (
    *(COMPRESSION.OJPEG, COMPRESSION.JPEG, COMPRESSION.JPEG_LOSSY, COMPRESSION.JPEG2000),
    *(COMPRESSION.JPEG_2000_LOSSY, COMPRESSION.APERIO_JP2000_YCBC, COMPRESSION.ALT_JPEG),
    *(COMPRESSION.WEBP, COMPRESSION.JPEGXR_NDPI),
)


_NEGATED = (
    "greys are stored with 0 as white (MinIsWhite), and floating-point numbers do not tell which "
    "value is black: their signs are changed"
)


@dataclass(frozen=True, slots=True, eq=False)
class PixelFormat:
    """How the pixels of a series become what they show.

    Attributes
    ----------
    colours : ndarray of shape (N, 3), uint8, or None
        Red, green and blue of each palette number; None if values are no palette numbers.
    white : int or None
        The value that stands for black in a series with inverted greys, 0 in floats; None if they
        are not.
    orientation : int
        Tag 274: 1 (as stored) to 8.
    dtype : numpy.dtype
        Of the planes, in native byte order.
    is_wide : bool
        Whether integers are stored in 64 bits, of which `dtype` has 32.
    filter_px : tuple of int, or None
        Period of the colour filter of a camera's raw image, along y and x; None for others.
    samples : Samples
        Which of the samples of a pixel are shown, and how.
    profile : bytes or None
        What red, green and blue are (ICC), if the file tells it.
    """

    colours: NDArray[np.uint8] | None
    white: int | None
    orientation: int
    dtype: np.dtype[Any]
    is_wide: bool = False
    filter_px: tuple[int, ...] | None = None
    samples: Samples = PLAIN
    profile: bytes | None = None

    @property
    def is_mosaic(self) -> bool:
        """Whether pixels are a Bayer mosaic."""
        return self.filter_px == _BAYER

    @property
    def notes(self) -> tuple[str, ...]:
        """What is assumed, or not done, about these pixels, for the user."""
        found = [*self.samples.notes, *profile_notes(self.profile)]
        if self.white is not None and self.dtype.kind == "f":
            found.append(_NEGATED)
        if self.filter_px not in (None, _BAYER):
            period = " × ".join(map(str, self.filter_px or ()))
            found.append(
                f"colours lie side by side with a period of {period} pixels, which is not known as "
                "a mosaic: focus is measured as if pixels were grey. Convert the files to colour "
                "first"
            )
        return tuple(found)

    @property
    def swaps_sides(self) -> bool:
        """Whether rows are stored as columns."""
        return self.orientation >= 5

    def upright_sizes(self, sizes: Calibration) -> Calibration:
        """Return the sizes of pixels as they are shown."""
        if not self.swaps_sides:
            return sizes
        height, width = sizes.pixel_width_um, sizes.pixel_height_um
        return replace(sizes, pixel_height_um=height, pixel_width_um=width)

    @property
    def is_plain(self) -> bool:
        """Whether stored values are those shown."""
        is_grey = self.colours is None and self.white is None
        is_whole = self.samples == PLAIN and not self.is_wide
        return is_grey and is_whole and self.orientation == 1

    def shown(self, part: Plane, axis: int = -1) -> Plane:
        """Return stored values as they are shown; palettes add a last axis.

        Samples, of which some are shown, are along `axis`.
        """
        if self.colours is not None:
            # Numbers beyond a short palette show its last entry, as Pillow does.
            numbers = np.minimum(part, len(self.colours) - 1)
            colours: Plane = self.colours[numbers]
            return colours
        values = narrowed(part)
        if not self.samples.shown:
            return self._inverted(values)
        chosen = self.samples.of(values, axis)
        greys, opacity = np.split(chosen, [3], axis)
        return np.concatenate([self._inverted(greys), opacity], axis)

    def _inverted(self, values: Plane) -> Plane:
        if self.white is None:
            return values
        if values.dtype == bool:
            return ~values
        if values.dtype.kind == "f":
            return -values
        return np.asarray(self.white - values.astype(np.int64), values.dtype)

    def upright(self, part: Plane, y: int, x: int) -> Plane:
        """Return whole stored frames with axes `y` and `x` as they are shown."""
        turned = part.swapaxes(y, x) if self.swaps_sides else part
        flips = {2: (x,), 3: (y, x), 4: (y,), 6: (x,), 7: (y, x), 8: (y,)}
        return np.flip(turned, flips.get(self.orientation, ()))


def pixel_format(series: TiffPageSeries) -> PixelFormat:
    """Return how the pixels of a series become what they show.

    Raises
    ------
    StackFileError
        If pixels are CMYK, Lab or another kind of colour that is not accepted.
    """
    page = series.keyframe
    _check(page)
    stored = np.dtype(series.dtype).newbyteorder("=")
    dtype = narrowed_dtype(stored)
    colours = palette_colours(series)
    return PixelFormat(
        colours,
        _white(page, dtype),
        _orientation(page),
        np.dtype(np.uint8) if colours is not None else dtype,
        is_wide=dtype != stored,
        filter_px=_filter_px(page),
        samples=samples_of(series),
        profile=_profile(page),
    )


def _profile(page: Any) -> bytes | None:
    told = page.tags.valueof(_PROFILE) if hasattr(page, "tags") else None
    return bytes(told) if told and page.photometric in _COLOUR else None


def format_of_page(page: Any, usual: PixelFormat) -> PixelFormat:
    """Return how the pixels of one page become what they show, in a series of `usual` ones.

    Raises
    ------
    StackFileError
        If it lies on its side and others do not, or the other way round.
    """
    colours = None if usual.colours is None else _table(page)
    own = replace(
        usual, colours=colours, white=_white(page, usual.dtype), orientation=_orientation(page)
    )
    if own.swaps_sides != usual.swaps_sides:
        msg = (
            "some of its pages lie on their side, by their orientation, and others do not; all "
            "planes must lie alike. Save it anew without orientation (tag 274)."
        )
        raise StackFileError(msg)
    return own


def _white(page: Any, dtype: np.dtype[Any]) -> int | None:
    if page.photometric != PHOTOMETRIC.MINISWHITE:
        return None
    kinds = {"f": 0, "i": -1}
    return kinds.get(dtype.kind, (1 << int(page.bitspersample)) - 1)


def _orientation(page: Any) -> int:
    told = page.tags.valueof(_ORIENTATION, 1) if hasattr(page, "tags") else 1
    return told if told in range(1, 9) else 1


def _filter_px(page: Any) -> tuple[int, ...] | None:
    """Return the period of the colour filter that a page names; a Bayer filter if it tells none."""
    if not hasattr(page, "tags"):
        return None
    tags = page.tags
    if page.photometric != PHOTOMETRIC.CFA and _FILTER_COLOURS not in tags:
        return None
    period = tags.valueof(_FILTER_PERIOD, _BAYER)
    is_known = isinstance(period, tuple) and all(isinstance(one, int) for one in period)
    return tuple(period) if is_known else _BAYER


def holds_colour(series: TiffPageSeries) -> bool:
    """Whether pixels are shown as red, green, blue and optionally opacity."""
    sizes = dict(zip(series.axes, series.shape, strict=True))
    is_colour = series.keyframe.photometric in _COLOUR and sizes.get("S") in (3, 4)
    return is_colour or samples_of(series).shown != () or palette_colours(series) is not None


def palette_colours(series: TiffPageSeries) -> NDArray[np.uint8] | None:
    """Return the colours of palette numbers; None if values are greys, whatever their table.

    A table that only rises, from black to one colour or through several as heat maps do, is a way
    to show greys if ImageJ wrote it; in other files, only a table from black to one colour is.
    """
    if series.keyframe.photometric != PHOTOMETRIC.PALETTE:
        return None
    tables = [_table(page) for page in pages_that_tell(series)]
    known = [table for table in tables if table is not None]
    is_grey = all(_shows_greys(table, is_imagej=series.kind == "imagej") for table in known)
    return None if is_grey or len(known) < len(tables) else known[0]


def _table(page: Any) -> NDArray[np.uint8] | None:
    if page.photometric != PHOTOMETRIC.PALETTE or page.colormap is None:
        return None
    table = np.asarray(page.colormap, np.float64).T
    if table.ndim != 2 or table.shape[1] != 3 or not table.size:
        return None
    # Some programs store 8 bits where the standard has 16.
    return np.rint(table / 257 if table.max() > 255 else table).astype(np.uint8)


def _shows_greys(table: NDArray[np.uint8], *, is_imagej: bool) -> bool:
    eight = table.astype(np.float64)
    even = np.linspace(0, eight[-1], len(eight))
    is_ramp = eight[-1].any() and np.abs(eight - even).max() <= 1  # more than rounding
    rises = bool(np.all(np.diff(eight @ LUMINANCE) >= 0))
    return bool(is_ramp) or (is_imagej and rises)


def pages_that_tell(series: TiffPageSeries) -> list[Any]:
    """Return the pages of which each may show its pixels in a way of its own; they come first.

    Programs write the series that their headers describe in one way. The pages of other files may
    come from anywhere, each with its palette.
    """
    if series.kind not in ("uniform", "generic"):
        return [series.keyframe]
    return [page.aspage() for page in series if page is not None]


def _check(page: Any) -> None:
    kind = page.photometric
    if kind == PHOTOMETRIC.YCBCR and page.compression not in _DECODED_YCBCR:
        name = "YCbCr without JPEG"
    elif kind == PHOTOMETRIC.PALETTE and page.samplesperpixel > 1:
        name = "palette numbers with further samples"
    elif kind in (*_GREY, *_COLOUR, *_OTHERS):
        return
    else:
        name = _NAMES.get(kind, getattr(kind, "name", str(kind)))
    msg = (
        f"pixels are {name}; accepted are black and white, grey, RGB, RGBA and palettes. Convert "
        "the file to RGB or grey first."
    )
    raise StackFileError(msg)
