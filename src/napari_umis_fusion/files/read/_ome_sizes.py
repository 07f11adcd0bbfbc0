"""Physical sizes in OME-XML, in µm."""

import math
from collections.abc import Mapping
from xml.etree import ElementTree

from napari_umis_fusion.files.read._told_sizes import ToldSizes, signed_um, unknown_unit_note
from napari_umis_fusion.stack import Calibration, length_um, number_of

_Positions = dict[tuple[int, int], dict[int, float]]
"""Position of each plane in µm, by time point and channel, then by z."""


def ome_image(xml: str, series: int) -> ElementTree.Element | None:
    """Return the element of OME-XML that describes a series; None if it is broken or absent."""
    try:
        images = ElementTree.fromstring(xml).findall(".//{*}Image")
    except ElementTree.ParseError:
        return None
    return images[series] if series < len(images) else None


def ome_sizes(xml: str, series: int) -> ToldSizes:
    """Return the physical sizes and the positions of planes of a series.

    Parameters
    ----------
    xml : str
        OME-XML.
    series : int
        Index of the image.

    Returns
    -------
    ToldSizes
        Positions are those of the first channel and time point that have any.
    """
    image = ome_image(xml, series)
    pixels = None if image is None else image.find("{*}Pixels")
    if pixels is None:
        return ToldSizes()
    step, height, width = (_physical_size(pixels.attrib, axis) for axis in "ZYX")
    found, has_unit = _positions(pixels)
    positions = found[min(found)] if found else {}
    units = [pixels.get(f"PhysicalSize{axis}Unit", "") for axis in "ZYX"]
    notes = unknown_unit_note(*units)
    if positions and not has_unit and step is None:
        notes = (*notes, "the positions of planes have no unit; they are taken as µm")
    elif positions and not has_unit:
        # Without a unit they only count where they fit the step that has one.
        positions = positions if _fit(positions, step or 0.0) else {}
        found = found if positions else {}
    sizes = Calibration(step, abs(height) if height else None, abs(width) if width else None)
    return ToldSizes(sizes, positions, notes, _of_files(pixels, found))


def _physical_size(attributes: Mapping[str, str], axis: str) -> float | None:
    # The OME schema's default is µm.
    unit = attributes.get(f"PhysicalSize{axis}Unit", "µm")
    return signed_um(attributes.get(f"PhysicalSize{axis}"), unit)


def _positions(pixels: ElementTree.Element) -> tuple[_Positions, bool]:
    """Return the positions of planes, and whether they have a unit of length."""
    found: _Positions = {}
    units = set()
    for plane in pixels.findall("{*}Plane"):
        unit = plane.get("PositionZUnit", "")
        try:
            value = number_of(plane.get("PositionZ", "nan"))
            z, t, c = (int(plane.get(f"The{axis}", 0)) for axis in "ZTC")
        except ValueError:
            continue
        um = math.copysign(length_um(abs(value) or 1, unit or "µm") or math.nan, value)
        if math.isfinite(value) and math.isfinite(um):
            units.add(bool(unit))
            found.setdefault((t, c), {})[z] = um if value else 0.0
    return found, units == {True}


def _of_files(pixels: ElementTree.Element, positions: _Positions) -> dict[str, float]:
    """Return the position of the first plane in each file of a set, by the name of the file."""
    files: dict[str, float] = {}
    for block in pixels.findall("{*}TiffData"):
        uuid = block.find("{*}UUID")
        name = None if uuid is None else uuid.get("FileName")
        try:
            z, t, c = (int(block.get(f"First{axis}", 0)) for axis in "ZTC")
        except ValueError:
            continue
        place = positions.get((t, c), {}).get(z)
        if name and place is not None:
            files.setdefault(name, place)
    return files


def _fit(positions: Mapping[int, float], step_um: float) -> bool:
    """Whether the mean step between positions is about `step_um`."""
    low, high = min(positions), max(positions)
    if low == high:
        return False
    mean = abs(positions[high] - positions[low]) / (high - low)
    return math.isclose(mean, abs(step_um), rel_tol=0.1)
