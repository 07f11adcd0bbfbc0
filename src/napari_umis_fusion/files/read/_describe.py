"""Description of an image file or a folder of images."""

import os
from pathlib import Path
from typing import Any

from tifffile import COMPRESSION, TiffFile

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.names import FileGrid
from napari_umis_fusion.files.read._axis_roles import choose_axes
from napari_umis_fusion.files.read._bioio_stack import describe_scene
from napari_umis_fusion.files.read._grid_stack import grid_calibration, grid_of
from napari_umis_fusion.files.read._image_files import ImageFiles
from napari_umis_fusion.files.read._listing import is_tiff, list_source
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._open_stack import open_stack
from napari_umis_fusion.files.read._other_formats import is_for_bioio
from napari_umis_fusion.files.read._physical_size import tiff_sizes
from napari_umis_fusion.files.read._pixel_format import holds_colour, pixel_format
from napari_umis_fusion.files.read._tiff_file import open_tiff_file
from napari_umis_fusion.files.read._tiff_layout import shown_sizes
from napari_umis_fusion.files.read._tiff_series import (
    PickedSeries,
    pick_series,
    series_of,
    unnamed_pages,
)
from napari_umis_fusion.runtime import user_path
from napari_umis_fusion.stack import Calibration

_TIFF_KINDS = {"ome": "OME-TIFF", "imagej": "ImageJ TIFF", "stk": "MetaMorph STK", "lsm": "LSM"}


def describe_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Describe an image file or a folder of images; only headers are read.

    Parameters
    ----------
    path : path
        TIFF, PNG, JPEG, BMP or WebP file, one that bioio reads, or a folder.

    Returns
    -------
    dict
        JSON values: ``kind``, ``path``, ``axes`` (letters as in the file, without those
        of size 1), ``shape``, ``dtype``, ``planes``, ``channels``, ``colour`` and, in µm or
        None, ``z_step_um``, ``pixel_height_um``, ``pixel_width_um``; ``z_positions_um`` where
        steps are uneven; ``mosaic`` "bayer" where a header says so. If the z axis is ambiguous,
        ``planes`` and ``channels`` are None and ``choose`` says how to choose it. For a folder,
        ``names`` says what the names count, with the entries in order. ``notes`` says what was
        assumed or left out.

    Raises
    ------
    StackFileError
        If the file is missing, broken or of another kind.
    """
    place = user_path(path)
    listing = list_source(path)
    file = listing.paths[0]
    if place.is_dir() and (len(listing.paths) > 1 or not is_tiff(file)):
        return _describe_folder(place, grid_of(listing))
    if is_for_bioio(file):
        return _describe_bioio(file)
    return _describe_tiff(file) if is_tiff(file) else _describe_image(file)


def _describe_bioio(path: Path) -> dict[str, Any]:
    found = describe_scene(path)
    scene = found.pop("scene")
    axes, shape = "".join(scene.sizes), tuple(scene.sizes.values())
    kind = f"{path.suffix[1:].upper()} file, read by bioio"
    entries = _entries(kind, path, axes, shape, str(scene.dtype), scene.calibration)
    return {**entries, **{name: one for name, one in found.items() if name != "choose" or one}}


def _describe_tiff(path: Path) -> dict[str, Any]:
    with naming_read_errors(path), open_tiff_file(path) as tif:
        picked, choose = _pick(tif)
        series = picked.series
        sizes = shown_sizes(series)
        roles = _tiff_roles(series, choose)
        told = tiff_sizes(tif, picked.number).judged(roles["planes"] or 1)
        description = _entries(
            _tiff_kind(tif, series.kind),
            path,
            "".join(axis[0] for axis in sizes),
            tuple(sizes.values()),
            str(pixel_format(series).dtype),
            told.sizes,
        )
        compression = COMPRESSION(series.keyframe.compression).name.lower()
        pixels = pixel_format(series)
        lost = sum(page is None for page in series)
        missing = [f"{lost} of {len(series)} frames are missing"] if lost else []
        notes = [*picked.notes, *missing, *told.notes, *unnamed_pages(tif), *pixels.notes]
        return {
            **description,
            **_mosaic(pixels.is_mosaic),
            "series": len(series_of(tif)),
            "compression": compression,
            **roles,
            **({"notes": notes} if notes else {}),
        }


def _pick(tif: TiffFile) -> tuple[PickedSeries, str | None]:
    """Return the series to describe, and how to choose one if that is ambiguous."""
    try:
        return pick_series(tif), None
    except StackFileError as error:
        return pick_series(tif, 0), str(error)


def _tiff_roles(series: Any, choose: str | None) -> dict[str, Any]:
    sizes, colour = shown_sizes(series), holds_colour(series)
    unknown = {"planes": None, "channels": None, "colour": False}
    if choose is not None:
        return {**unknown, "choose": choose}
    try:
        roles = choose_axes(sizes, is_colour=colour)
    except StackFileError as error:
        return {**unknown, "choose": str(error)}
    return {
        "planes": sizes.get(roles.z or "", 1),
        "channels": sizes.get(roles.channel or "", 1),
        "colour": colour and roles.channel == "S",
    }


def _tiff_kind(tif: TiffFile, kind: str) -> str:
    name = _TIFF_KINDS.get(kind, "TIFF")
    return f"{name} (BigTIFF)" if tif.is_bigtiff else name


def _describe_image(path: Path) -> dict[str, Any]:
    from napari_umis_fusion.files.read._images import read_image_header  # loads Pillow

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


def _describe_folder(path: Path, grid: FileGrid) -> dict[str, Any]:
    try:
        stack = open_stack(path)
    except StackFileError as error:
        return _describe_grid(path, grid, str(error))
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
        "channels": stack.channel_count or 1,
        "colour": stack.rgb,
        **_mosaic(stack.is_mosaic),
        **_names(grid, [*stack.source_notes]),
    }


def _describe_grid(path: Path, grid: FileGrid, choose: str) -> dict[str, Any]:
    """Describe files of which the user must select some."""
    about = _names(grid, [*grid.notes, *grid.gaps])
    unknown = {"planes": None, "channels": None, "choose": choose}
    try:
        files = ImageFiles(list(grid.files.values()))
    except StackFileError:  # such as files that are stacks of their own
        told = _entries("folder of stacks", path, "", (len(grid.files),), "", Calibration())
        return {**told, "axes": None, "shape": None, "dtype": None, **unknown, **about}
    letters = [*grid.sizes, "Y", "X", *(["S" if files.rgb else "C"] * (len(files.shape) - 2))]
    join = "" if all(len(letter) == 1 for letter in letters) else " "
    described = _entries(
        "folder of images",
        path,
        join.join(letters),
        (*grid.sizes.values(), *files.shape),
        str(files.dtype),
        grid_calibration(grid, files),
    )
    return {**described, **unknown, "colour": files.rgb, **about}


def _names(grid: FileGrid, notes: list[str]) -> dict[str, Any]:
    return {"names": grid.describe(), **({"notes": notes} if notes else {})}


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
        **_positions(calibration),
    }


def _mosaic(is_told: bool) -> dict[str, str]:
    return {"mosaic": "bayer"} if is_told else {}


def _positions(calibration: Calibration) -> dict[str, list[float]]:
    places = calibration.z_positions_um
    return {} if places is None else {"z_positions_um": [round(one, 6) for one in places]}
