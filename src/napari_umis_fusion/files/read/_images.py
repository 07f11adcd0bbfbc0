"""Reading of single images: PNG, JPEG, BMP and WebP."""

import math
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from PIL import Image, ImageFile, ImageOps

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._claims import check_plane_size
from napari_umis_fusion.files.read._colour_profile import profile_notes
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.runtime import open_regular
from napari_umis_fusion.stack import Plane

_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
# Pillow calls JPEGs that hold further images MPO.
_ROTATABLE = ("JPEG", "MPO", "WEBP")
_ORIENTATION_TAG = 0x0112
_EXIF, _LENS_MODEL = 0x8769, 0xA434
_SAMPLES = {"1": 0, "L": 0, "RGB": 3, "RGBA": 4}
_DEEP_PNG_SAMPLES = {0: 0, 2: 3, 4: 4, 6: 4}
"""By PNG's colour type; grey with opacity is read as RGBA."""

_MOST_EXPANSION = {"PNG": 8 * 1100, "BMP": 8 * 130, "JPEG": 2**14, "MPO": 2**14}
"""How many bytes a byte of the file can become; 8 times what the codec can do, as bits of palettes
become bytes."""

_pillow_settings = threading.Lock()  # they are global, and several threads read images


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Shape, dtype and format of an image file, known before its pixels are decoded.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) or (Y, X, C), with the EXIF orientation applied.
    dtype : numpy.dtype
        bool, uint8 or uint16.
    kind : str
        Format, such as PNG.
    lens : str
        The lens of the camera, if EXIF tells it.
    notes : tuple of str
        What is not done about its colours.
    orientation : int
        That of EXIF, 1 (as stored) to 8.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    kind: str
    lens: str = ""
    notes: tuple[str, ...] = ()
    orientation: int = 1


def read_image_header(path: Path) -> ImageHeader:
    """Read the header of an image file without decoding its pixels.

    Parameters
    ----------
    path : pathlib.Path
        PNG, JPEG, BMP or WebP.

    Raises
    ------
    StackFileError
        If the file is missing, broken or of a kind that is not accepted.
    """
    with naming_read_errors(path):
        deep = _deep_png_header(path)
        if deep is not None:
            _check_size(path, deep)
        with _opened(path) as image:
            if deep is not None:
                return replace(deep, notes=_notes(image, deep.shape))
            return _checked_header(path, image)


def read_image(path: Path) -> Plane:
    """Decode an image file.

    Palettes become RGB, and whatever has an opacity or a transparent value RGBA, grey too: where
    nothing is seen, nothing was recorded. EXIF orientation is applied. 16-bit PNG keeps its 16
    bits.

    Parameters
    ----------
    path : pathlib.Path
        PNG, JPEG, BMP or WebP.

    Returns
    -------
    ndarray of shape (Y, X) or (Y, X, C)
        bool, uint8 or uint16; C is 3 (RGB) or 4 (RGBA).

    Raises
    ------
    StackFileError
        If the file is missing, broken, truncated or of a kind that is not accepted.
    """
    with naming_read_errors(path):
        deep = _deep_png_header(path)
        if deep is not None:
            _check_size(path, deep)
            return _read_deep_png(path)
        with _opened(path) as image, _refusing_truncated():
            _checked_header(path, image)  # before anything is allocated
            mode = _kept_mode(image)
            upright = ImageOps.exif_transpose(image) if _orientation(image) != 1 else image
            return np.array(upright if upright.mode == mode else upright.convert(mode))


def _checked_header(path: Path, image: Image.Image) -> ImageHeader:
    """Return the header of an open image; raises `StackFileError` for what it cannot be."""
    mode = _kept_mode(image)
    width, height = image.size
    if _orientation(image) in (5, 6, 7, 8):
        width, height = height, width
    dtype = np.dtype(bool if mode == "1" else np.uint8)
    shape = _shape(height, width, _SAMPLES[mode])
    told = _lens(image), _notes(image, shape), _orientation(image)
    found = ImageHeader(shape, dtype, str(image.format), *told)
    _check_size(path, found)
    return found


