"""Physical sizes in the headers of TIFF files, in µm."""

from dataclasses import replace
from typing import Any

from tifffile import TiffFile

from napari_umis_fusion.files.read._ome_sizes import ome_sizes
from napari_umis_fusion.files.read._told_sizes import ToldSizes, signed_um, unknown_unit_note
from napari_umis_fusion.files.read._vendor_sizes import vendor_sizes
from napari_umis_fusion.stack import Calibration, length_um

_CENTIMETRE = 3


def tiff_sizes(tif: TiffFile, series: int) -> ToldSizes:
    """Read the physical sizes of one series of a TIFF file.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The open file.
    series : int
        Index of the series.

    Returns
    -------
    ToldSizes
        From OME-XML, ImageJ's description, the header of a microscope's program, this package's
        own description, or resolution tags per centimetre; None for sizes that none of them
        gives. Steps are not judged yet.
    """
    # Resolution tags count only per centimetre: per inch they are a print resolution, which
    # programs write by default.
    if tif.ome_metadata:
        return ome_sizes(tif.ome_metadata, series)
    if not tif.is_ome and _is_ome(tif.pages.first.description):
        return ome_sizes(tif.pages.first.description, 0)  # a single page of a set
    if tif.imagej_metadata:
        return _imagej_sizes(tif)
    if tif.shaped_metadata and "pixel_width_um" in tif.shaped_metadata[0]:
        return ToldSizes(_own_calibration(dict(tif.shaped_metadata[0])))
    told = vendor_sizes(tif) or ToldSizes()
    if _tag(tif, "ResolutionUnit") == _CENTIMETRE and told.sizes.pixel_width_um is None:
        pixels = _resolution_calibration(tif, "cm", "cm")
        return replace(told, sizes=replace(pixels, z_step_um=told.sizes.z_step_um))
    return told


def _is_ome(description: str) -> bool:
    return description[-10:].strip().endswith("OME>")


def _imagej_sizes(tif: TiffFile) -> ToldSizes:
    metadata = tif.imagej_metadata or {}
    unit = metadata.get("unit", "pixel")
    pixels = _resolution_calibration(tif, unit, metadata.get("yunit", unit))
    # Written only where they differ.
    step = signed_um(metadata.get("spacing"), metadata.get("zunit", unit))
    units = [metadata[name] for name in ("unit", "yunit", "zunit") if name in metadata]
    return ToldSizes(replace(pixels, z_step_um=step), notes=unknown_unit_note(*units))


def _own_calibration(metadata: dict[str, Any]) -> Calibration:
    names = ("z_step_um", "pixel_height_um", "pixel_width_um")
    step, height, width = (length_um(metadata.get(name), "um") for name in names)
    return Calibration(step, height, width)


def _resolution_calibration(tif: TiffFile, unit: str, unit_y: str) -> Calibration:
    height, width = (_tag(tif, name) for name in ("YResolution", "XResolution"))
    return Calibration(
        pixel_height_um=_pixel_um(height, unit_y), pixel_width_um=_pixel_um(width, unit)
    )


def _pixel_um(pixels_per_unit: Any, unit: str) -> float | None:
    if not isinstance(pixels_per_unit, tuple) or pixels_per_unit[0] == 0:
        return None
    pixels, units = pixels_per_unit
    return length_um(units / pixels, unit)


def _tag(tif: TiffFile, name: str) -> Any:
    return tif.pages.first.tags.valueof(name)
