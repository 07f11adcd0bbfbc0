"""Files among planes that are no planes: thumbnails, copies, projections, own results."""

import filecmp
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_umis_fusion.files.names import parts_of_name, says_thumbnail
from napari_umis_fusion.files.read._listing import is_tiff
from napari_umis_fusion.files.read._quiet import quiet_tifffile
from napari_umis_fusion.files.read._suffixes import TIFF_SUFFIXES
from napari_umis_fusion.files.read._tiff_file import checked_tiff

OWN_NAME = "napari-umis-fusion"
"""Value of ``software`` in the provenance of this package."""

_HEAD_BYTES = 4096
_TINY = 4
"""A thumbnail is smaller than the planes by this factor or more, in both directions."""
_PREFERRED = (*TIFF_SUFFIXES, ".png", ".bmp", ".webp", ".jpg", ".jpeg")
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Kept:
    """Files that may be planes.

    Attributes
    ----------
    paths : list of pathlib.Path
        In the order given.
    notes : tuple of str
        What was left out, and why.
    gone : mapping of pathlib.Path to str
        Each file that was left out, with what it is.
    """

    paths: list[Path]
    notes: tuple[str, ...] = ()
    gone: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Glance:
    sides: tuple[int, int] | None
    is_own: bool = False
    is_projection: bool = False
    is_reduced: bool = False


def leave_out(paths: Sequence[Path]) -> Kept:
    """Leave out files that are no planes, with a note for each kind; never all files.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Two or more.

    Returns
    -------
    Kept
        Without results of this package, projections, thumbnails, and copies; where all planes are
        there in two formats, in the one that loses nothing.
    """
    glances = {path: _glance(path) for path in paths}
    sides = _usual_sides(glances)
    kinds = {
        "made by this program": {path for path in paths if glances[path].is_own},
        "projections along z": {path for path in paths if glances[path].is_projection},
        "thumbnails": {path for path in paths if _is_thumbnail(path, glances[path], sides)},
        "copies of other files": _copies(paths),
    }
    kept, notes = list(paths), []
    reasons: dict[Path, str] = {}
    for kind, found in kinds.items():
        gone = [path for path in kept if path in found]
        # If all are of one kind, they are what the user wants.
        if 0 < len(gone) < len(kept):
            kept = [path for path in kept if path not in found]
            notes.append(f"left out as {kind}: {named(gone)}")
            reasons |= dict.fromkeys(gone, kind)
    return _of_one_format(kept, notes, reasons)


def _usual_sides(glances: Mapping[Path, _Glance]) -> tuple[int, int] | None:
    """Return the sides of most files; where each plane has a thumbnail, those of the planes."""
    known = {path: glance.sides for path, glance in glances.items() if glance.sides}
    named = {path: sides for path, sides in known.items() if not says_thumbnail(path.stem)}
    counts = Counter((named or known).values())
    return max(counts, key=lambda sides: (counts[sides], sides), default=None)


def _glance(path: Path) -> _Glance:
    """Look at the first header; a broken file is judged when it is read as a plane."""
    try:
        with quiet_tifffile():
            return _glance_at_tiff(path) if is_tiff(path) else _glance_at_image(path)
    except Exception:
        return _Glance(None)


def _glance_at_tiff(path: Path) -> _Glance:
    with checked_tiff(path) as tif:
        page = tif.pages.first
        text = page.description
        return _Glance(
            sides=(page.imagelength, page.imagewidth),
            is_own=OWN_NAME in text,
            is_projection=page.is_metaseries and "Projection" in text,
            is_reduced=page.is_reduced,
        )


def _glance_at_image(path: Path) -> _Glance:
    # Where planes are no TIFF files, which need nothing of Pillow.
    from napari_umis_fusion.files.read._images import open_unlimited

    with path.open("rb") as file:
        is_own = OWN_NAME.encode() in file.read(_HEAD_BYTES)
    with open_unlimited(path) as image:
        return _Glance((image.height, image.width), is_own)


def _is_thumbnail(path: Path, glance: _Glance, usual: tuple[int, int] | None) -> bool:
    if glance.is_reduced:
        return True
    if glance.sides is None or usual is None or glance.sides == usual:
        return False
    is_tiny = all(_TINY * a <= b for a, b in zip(glance.sides, usual, strict=True))
    return is_tiny or says_thumbnail(path.stem)


def _copies(paths: Sequence[Path]) -> set[Path]:
    """Return files whose name holds that of another one, and whose bytes agree with it."""
    known = {_place(path, path.stem): path for path in paths}
    found = set()
    for path in paths:
        originals = (known.get(_place(path, part)) for part in parts_of_name(path.stem))
        if any(one and filecmp.cmp(one, path, shallow=False) for one in originals):
            found.add(path)
    return found


def _place(path: Path, stem: str) -> tuple[Path, str, str]:
    return path.parent, stem.casefold(), path.suffix.lower()


def _of_one_format(paths: list[Path], notes: list[str], reasons: dict[Path, str]) -> Kept:
    formats: dict[tuple[Path, str], set[str]] = defaultdict(set)
    for path in paths:
        formats[path.parent, path.stem.casefold()].add(path.suffix.lower())
    (first, *others) = formats.values()
    if len(first) < 2 or any(one != first for one in others):
        return Kept(paths, tuple(notes), reasons)
    best = min(first, key=_PREFERRED.index)
    gone = [path for path in paths if path.suffix.lower() != best]
    note = f"planes are there as {' and '.join(sorted(first))}; left out: {named(gone)}"
    reasons |= dict.fromkeys(gone, f"there as {best} too")
    kept = [path for path in paths if path.suffix.lower() == best]
    return Kept(kept, (*notes, note), reasons)


def named(paths: Sequence[Path]) -> str:
    """List the names of files, the first few of them."""
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(path.name for path in paths[:_SHOWN]) + more
