"""Lists of image files from paths, globs and folders."""

import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.names import counts
from napari_umis_fusion.files.read._content import held_format, renamed_image
from napari_umis_fusion.files.read._other_formats import (
    bioio_is_installed,
    is_for_bioio,
    kind_of_file,
    way_to_read,
)
from napari_umis_fusion.files.read._suffixes import SUFFIXES, TIFF_SUFFIXES
from napari_umis_fusion.runtime import naming_faults, user_path

COMPANION = ".companion.ome"
"""End of the name of a file that holds the OME-XML of several image files."""

PathsLike = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_DIGIT, _DIGITS = re.compile("[0-9]"), re.compile("[0-9]+")

_DEPTH = 2
"""Folders of folders are searched this deep, where a folder itself holds no image."""

_MOST_FOLDERS = 100
"""Folders in which images are looked for, to name them in an error."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Image files that a source names.

    Attributes
    ----------
    paths : list of pathlib.Path
        At least one; all exist.
    keeps_order : bool
        Whether the user listed them; else they are in natural order.
    unread : tuple of pathlib.Path
        Files of the folder that are named like its images, but of a kind that is not read.
    """

    paths: list[Path]
    keeps_order: bool
    unread: tuple[Path, ...] = ()


def is_tiff(path: Path) -> bool:
    """Whether a file is read as TIFF, or describes a set of TIFFs.

    The content of an image decides, since cameras and programs write PNG and JPEG as .tif; where
    it cannot be told, as of files that are broken or not there yet, its extension.
    """
    suffix = path.suffix.lower()
    held = held_format(path) if suffix in SUFFIXES else None
    return is_companion(path) or (suffix in TIFF_SUFFIXES if held is None else held == "TIFF")


def is_companion(path: Path) -> bool:
    """Whether a file holds the OME-XML of a set of image files."""
    return path.name.lower().endswith(COMPANION)


def given_paths(source: PathsLike) -> list[str | os.PathLike[str]]:
    """Return the paths of a source, which may be a single one; they need not exist.

    Raises
    ------
    StackFileError
        If it is no path, or holds something else.
    """
    if isinstance(source, (str, os.PathLike)):
        return [source]
    held = list(source) if isinstance(source, Sequence) else [source]
    others = [one for one in held if not isinstance(one, (str, os.PathLike))]
    if others:
        msg = (
            f"got {type(others[0]).__name__} where the path of a file is; accepted are a path, a "
            "pattern, a folder, or a list of paths. fuse and as_stack take arrays."
        )
        raise StackFileError(msg)
    return held


def list_files(source: PathsLike) -> list[Path]:
    """List the image files that a source names; see `list_source`."""
    return list_source(source).paths


def list_source(source: PathsLike) -> Listing:
    """List the image files that a source names.

    Parameters
    ----------
    source : path, glob, folder or sequence of these
        A list keeps its order. Folders and globs are sorted in natural order (f2 before f10),
        without hidden files and files of other kinds. Subfolders are searched only where the
        folder holds no image and their names count, as where each time point has its own. A
        folder with one companion file (.companion.ome) stands for that file.

    Returns
    -------
    Listing
        At least one path; all exist.

    Raises
    ------
    StackFileError
        If a file is missing or of an unsupported kind, or a folder holds no image.
    """
    sources = given_paths(source)
    if not sources:
        msg = "got an empty list of files; accepted is at least one file."
        raise StackFileError(msg)
    paths = [path for entry in sources for path in _expand(entry)]
    alone = next(filter(is_for_bioio, paths), None)
    if alone is not None and len(paths) > 1:
        msg = f"{alone}: is no plane of a stack, but a file of its own; open it alone."
        raise StackFileError(msg)
    folders = [folder for entry in sources if (folder := user_path(entry)).is_dir()]
    unread = _named_alike(folders[0], paths) if folders and len(sources) == 1 else ()
    return Listing(paths, keeps_order=len(sources) > 1, unread=unread)


def in_natural_order(listing: Listing) -> Listing:
    """Return a list of files as if they had come from a folder."""
    return replace(listing, paths=_in_order(listing.paths), keeps_order=False)


def _named_alike(folder: Path, images: Sequence[Path]) -> tuple[Path, ...]:
    """Return files that may be planes by their names, such as z3.heic or z3.tif.part among TIFFs.

    What stands beside an image under its name describes it, or is its raw file.
    """
    stems = {path.stem.casefold() for path in images}
    schemes = {_DIGITS.sub("0", stem) for stem in stems if _DIGITS.search(stem)}
    found = []
    for path in sorted(folder.iterdir()):
        inner = Path(path.stem)
        stem = (inner.stem if inner.suffix.lower() in SUFFIXES else path.stem).casefold()
        is_alike = stem not in stems and _DIGITS.sub("0", stem) in schemes
        if is_alike and path.suffix.lower() not in SUFFIXES and path.is_file():
            found.append(path)
    return tuple(found)