def _check_size(path: Path, header: ImageHeader) -> None:
    """Refuse an image that is too large for its file; raises `StackFileError`."""
    bits = 1 if header.dtype == bool else 8 * header.dtype.itemsize
    samples = 1 if header.kind == "BMP" else math.prod(header.shape[2:])  # it may have a palette
    stored = math.prod(header.shape[:2]) * samples * bits // 8
    check_plane_size(math.prod(header.shape) * header.dtype.itemsize, 0)
    check_plane_size(stored, path.stat().st_size, _MOST_EXPANSION.get(header.kind))


def _shape(height: int, width: int, samples: int) -> tuple[int, ...]:
    return (height, width, samples) if samples else (height, width)


def open_unlimited(path: Path, formats: tuple[str, ...] | None = None) -> Image.Image:
    """Open an image of any size without decoding it; the caller closes it.

    Pillow's limit of sizes protects servers from uploads; microscope mosaics exceed it.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    formats : tuple of str, optional
        Names of formats that it may have; by default all that Pillow knows.
    """
    with _pillow_settings:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(path, formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image without decoding it; Pillow would open many other kinds of file."""
    with open_unlimited(path, _FORMATS) as image:
        frames = getattr(image, "n_frames", 1)
        if image.format in ("PNG", "WEBP") and frames > 1:
            msg = (
                f"is an animation of {frames} frames; accepted is one still image per plane. Save "
                "its frames as separate images."
            )
            raise StackFileError(msg)
        yield image


@contextmanager
def _refusing_truncated() -> Iterator[None]:
    """Make Pillow raise for truncated files, even if another library set it to fill them."""
    if not ImageFile.LOAD_TRUNCATED_IMAGES:
        yield
        return
    with _pillow_settings:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = True


def _kept_mode(image: Image.Image) -> str:
    """Return the Pillow mode in which an image is read."""
    if image.mode in (*_SAMPLES, "P", "PA", "LA") and image.has_transparency_data:
        return "RGBA"
    if image.mode in _SAMPLES:
        return image.mode
    if image.mode == "P":
        return "RGB"
    msg = (
        f"pixels are {image.mode}; accepted are black and white, grey, RGB and "
        "RGBA. Convert the file to RGB or grey first."
    )
    raise StackFileError(msg)


def _orientation(image: Image.Image) -> int:
    if image.format not in _ROTATABLE:
        return 1
    return int(image.getexif().get(_ORIENTATION_TAG, 1))


def _lens(image: Image.Image) -> str:
    if image.format not in _ROTATABLE:
        return ""
    return str(image.getexif().get_ifd(_EXIF).get(_LENS_MODEL) or "").strip("\0 ")


def _notes(image: Image.Image, shape: tuple[int, ...]) -> tuple[str, ...]:
    return profile_notes(image.info.get("icc_profile")) if len(shape) == 3 else ()


def _deep_png_header(path: Path) -> ImageHeader | None:
    """Return the header of a PNG with 16 bits per sample, which Pillow would reduce to 8."""
    # The IHDR chunk always comes first: width and height at byte 16, bits at 24, colour at 25.
    with open_regular(path, sys.maxsize) as file:
        head = file.read(26)
        if len(head) < 26 or head[:8] != b"\x89PNG\r\n\x1a\n" or head[24] != 16:
            return None
        samples = 4 if _has_clear_value(file) else _DEEP_PNG_SAMPLES[head[25]]
    width, height = (int.from_bytes(head[start : start + 4], "big") for start in (16, 20))
    return ImageHeader(_shape(height, width, samples), np.dtype(np.uint16), "PNG")


def _has_clear_value(file: BinaryIO) -> bool:
    """Whether a PNG names a value that is transparent, which its decoder makes an opacity."""
    kind, place = b"IHDR", 8
    while kind not in (b"tRNS", b"IDAT", b"IEND", b""):
        file.seek(place)
        length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        place += length + 12
    return kind == b"tRNS"


def _read_deep_png(path: Path) -> Plane:
    plane: Plane = imagecodecs.png_decode(path.read_bytes())
    return plane[..., [0, 0, 0, 1]] if plane.shape[2:] == (2,) else plane
