"""What a header claims, compared with its file and with this machine before anything is allocated.

A file of a few bytes may claim terabytes: broken ones do, and so do those that are made to harm.
"""

import math
import re
from pathlib import Path

import psutil
from tifffile import COMPRESSION, TiffFile, TiffFrame, TiffPage

from napari_umis_fusion.errors import StackFileError

MOST_FRAMES = 2**22
"""Frames of one file, and planes that an OME header may announce."""

SLACK_BYTES = 2**16
"""Claims up to this size are harmless."""

MOST_EXPANSION = {
    COMPRESSION.NONE: 1,
    COMPRESSION.ADOBE_DEFLATE: 1100,
    COMPRESSION.DEFLATE: 1100,
    COMPRESSION.LZW: 4096,
    COMPRESSION.PACKBITS: 130,
}
"""How many bytes a byte can become; codecs that are not listed have no such bound."""

_SIZES = re.compile(r"\bSize([ZCT])\s*=\s*[\"'](\d+)[\"']")
_PLANES = re.compile(r"\bPlaneCount\s*=\s*[\"'](\d+)[\"']")
_MODULO = re.compile(r"<ModuloAlong[ZCT]\b[^>]*>")
_NUMBER = re.compile(r"\b(Start|End|Step)\s*=\s*[\"']([^\"']+)[\"']")
_PIXELS = re.compile(r"<(?:\w+:)?Pixels\b[^>]*>")
_FILE_NAME = re.compile(r"\bFileName\s*=\s*[\"']([^\"']+)[\"']")


def check_plane_size(nbytes: int, file_bytes: int, most_expansion: int | None = None) -> None:
    """Refuse a plane that its file cannot hold, or this machine's memory.

    Parameters
    ----------
    nbytes : int
        Size of the decoded plane.
    file_bytes : int
        Size of what it is decoded from.
    most_expansion : int, optional
        How many bytes one byte of the file can become; by default there is no such bound.

    Raises
    ------
    StackFileError
        If the claim is larger.
    """
    memory = psutil.virtual_memory().total
    if nbytes > memory:
        msg = (
            f"claims a plane of {_in_words(nbytes)}, more than the memory of this machine "
            f"({_in_words(memory)}). The file is broken, or it must be cut into parts first."
        )
        raise StackFileError(msg)
    if most_expansion is not None and nbytes > most_expansion * file_bytes + SLACK_BYTES:
        msg = (
            f"claims a plane of {_in_words(nbytes)}, which {file_bytes} bytes of the file cannot "
            "hold: it is broken or truncated. Copy it again or leave it out."
        )
        raise StackFileError(msg)


def check_page(page: TiffPage | TiffFrame) -> None:
    """Refuse a page whose segments are not listed or could not fit; raises `StackFileError`."""
    key = page.keyframe
    assert key is not None
    parts = math.prod(key.chunked)
    if key.is_tiled and len(page.dataoffsets) < parts:
        raise StackFileError(
            f"its header lists {len(page.dataoffsets)} of the {parts} tiles of a plane: it is "
            "broken or truncated. Copy it again or leave it out."
        )
    counts = [count for count in page.databytecounts if count]
    width = max(key.bitspersample, 1) / 8
    segment = int(math.prod(key.chunks) * width)
    most = MOST_EXPANSION.get(COMPRESSION(key.compression)) if _is_known(key.compression) else None
    check_plane_size(math.ceil(key.size * width), sum(counts))
    # Segments without bytes stand for an empty part of the image; the last ones may be cut short.
    check_plane_size(segment * max(len(counts) - 1, 0), sum(counts), most)
    check_plane_size(segment, max(counts, default=0))


def check_first_page(tif: TiffFile) -> None:
    """Refuse sizes in the first page's header and description; raises `StackFileError`."""
    first = tif.pages.first
    if isinstance(first, TiffPage):
        check_plane_size(math.ceil(first.size * max(first.bitspersample, 1) / 8), 0)
    if tif.is_imagej:
        claimed = _integer((tif.imagej_metadata or {}).get("images", 1))
        _check_frames(claimed, "its ImageJ header announces")


def check_ome(xml: str, folder: Path) -> None:
    """Refuse counts of an OME header, and files of its set that are none.

    Raises
    ------
    StackFileError
        If it announces millions of planes, or names a pipe or a device.
    """
    for found in _PIXELS.finditer(xml):
        _check_frames(
            math.prod(int(size) for _, size in _SIZES.findall(found[0])), "its OME header announces"
        )
    for count in _PLANES.findall(xml):
        _check_frames(int(count), "its OME header announces")
    for found in _MODULO.finditer(xml):
        _check_frames(_modulo(found[0]), "its OME header announces")
    for name in set(_FILE_NAME.findall(xml)):
        other = folder / Path(name).name
        if other.exists() and not other.is_file():
            msg = f"{other.name}, a file of its set, is a folder, a pipe or a device. Replace it."
            raise StackFileError(msg)


def _modulo(element: str) -> int:
    """Return how many positions a Modulo element announces."""
    try:
        entries = {name: float(value) for name, value in _NUMBER.findall(element)}
        step = entries.get("Step", 1.0) or 1.0
        count = abs(entries.get("End", 0.0) - entries.get("Start", 0.0)) / abs(step) + 1
    except ValueError:
        return 1
    return int(count) if math.isfinite(count) else MOST_FRAMES + 1


def _check_frames(count: int, who: str) -> None:
    if count > MOST_FRAMES:
        msg = (
            f"{who} {count} planes; accepted are at most {MOST_FRAMES}. The file is broken: copy "
            "it again or leave it out."
        )
        raise StackFileError(msg)


def _is_known(compression: int) -> bool:
    return compression in {entry.value for entry in COMPRESSION}


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 1


def _in_words(nbytes: int) -> str:
    for unit, power in (("TB", 12), ("GB", 9), ("MB", 6)):
        if nbytes >= 10**power:
            return f"{nbytes / 10**power:.3g} {unit}"
    return f"{nbytes} bytes"