def _expand(entry: str | os.PathLike[str]) -> list[Path]:
    path = user_path(entry)
    if path.is_dir():
        return _in_folder(path)
    # Before globs, since brackets are legal in file names.
    if path.exists():
        return [_supported(path)]
    if glob.has_magic(str(path)):
        return _in_natural_order(_matching(path), f"{path}: no image matches", _hint(path))
    if path.is_symlink():
        raise StackFileError(_dangling(path))
    msg = f"{path}: no such file or folder. Check the path."
    raise StackFileError(msg)


def _matching(path: Path) -> list[Path]:
    """Return what matches a pattern; folders that exist are taken by their name first."""
    for parent in path.parents:
        if glob.has_magic(str(parent)) and parent.is_dir():
            path = Path(glob.escape(str(parent))) / path.relative_to(parent)
            break
    return [Path(name) for name in glob.glob(str(path), recursive=True)]


def _hint(path: Path) -> str:
    if "[" not in str(path):
        return ""
    return " In a pattern, [ ] stand for one of the characters between them; write [[] for [."


def _in_folder(folder: Path) -> list[Path]:
    entries = _entries(folder)
    companions = [path for path in entries if is_companion(path) and path.is_file()]
    if len(companions) == 1:
        return companions
    for _ in range(_DEPTH):
        if any(_is_image(path) for path in entries):
            break
        folders = [path for path in entries if path.is_dir() and not path.name.startswith(".")]
        # Only folders that count something, such as ZStep_1: others have nothing in common.
        if not counts([path.name for path in folders]):
            break
        entries = [path for one in folders for path in _entries(one)]
    hint = way_to_read(folder) or _where_images_are(entries)
    return _in_natural_order(entries, f"{folder}: the folder holds no image", hint)


def _entries(folder: Path) -> list[Path]:
    with naming_faults(folder, StackFileError, "cannot be read", "see that you may read it"):
        return sorted(folder.iterdir())


def _where_images_are(entries: Sequence[Path]) -> str:
    """Return a sentence that names the folders that hold images, of those in a folder."""
    folders = [path for path in entries if path.is_dir() and not path.name.startswith(".")]
    found = [path for path in folders[:_MOST_FOLDERS] if _holds_image(path)]
    if not found:
        deeper = " Folders in its folders are searched by umis-fusion batch."
        return deeper if any(map(_holds_folder, folders)) else ""
    if len(found) == 1:
        return f" Its folder {found[0].name} holds images: give {found[0]}."
    named = f"{found[0].name} and {found[1].name}"
    more = f" (such as {named})" if len(folders) > 2 else f" ({named})"
    return f" Its folders{more} hold images: give one, or fuse all with umis-fusion batch."


def _holds_image(folder: Path) -> bool:
    try:
        return any(path.suffix.lower() in SUFFIXES for path in folder.iterdir())
    except OSError:  # a folder that may not be read, or links in a circle
        return False


def _holds_folder(path: Path) -> bool:
    try:
        return any(one.is_dir() for one in path.iterdir())
    except OSError:
        return False


def _in_natural_order(paths: Iterable[Path], problem: str, hint: str = "") -> list[Path]:
    entries = list(paths)
    images = [path for path in entries if _is_image(path)]
    alone = [path for path in entries if is_for_bioio(path)]
    if not images and len(alone) == 1 and bioio_is_installed():
        return alone
    if not images:
        hints = (way_to_read(path) or renamed_image(path) for path in entries)
        hint = hint or next(filter(None, hints), "")
        msg = f"{problem}; accepted are {', '.join(SUFFIXES)}.{hint}"
        raise StackFileError(msg)
    return _in_order(images)


def _in_order(paths: Sequence[Path]) -> list[Path]:
    """Return files in natural order."""
    if len({_DIGIT.sub("0", str(path)) for path in paths}) < 2:
        # They differ in numbers of as many digits, whose order is that of their characters.
        return sorted(paths, key=str)
    from natsort import natsorted, ns  # here: its import takes longer than small stacks

    return natsorted(paths, key=str, alg=ns.PATH | ns.IGNORECASE)


def _is_image(path: Path) -> bool:
    # Hidden files are skipped: macOS writes "._name.tif" beside images on foreign file systems.
    if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
        return False
    if path.is_symlink() and not path.exists():
        raise StackFileError(_dangling(path))
    if path.exists() and not path.is_file() and not path.is_dir():
        msg = f"{path}: is a pipe or a device, so a plane would be missing. Remove it."
        raise StackFileError(msg)
    return path.is_file()


def _dangling(path: Path) -> str:
    return (
        f"{path}: is a link to {os.readlink(path)}, which does not exist, so a plane would be "
        "missing. Copy the file there, or remove the link."
    )


def _supported(path: Path) -> Path:
    is_read = path.suffix.lower() in SUFFIXES or is_companion(path)
    if not is_read and not (is_for_bioio(path) and bioio_is_installed()):
        msg = (
            f"{path}: {kind_of_file(path)}; accepted are {', '.join(SUFFIXES)}."
            f"{way_to_read(path) or renamed_image(path)}"
        )
        raise StackFileError(msg)
    if not path.is_file():
        msg = f"{path}: is a pipe or a device; accepted are files and folders."
        raise StackFileError(msg)
    return path
