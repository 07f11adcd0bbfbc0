"""Files of one plane each that their OME-XML arranges: their names may count anything."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from napari_umis_fusion.files.names import FileGrid, NameAxis, Place
from napari_umis_fusion.files.read._listing import is_tiff
from napari_umis_fusion.files.read._quiet import quiet_tifffile
from napari_umis_fusion.files.read._tiff_file import checked_tiff
from napari_umis_fusion.stack import Kind

_AXES: tuple[tuple[str, Kind], ...] = (
    *(("P", "position"), ("T", "time"), ("C", "channel"), ("Z", "z")),
)
_NOTE = "files are arranged as their OME description says, not by what their names count"


def in_told_order(grid: FileGrid) -> FileGrid:
    """Return files along the axes that the OME-XML of the first one tells for all of them.

    Parameters
    ----------
    grid : FileGrid
        Files along one axis that may be z, or none; others are returned as they are.

    Returns
    -------
    FileGrid
        With a note where it differs from `grid`.
    """
    if [axis.letter for axis in grid.axes] != ["Z"]:
        return grid
    paths = [grid.files[place] for place in sorted(grid.files)]
    told = _told_places(paths[0])
    places = [told.get(path.name) for path in paths]
    known = [place for place in places if place is not None]
    if len(known) < len(paths) or len(set(known)) < len(paths):
        return grid
    entries = [sorted(set(numbers)) for numbers in zip(*known, strict=True)]
    varies = [k for k, numbers in enumerate(entries) if len(numbers) > 1]
    if varies == [len(_AXES) - 1] and known == sorted(known):
        return grid
    axes = tuple(_axis(*_AXES[k], entries[k]) for k in varies)
    files = {
        tuple(entries[k].index(place[k]) for k in varies): path
        for place, path in zip(known, paths, strict=True)
    }
    return replace(grid, axes=axes, files=files, notes=(_NOTE,), is_sure=True, skips=False)


def _axis(letter: str, kind: Kind, numbers: list[int]) -> NameAxis:
    return NameAxis(letter, kind, tuple(f"{letter}{number}" for number in numbers))


def _told_places(path: Path) -> Mapping[str, Place]:
    """Return image, time point, channel and z of the first plane of each file of a set."""
    try:
        root = ElementTree.fromstring(_xml_of(path))
        found: dict[str, Place] = {}
        for number, image in enumerate(root.findall("{*}Image")):
            for block in image.findall("{*}Pixels/{*}TiffData"):
                uuid = block.find("{*}UUID")
                name = None if uuid is None else uuid.get("FileName")
                t, c, z = (int(block.get(f"First{axis}", 0)) for axis in "TCZ")
                if name:
                    found.setdefault(Path(name).name, (number, t, c, z))
    except Exception:  # what is wrong with the file is told when it is read
        return {}
    return found


def _xml_of(path: Path) -> str:
    if not is_tiff(path):
        return ""
    with quiet_tifffile(), checked_tiff(path) as tif:
        return tif.ome_metadata or ""
