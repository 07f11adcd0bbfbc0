"""Files opened as a stack."""

from collections.abc import Mapping

from napari_umis_fusion.files.read._axis_roles import check_index
from napari_umis_fusion.files.read._bioio_stack import open_bioio
from napari_umis_fusion.files.read._grid_stack import grid_of, open_grid
from napari_umis_fusion.files.read._listing import PathsLike, is_tiff, list_source
from napari_umis_fusion.files.read._other_formats import is_for_bioio
from napari_umis_fusion.files.read._series_planes import (
    SERIES,
    holds_several,
    open_series_as_planes,
)
from napari_umis_fusion.files.read._tiff import open_tiff
from napari_umis_fusion.files.read._zarr_url import zarr_url
from napari_umis_fusion.stack import Stack


def open_stack(
    source: PathsLike, *, z_axis: str | None = None, index: Mapping[str, int] | None = None
) -> Stack:
    """Open files as a stack whose planes are read on demand.

    Parameters
    ----------
    source : path, glob, folder or sequence of these
        One TIFF file (plain pages, ImageJ hyperstack, OME-TIFF, BigTIFF, and those of microscope
        programs), or one image per plane (TIFF, PNG, JPEG, BMP, WebP). Folders and globs are
        arranged by the numbers in the names, signed and decimal ones too; a list keeps its order.
        Names that count along several axes (``_t001_z003``, ``_ch01_z02``) make these axes.
        With the extra ``bioio``, also one file that bioio reads (LIF, ND2, CZI and others); with
        the extra ``scale``, an image of OME-Zarr, by its folder or address.
    z_axis : str, optional
        Axis to use as z, such as ``"T"`` or ``"time"``; ``"series"`` for the series of a file. By
        default Z, or the pages of a file that names no axes; time and channels are never used as
        z by default.
    index : mapping of str to int, optional
        The index to select of an axis, such as ``{"T": 0}``. ``{"series": n}`` selects a
        series, or scene, of a file that holds several; by default the only one with z.

    Returns
    -------
    Stack
        (Z, Y, X), or (Z, Y, X, C) if the planes have channels or colour samples. Its
        `source_notes` say what was assumed and left out.

    Raises
    ------
    StackFileError
        If a file is missing, broken or truncated, sizes are mixed, or axes are ambiguous; the
        message names the file, and the choices.

    Examples
    --------
    >>> stack = open_stack("planes/")  # doctest: +SKIP
    >>> stack = open_stack("hyperstack.tif", index={"T": 0, "C": 1})  # doctest: +SKIP
    """
    check_index(index)
    url = zarr_url(source)
    if url is not None:
        from napari_umis_fusion.files.read._open_zarr import open_zarr

        return open_zarr(url, z_axis=z_axis, index=index)
    listing = list_source(source)
    if len(listing.paths) == 1 and is_tiff(listing.paths[0]):
        (path,) = listing.paths
        if z_axis is not None and z_axis.casefold() == SERIES and holds_several(path):
            return open_series_as_planes(path, index)
        return open_tiff(path, z_axis=z_axis, index=index)
    if is_for_bioio(listing.paths[0]):
        return open_bioio(listing.paths[0], z_axis=z_axis, index=index)
    return open_grid(grid_of(listing), z_axis=z_axis, index=index)
