"""Description of an image file or a folder of images."""

import os
from pathlib import Path
from typing import Any

from tifffile import COMPRESSION, TiffFile

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._axis_roles import choose_axes
from napari_umis_fusion.files.read._images import read_image_header
from napari_umis_fusion.files.read._listing import is_tiff, list_files
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._open_stack import open_stack
from napari_umis_fusion.files.read._physical_size import tiff_calibration
from napari_umis_fusion.files.read._tiff import is_colour, open_tiff_file, pick_series
from napari_umis_fusion.files.read._tiff_layout import series_sizes
from napari_umis_fusion.stack import Calibration

_TIFF_KINDS = {"ome": "OME-TIFF", "imagej": "ImageJ TIFF"}


def describe_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Describe an image file or a folder of images; only headers are read.

    Parameters
    ----------
    path : path
        TIFF, PNG, JPEG, BMP or WebP file, or a folder.

    Returns
    -------
    dict
        JSON values: ``kind``, ``path``, ``axes`` (letters as in the file, without those
        of size 1), ``shape``, ``dtype``, ``planes``, ``channels``, ``colour`` and, in µm or
        None, ``z_step_um``, ``pixel_height_um``, ``pixel_width_um``. If the z axis is
        ambiguous, ``planes`` and ``channels`` are None and ``choose`` says how to choose it.

    Raises
    ------
    StackFileError
        If the file is missing, broken or of another kind.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        return _describe_folder(place)
    (file,) = list_files([place])
    return _describe_tiff(file) if is_tiff(file) else _describe_image(file)


def _describe_tiff(path: Path) -> dict[str, Any]:
    with naming_read_errors(path), open_tiff_file(path) as tif:
        series = pick_series(tif, 0)
        description = _entries(
            _tiff_kind(tif, series.kind),
            path,
            "".join(series.axes),
            series.shape,
            str(series.dtype),
            tiff_calibration(tif, 0),
        )
        compression = COMPRESSION(series.keyframe.compression).name.lower()
        return {
            **description,
            "series": len(tif.series),
            "compression": compression,
            **_tiff_roles(series),
        }


def _tiff_roles(series: Any) -> dict[str, Any]:
    sizes = series_sizes(series)
    try:
        roles = choose_axes(sizes)
    except StackFileError as error:
        return {"planes": None, "channels": None, "colour": False, "choose": str(error)}
    return {
        "planes": sizes.get(roles.z or "", 1),
        "channels": sizes.get(roles.channel or "", 1),
        "colour": is_colour(series, roles),
    }


def _tiff_kind(tif: TiffFile, kind: str) -> str:
    name = _TIFF_KINDS.get(kind, "TIFF")
    return f"{name} (BigTIFF)" if tif.is_bigtiff else name


def _describe_image(path: Path) -> dict[str, Any]:
    header = read_image_header(path)
    colour = len(header.shape) == 3
    return {
        **_entries(
            f"{header.kind} image",
            path,
            "YXS" if colour else "YX",
            header.shape,
            str(header.dtype),
            Calibration(),
        ),
        "planes": 1,
        "channels": header.shape[2] if colour else 1,
        "colour": colour,
    }


def _describe_folder(path: Path) -> dict[str, Any]:
    stack = open_stack(path)
    last = "" if len(stack.shape) == 3 else "S" if stack.rgb else "C"
    return {
        **_entries(
            "folder of images",
            path,
            f"ZYX{last}",
            stack.shape,
            str(stack.dtype),
            stack.calibration,
        ),
        "planes": len(stack),
        "channels": stack.shape[3] if last else 1,
        "colour": stack.rgb,
    }


def _entries(
    kind: str,
    path: Path,
    axes: str,
    shape: tuple[int, ...],
    dtype: str,
    calibration: Calibration,
) -> dict[str, Any]:
    return {
        "kind": kind,
        "path": str(path.absolute()),
        "axes": axes,
        "shape": list(shape),
        "dtype": dtype,
        "z_step_um": calibration.z_step_um,
        "pixel_height_um": calibration.pixel_height_um,
        "pixel_width_um": calibration.pixel_width_um,
    }
