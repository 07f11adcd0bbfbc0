"""Which result of a fusion a file says that it holds."""

from collections.abc import Mapping
from pathlib import Path

from napari_umis_fusion.files.read._listing import is_tiff
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._series_header import read_series_header
from napari_umis_fusion.files.read._tiff_file import open_tiff_file


def told_output(path: Path) -> str | None:
    """Return which result of this package a TIFF file holds, such as "confidence map".

    Parameters
    ----------
    path : pathlib.Path
        An image file.

    Returns
    -------
    str or None
        In words; None for images of others, and for files that do not say.

    Raises
    ------
    StackFileError
        If the file is broken.
    """
    if not is_tiff(path):
        return None
    with naming_read_errors(path), open_tiff_file(path, one_plane=True) as tif:
        told = read_series_header(tif, 0).provenance
    output = None if told is None else told.get("output")
    kind = output.get("kind") if isinstance(output, Mapping) else output
    return kind.replace("_", " ") if isinstance(kind, str) else None
