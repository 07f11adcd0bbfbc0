"""Recognition of z-stacks by the first headers of files.

napari asks for every file that is dropped on it, so this must be fast, also on long files.
"""

import math
import os
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tifffile import TiffFile
from tifffile.tifffile import shaped_description_metadata

from napari_umis_fusion.files.read._listing import is_companion, is_tiff, list_files
from napari_umis_fusion.files.read._not_planes import OWN_NAME
from napari_umis_fusion.files.read._other_formats import is_for_bioio
from napari_umis_fusion.files.read._quiet import quiet_tifffile
from napari_umis_fusion.files.read._suffixes import SUFFIXES
from napari_umis_fusion.files.read._tiff_file import checked_tiff
from napari_umis_fusion.files.read._tiff_layout import series_sizes
from napari_umis_fusion.files.read._tiff_series import pick_series
from napari_umis_fusion.stack import kind_of

_PLAIN = "I"
_OTHER_KINDS = (
    *("scanimage", "lsm", "mmstack", "ndtiff", "fluoview", "stk", "sis", "nih"),
    *("svs", "scn", "qpi", "ndpi", "bif", "avs", "eer", "philips", "mdgel", "indica"),
)
"""Kinds whose axes only tifffile's parsers know; some of these are slow."""


def holds_stack(source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> bool:
    """Whether files hold a z-stack; only the first two headers of a long file are read.

    Parameters
    ----------
    source : path, or sequence of paths
        A TIFF file; or a folder, or two or more files, that are planes of one stack.

    Returns
    -------
    bool
        True for a TIFF file with a z axis or plain pages, for one that this package wrote, and
        for at least two images of which the first is a single plane. False for anything else:
        images without z, time series, other kinds of file, missing files.

    Raises
    ------
    Exception
        Of any type, for broken files.
    """
    paths = [Path(source)] if isinstance(source, (str, os.PathLike)) else [*map(Path, source)]
    if len(paths) == 1 and not paths[0].is_dir():
        (path,) = paths
        if not (is_tiff(path) and path.is_file()):
            return False
        with quiet_tifffile(), checked_tiff(path) as tif:
            return _is_written_by_us(tif) or _holds_z(_tiff_sizes(tif))
    if len(paths) == 1:
        paths = _two_images(paths[0])
    known = all(path.suffix.lower() in SUFFIXES and path.is_file() for path in paths)
    return len(paths) > 1 and known and _is_plane(paths[0])


def can_read(source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> bool:
    """Whether files are images that `read_layers` reads, with or without z; by the first header.

    Parameters
    ----------
    source : path, or sequence of paths
        An image file; a folder of images; or two or more image files.

    Returns
    -------
    bool
        False for other kinds of file, missing files, and folders without images.

    Raises
    ------
    Exception
        Of any type, for broken files.
    """
    given = [source] if isinstance(source, (str, os.PathLike)) else [*source]
    folders = [path for path in given if Path(path).is_dir()]
    if folders and len(given) > 1:
        return False
    if not all(os.fspath(path) for path in given):
        return False
    first = list_files(given)[0]
    if is_companion(first):
        return True
    if is_for_bioio(first):
        return False  # napari asks the plugins of these formats
    if not is_tiff(first):
        from napari_umis_fusion.files.read._images import read_image_header  # loads Pillow

        return bool(read_image_header(first).shape)
    with quiet_tifffile(), checked_tiff(first) as tif:
        return bool(tif.pages.first.shape)


def _two_images(folder: Path) -> list[Path]:
    """Return two images of a folder, or fewer if it holds fewer."""
    with os.scandir(folder) as entries:
        images = (
            Path(entry.path)
            for entry in entries
            if os.path.splitext(entry.name)[1].lower() in SUFFIXES
            and not entry.name.startswith(".")
            and entry.is_file()
        )
        return list(islice(images, 2))


def _is_written_by_us(tif: TiffFile) -> bool:
    """Whether this package wrote the file: only its own reader restores units and provenance."""
    return OWN_NAME in str(tif.pages.first.description)


def _is_plane(path: Path) -> bool:
    if not is_tiff(path):
        return True
    with quiet_tifffile(), checked_tiff(path) as tif:
        sizes = _tiff_sizes(tif, alone=True)
    return all(size == 1 for axis, size in sizes.items() if kind_of(axis) != "channel")


def _holds_z(sizes: Mapping[str, int]) -> bool:
    return any(size > 1 and kind_of(axis) in ("z", "unnamed") for axis, size in sizes.items())


def _tiff_sizes(tif: TiffFile, *, alone: bool = False) -> dict[str, int]:
    """Return sizes of the axes besides Y, X and S; those of size 1 may be left out.

    With `alone`, a file of a single page is one plane, even if its OME header lists other files.
    """
    page = tif.pages.first
    if tif.is_ome and not (alone and not tif.pages.is_multipage):
        return _ome_sizes(page.description)
    if tif.is_imagej:
        return _imagej_sizes(tif)
    if any(getattr(tif, f"is_{kind}", False) for kind in _OTHER_KINDS):
        sizes = series_sizes(pick_series(tif, 0).series)
        return {axis: size for axis, size in sizes.items() if axis not in "YXS"}
    if page.shaped_description is not None:
        return _shaped_sizes(page)
    return _plain_sizes(tif)


def _ome_sizes(xml: str) -> dict[str, int]:
    pixels = ElementTree.fromstring(xml).findall("{*}Image/{*}Pixels")
    return {
        axis: max((int(one.get(f"Size{axis}", 1)) for one in pixels), default=1) for axis in "ZTC"
    }


def _imagej_sizes(tif: TiffFile) -> dict[str, int]:
    metadata = tif.imagej_metadata or {}
    names = {"Z": "slices", "T": "frames", "C": "channels"}
    sizes = {axis: int(metadata.get(name, 1)) for axis, name in names.items()}
    # A header without counts leaves it to the pages.
    return _plain_sizes(tif) if set(sizes.values()) == {1} else sizes


def _shaped_sizes(page: Any) -> dict[str, int]:
    metadata = shaped_description_metadata(page.shaped_description)
    shape, axes = metadata["shape"], metadata.get("axes")
    if axes is None:
        return {_PLAIN: math.prod(shape) * page.imagedepth // math.prod(page.shape)}
    return {axis: size for axis, size in zip(axes, shape, strict=True) if axis not in "YXS"}


def _plain_sizes(tif: TiffFile) -> dict[str, int]:
    """Return 2 as the size if the second page equals the first in shape and dtype, else 1."""
    first = tif.pages.first
    if first.imagedepth > 1:
        return {"Z": first.imagedepth}
    if not tif.pages.is_multipage:
        return {}
    second = tif.pages[1]
    is_equal = (second.shape, second.dtype) == (first.shape, first.dtype)
    return {_PLAIN: 2 if is_equal else 1}
