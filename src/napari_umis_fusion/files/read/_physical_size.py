"""Physical sizes in the headers of TIFF files, in µm."""

from typing import Any
from xml.etree import ElementTree

from tifffile import TiffFile

from napari_umis_fusion.stack import Calibration, length_um

_CENTIMETRE = 3


def tiff_calibration(tif: TiffFile, series: int) -> Calibration:
    """Read the physical sizes of one series of a TIFF file.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The open file.
    series : int
        Index of the series.

    Returns
    -------
    Calibration
        From OME-XML, ImageJ's description, this package's own description, or resolution
        tags per centimetre; None for sizes that none of them gives.
    """
    # Resolution tags count only per centimetre: per inch they are a print resolution, which
    # programs write by default.
    if tif.ome_metadata:
        return _ome_calibration(tif.ome_metadata, series)
    if tif.imagej_metadata:
        return _imagej_calibration(tif)
    if tif.shaped_metadata and "pixel_width_um" in tif.shaped_metadata[0]:
        return _own_calibration(dict(tif.shaped_metadata[0]))
    if _tag(tif, "ResolutionUnit") == _CENTIMETRE:
        return _resolution_calibration(tif, "cm")
    return Calibration()


def ome_image(xml: str, series: int) -> ElementTree.Element | None:
    """Return the element of OME-XML that describes a series; None if it is broken or absent."""
    try:
        images = ElementTree.fromstring(xml).findall(".//{*}Image")
    except ElementTree.ParseError:
        return None
    return images[series] if series < len(images) else None


def _ome_calibration(xml: str, series: int) -> Calibration:
    image = ome_image(xml, series)
    pixels = None if image is None else image.find("{*}Pixels")
    if pixels is None:
        return Calibration()
    z, y, x = (_ome_length(pixels.attrib, axis) for axis in "ZYX")
    return Calibration(z, y, x)


def _ome_length(attributes: dict[str, str], axis: str) -> float | None:
    # The OME schema's default is µm.
    unit = attributes.get(f"PhysicalSize{axis}Unit", "µm")
    return length_um(attributes.get(f"PhysicalSize{axis}"), unit)


def _imagej_calibration(tif: TiffFile) -> Calibration:
    metadata = tif.imagej_metadata or {}
    unit = metadata.get("unit", "pixel")
    sizes = _resolution_calibration(tif, unit)
    return Calibration(
        z_step_um=length_um(metadata.get("spacing"), unit),
        pixel_height_um=sizes.pixel_height_um,
        pixel_width_um=sizes.pixel_width_um,
    )


def _own_calibration(metadata: dict[str, Any]) -> Calibration:
    names = ("z_step_um", "pixel_height_um", "pixel_width_um")
    return Calibration(*(length_um(metadata.get(name), "um") for name in names))


def _resolution_calibration(tif: TiffFile, unit: str) -> Calibration:
    height, width = (_tag(tif, name) for name in ("YResolution", "XResolution"))
    return Calibration(
        pixel_height_um=_pixel_um(height, unit), pixel_width_um=_pixel_um(width, unit)
    )


def _pixel_um(pixels_per_unit: Any, unit: str) -> float | None:
    if not isinstance(pixels_per_unit, tuple) or pixels_per_unit[0] == 0:
        return None
    pixels, units = pixels_per_unit
    return length_um(units / pixels, unit)


def _tag(tif: TiffFile, name: str) -> Any:
    return tif.pages.first.tags.valueof(name)
