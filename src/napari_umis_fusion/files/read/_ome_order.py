"""Files of one plane each that their OME-XML arranges: their names may count anything."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from napari_umis_fusion.files.names import FileGrid, NameAxis, Place
from napari_umis_fusion.files.read._listing import is_tiff
from napari_umis_fusion.files.read._ome_sizes import ome_sizes
from napari_umis_fusion.files.read._quiet import quiet_tifffile
from napari_umis_fusion.files.read._tiff_file import checked_tiff
from napari_umis_fusion.stack import Kind

_AXES: tuple[tuple[str, Kind], ...] = (
    *(("P", "position"), ("T", "time"), ("C", "channel"), ("Z", "z")),
)
_SHOWN = 6
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
        With a note where it differs from `grid`, and on files of the set that are absent.
    """
    if [axis.letter for axis in grid.axes] != ["Z"]:
        return grid
    paths = [grid.files[place] for place in sorted(grid.files)]
    told, step_um = _told_places(paths[0])
    places = [told.get(path.name) for path in paths]
    known = [place for place in places if place is not None]
    if len(known) < len(paths) or len(set(known)) < len(paths):
        return grid
    entries = [sorted(set(numbers)) for numbers in zip(*known, strict=True)]
    varies = [k for k, numbers in enumerate(entries) if len(numbers) > 1]
    lost = sorted({place[-1] for place in told.values()} - set(entries[-1]))
    is_ordered = varies == [len(_AXES) - 1] and known == sorted(known)
    if is_ordered and not lost:
        return grid
    axes = tuple(_axis(*_AXES[k], entries[k], step_um if lost else None) for k in varies)
    files = {
        tuple(entries[k].index(place[k]) for k in varies): path
        for place, path in zip(known, paths, strict=True)
    }
    notes = (*(() if is_ordered else (_NOTE,)), *_absent(lost))
    return replace(grid, axes=axes, files=files, notes=notes, is_sure=True, skips=bool(lost))


def _axis(letter: str, kind: Kind, numbers: list[int], step_um: float | None) -> NameAxis:
    entries = tuple(f"{letter}{number}" for number in numbers)
    is_known = kind == "z" and step_um is not None
    places = tuple(number * abs(step_um or 0) for number in numbers) if is_known else None
    return NameAxis(letter, kind, entries, places)


def _absent(lost: list[int]) -> tuple[str, ...]:
    if not lost:
        return ()
    more = " ..." if len(lost) > _SHOWN else ""
    told = ", ".join(map(str, lost[:_SHOWN])) + more
    return (f"the OME description names files that are absent: z {told}; the others are used",)


def _told_places(path: Path) -> tuple[Mapping[str, Place], float | None]:
    """Return image, time point, channel and z of the first plane of each file of a set.

    The step between planes comes with it, in µm, or None.
    """
    found: dict[str, Place] = {}
    try:
        xml = _xml_of(path)
        for number, image in enumerate(ElementTree.fromstring(xml).findall("{*}Image")):
            for block in image.findall("{*}Pixels/{*}TiffData"):
                uuid = block.find("{*}UUID")
                name = None if uuid is None else uuid.get("FileName")
                t, c, z = (int(block.get(f"First{axis}", 0)) for axis in "TCZ")
                if name:
                    found.setdefault(Path(name).name, (number, t, c, z))
        return found, ome_sizes(xml, 0).sizes.z_step_um
    except Exception:  # what is wrong with the file is told when it is read
        return {}, None


def _xml_of(path: Path) -> str:
    if not is_tiff(path):
        return ""
    with quiet_tifffile(), checked_tiff(path) as tif:
        return tif.ome_metadata or ""
