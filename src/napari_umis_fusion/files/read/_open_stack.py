"""Files opened as a stack."""

from collections.abc import Mapping

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._image_list import ImageListStack
from napari_umis_fusion.files.read._listing import PathsLike, is_tiff, list_files
from napari_umis_fusion.files.read._tiff import open_tiff
from napari_umis_fusion.stack import Stack


def open_stack(
    source: PathsLike, *, z_axis: str | None = None, index: Mapping[str, int] | None = None
) -> Stack:
    """Open files as a stack whose planes are read on demand.

    Parameters
    ----------
    source : path, glob, folder or sequence of these
        One TIFF file (plain pages, ImageJ hyperstack, OME-TIFF, BigTIFF), or one image per
        plane (TIFF, PNG, JPEG, BMP, WebP). Folders and globs are sorted in natural order, a list
        keeps its order.
    z_axis : str, optional
        Axis of a TIFF file to use as z, such as ``"T"`` or ``"time"``. By default Z, or the pages
        of a file that names no axes; time and channels are never used as z by default.
    index : mapping of str to int, optional
        The index to select of an axis, such as ``{"T": 0}``. ``{"series": n}`` selects a
        series of a file that holds several; the first is the default.

    Returns
    -------
    Stack
        (Z, Y, X), or (Z, Y, X, C) if the planes have channels or colour samples.

    Raises
    ------
    StackFileError
        If a file is missing, broken or truncated, sizes are mixed, or axes are ambiguous; the
        message names the file.

    Examples
    --------
    >>> stack = open_stack("planes/")  # doctest: +SKIP
    >>> stack = open_stack("hyperstack.tif", index={"T": 0, "C": 1})  # doctest: +SKIP
    """
    paths = list_files(source)
    if len(paths) == 1 and is_tiff(paths[0]):
        return open_tiff(paths[0], z_axis=z_axis, index=index)
    if z_axis is not None or (index and not all(is_tiff(path) for path in paths)):
        msg = (
            f"{paths[0]}: z_axis and index select among the axes of a TIFF file; got "
            f"{len(paths)} image file(s), one per plane. Leave both out."
        )
        raise StackFileError(msg)
    return ImageListStack(paths, index)
