"""TIFF files, opened only if their pages are whole; OME-XML of companion files."""

import struct
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tifffile import TiffFile

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._claims import check_first_page, check_ome
from napari_umis_fusion.files.read._listing import is_companion
from napari_umis_fusion.runtime import open_regular, read_text, reason_of

_DESCRIPTION = 270


class OmeHeaderError(StackFileError):
    """An OME header is not understood, or is in another file that is missing."""


PAGES = "I"
"""Letter of the axis of a file's pages, where nothing is known about them."""

_BY_PAGES = 'use the pages of this file in order: z_axis="I" (--z-axis I)'


def open_tiff_file(path: Path, *, one_plane: bool = False, by_pages: bool = False) -> TiffFile:
    """Open a file with tifffile; refuse it if the chain of its pages is truncated.

    Parameters
    ----------
    path : pathlib.Path
        A TIFF file, or a companion file, of which the first image file is opened.
    one_plane : bool
        A file of a single page is only this page, even if its OME-XML lists other files.
    by_pages : bool
        An OME header that is not understood counts as none.

    Raises
    ------
    OmeHeaderError
        If the OME header is not understood, or in another file that is missing.
    StackFileError
        If the file is truncated.
    """
    xml = None
    if is_companion(path):
        xml = read_text(path)
        path = _first_image(xml, path)
    tif = checked_tiff(path, omexml=xml)
    try:
        # Also makes tifffile follow the chain of pages, which is checked next.
        pages = len(tif.pages)
        _check_chain(tif)
        _check_description(tif)
        if not tif.is_ome:
            return tif
        if (by_pages or (one_plane and pages == 1)) and _ome_fault(tif) is not None:
            return _reopened(tif, path, is_ome=False)
        described_in = None if xml else _described_in(tif, path)
        if one_plane and pages == 1 and (described_in or len(tif.series[0]) > 1):
            # Without its OME header, the file is only its own page.
            return _reopened(tif, path, is_ome=False)
        if described_in:
            return _reopened(tif, path, omexml=xml_of(described_in))
        fault = _ome_fault(tif)
        if fault is not None:
            raise OmeHeaderError(f"{fault}. Mend it, or {_BY_PAGES}.")
    except BaseException:
        tif.close()
        raise
    return tif


def _ome_fault(tif: TiffFile) -> str | None:
    """Return what is wrong with an OME header; None if it is understood."""
    try:
        kinds = {one.kind for one in tif.series}
    except (MemoryError, OSError):
        raise
    except KeyError as error:
        return f"its OME header lacks {error}, without which axes are unknown"
    except Exception as error:
        return f"its OME header is not understood ({reason_of(error)})"
    if kinds & {"generic", "uniform"}:
        return "its OME header is broken, or the description is in another file"
    return None


def checked_tiff(path: Path, **options: Any) -> TiffFile:
    """Open a TIFF file with tifffile, unless its header claims what cannot be.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    **options
        As tifffile.TiffFile accepts them.

    Raises
    ------
    StackFileError
        If it is no regular file, or claims more than a file or this machine can hold.
    """
    with open_regular(path, sys.maxsize):
        pass
    tif = TiffFile(path, **options)
    try:
        check_first_page(tif)
        if tif.is_ome:
            check_ome(tif.ome_metadata or "", path.parent)
    except BaseException:
        tif.close()
        raise
    return tif


def _reopened(tif: TiffFile, path: Path, **options: object) -> TiffFile:
    tif.close()
    return checked_tiff(path, **options)


def xml_of(path: Path) -> str:
    """Return the OME-XML of a companion file, or of the first page of a TIFF file."""
    if path.suffix.lower() in (".ome", ".xml"):
        return read_text(path)
    with checked_tiff(path) as tif:
        return tif.ome_metadata or ""


def _described_in(tif: TiffFile, path: Path) -> Path | None:
    """Return the file that describes this one; None if it does so itself."""
    try:
        root = ElementTree.fromstring(tif.ome_metadata or "")
    except ElementTree.ParseError:
        return None
    only = root.find("{*}BinaryOnly")
    name = None if only is None else only.get("MetadataFile")
    if name is None:
        return None
    # Only the name counts: files of a set are copied together, into one folder.
    other = path.parent / Path(name).name
    if not other.is_file():
        msg = (
            f"its description is in another file, {other.name}, which is missing. Copy it into the "
            f"same folder, or {_BY_PAGES}."
        )
        raise OmeHeaderError(msg)
    return other


def _first_image(xml: str, path: Path) -> Path:
    """Return the first image file that a companion file names."""
    names = [one.get("FileName", "") for one in ElementTree.fromstring(xml).findall(".//{*}UUID")]
    found = [path.parent / Path(name).name for name in names if name]
    present = next((one for one in found if one.is_file()), None)
    if present is None:
        told = f"such as {found[0].name}, are missing" if found else "are not named in it"
        msg = (
            f"the image files that it describes {told}. Copy all files of the set into one folder."
        )
        raise StackFileError(msg)
    return present


def _check_chain(tif: TiffFile) -> None:
    """Refuse a last page that refers to a next one: tifffile only logs a truncated chain."""
    place = tif.pages.next_page_offset
    if place is None:
        return
    tif.filehandle.seek(place)
    following = tif.filehandle.read(tif.tiff.offsetsize)
    if following != bytes(tif.tiff.offsetsize):
        msg = f"its pages end after {len(tif.pages)}: the file is truncated. Copy it again."
        raise StackFileError(msg)


def _check_description(tif: TiffFile) -> None:
    """Refuse a description beyond the end of the file: tifffile only logs it."""
    if _DESCRIPTION in _first_tags(tif) and _DESCRIPTION not in tif.pages.first.tags:
        msg = "its description cannot be read: the file is truncated. Copy it again."
        raise StackFileError(msg)


def _first_tags(tif: TiffFile) -> tuple[int, ...]:
    """Return the codes of all tags of the first page, readable or not."""
    layout, file = tif.tiff, tif.filehandle
    file.seek(tif.pages.first.offset)
    (count,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
    entry = f"H{layout.tagsize - 2}x"
    return struct.unpack(f"{layout.byteorder}{entry * count}", file.read(layout.tagsize * count))
