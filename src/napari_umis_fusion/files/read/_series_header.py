"""Names, colours, time step and provenance in the headers of TIFF files."""

import json
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from tifffile import TiffFile

from napari_umis_fusion.files._layer_attributes import Colour
from napari_umis_fusion.files._layer_record import RECORDS_KEY
from napari_umis_fusion.files.read._not_planes import OWN_NAME
from napari_umis_fusion.files.read._ome_sizes import ome_image
from napari_umis_fusion.presets import ChannelOptics
from napari_umis_fusion.stack import time_s


@dataclass(frozen=True, slots=True)
class SeriesHeader:
    """Names, colours, time step and provenance of one series, as far as the file gives them.

    Attributes
    ----------
    name : str
        Name of the image; "" if it has none.
    channel_names : tuple of str
        Name of each channel, "" if it has none; or an empty tuple.
    colours : tuple
        (red, green, blue) of each channel, 0 to 255, or None if unknown.
    optics : tuple of ChannelOptics
        How each channel was taken, or an empty tuple.
    time_step_s : float or None
        Interval between time points, in s.
    provenance : dict or None
        Provenance, if this package made the image.
    records : tuple
        What this package kept of each layer; see `layer_record`.
    """

    name: str = ""
    channel_names: tuple[str, ...] = ()
    colours: tuple[Colour | None, ...] = ()
    optics: tuple[ChannelOptics, ...] = ()
    time_step_s: float | None = None
    provenance: dict[str, Any] | None = None
    records: tuple[Any, ...] = ()


def read_series_header(tif: TiffFile, series: int) -> SeriesHeader:
    """Read names, colours, time step and provenance of one series of a TIFF file.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The open file.
    series : int
        Index of the series.

    Returns
    -------
    SeriesHeader
        From OME-XML, ImageJ's description, this package's own, or the EXIF of a camera.
    """
    if tif.ome_metadata:
        return _from_ome(tif.ome_metadata, series)
    if tif.imagej_metadata:
        return _from_imagej(tif.imagej_metadata)
    if tif.shaped_metadata:
        return SeriesHeader(
            provenance=_from_our_description(tif.shaped_metadata[0].get("provenance"))
        )
    return SeriesHeader(optics=_lens(tif))


def _lens(tif: TiffFile) -> tuple[ChannelOptics, ...]:
    """Return the lens that EXIF tells, as in photographs that were developed to TIFF."""
    tag = tif.pages.first.tags.get("ExifTag")
    told = tag.value if tag is not None else None
    lens = str(told.get("LensModel") or "").strip("\0 ") if isinstance(told, dict) else ""
    return (ChannelOptics(lens=lens),) if lens else ()


def _from_ome(xml: str, series: int) -> SeriesHeader:
    image = ome_image(xml, series)
    if image is None:
        return SeriesHeader()
    pixels = image.find("{*}Pixels")
    attributes = {} if pixels is None else pixels.attrib
    channels = image.findall("{*}Pixels/{*}Channel")
    told = _from_json(image.findtext("{*}Description"))
    records = told.pop(RECORDS_KEY, None)
    return SeriesHeader(
        name=image.get("Name", "").strip(),
        channel_names=tuple(channel.get("Name", "").strip() for channel in channels),
        colours=tuple(_ome_colour(channel.get("Color")) for channel in channels),
        optics=tuple(_optics(channel) for channel in channels),
        # The OME schema's default is s.
        time_step_s=time_s(
            attributes.get("TimeIncrement"), attributes.get("TimeIncrementUnit", "s")
        ),
        provenance=_from_our_description(told),
        records=tuple(records) if isinstance(records, list) else (),
    )


def _optics(channel: Element) -> ChannelOptics:
    words = ("Name", "ContrastMethod", "AcquisitionMode", "IlluminationType", "Fluor")
    return ChannelOptics(*(channel.get(word, "").strip() for word in words))


def _ome_colour(value: str | None) -> Colour | None:
    """Return the colour that OME packs into a signed 32-bit number: red, green, blue, opacity."""
    try:
        packed = int(value or "") & 0xFFFFFFFF
    except ValueError:
        return None
    return packed >> 24, packed >> 16 & 0xFF, packed >> 8 & 0xFF


def _from_imagej(metadata: dict[str, Any]) -> SeriesHeader:
    provenance = _from_our_description(_from_json(metadata.get("Info")))
    labels = metadata.get("Labels") if provenance else None
    names = (labels,) if isinstance(labels, str) else tuple(labels or ())
    return SeriesHeader(
        channel_names=names if len(names) == metadata.get("channels") else (),
        provenance=provenance,
        colours=tuple(_ramp_colour(table) for table in metadata.get("LUTs") or ()),
        time_step_s=time_s(metadata.get("finterval"), metadata.get("tunit") or "s"),
    )


def _ramp_colour(table: Any) -> Colour | None:
    """Return the last colour of a look-up table that rises linearly from black, else None."""
    values = np.asarray(table)
    if values.shape != (3, 256):
        return None
    even = np.linspace(0, values[:, -1], 256, axis=1)
    if np.abs(values - even).max() > 1:  # more than rounding
        return None
    red, green, blue = (int(value) for value in values[:, -1])
    return red, green, blue


def _from_json(text: Any) -> dict[str, Any]:
    """Return a description if it is a JSON object; else an empty dict."""
    try:
        told = json.loads(text or "")
    except (TypeError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _from_our_description(value: Any) -> dict[str, Any] | None:
    if isinstance(value, dict) and value.get("software") == OWN_NAME:
        return value
    return None
