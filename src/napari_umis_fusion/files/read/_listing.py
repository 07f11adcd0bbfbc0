"""Lists of image files from paths, globs and folders."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from natsort import natsorted, ns

from napari_umis_fusion.errors import StackFileError

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
SUFFIXES = (*TIFF_SUFFIXES, *IMAGE_SUFFIXES)

PathsLike = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def is_tiff(path: Path) -> bool:
    """Whether a file is a TIFF by its extension."""
    return path.suffix.lower() in TIFF_SUFFIXES


def list_files(source: PathsLike) -> list[Path]:
    """List the image files that a source names.

    Parameters
    ----------
    source : path, glob, folder or sequence of these
        A list keeps its order. Folders and globs are sorted in natural order (f2 before f10),
        without hidden files, subfolders and files of other kinds.

    Returns
    -------
    list of pathlib.Path
        At least one path; all exist.

    Raises
    ------
    StackFileError
        If a file is missing or of an unsupported kind, or a folder holds no image.
    """
    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    if not sources:
        msg = "got an empty list of files; accepted is at least one file."
        raise StackFileError(msg)
    return [path for entry in sources for path in _expand(entry)]


def _expand(entry: str | os.PathLike[str]) -> list[Path]:
    path = Path(entry).expanduser()
    if path.is_dir():
        return _in_natural_order(list(path.iterdir()), f"{path}: the folder holds no image")
    # Before globs, since brackets are legal in file names.
    if path.exists():
        return [_supported(path)]
    if glob.has_magic(str(path)):
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]
        return _in_natural_order(found, f"{path}: no image matches")
    msg = f"{path}: no such file or folder. Check the path."
    raise StackFileError(msg)


def _in_natural_order(paths: list[Path], problem: str) -> list[Path]:
    images = [path for path in paths if _is_image(path)]
    if not images:
        msg = f"{problem}; accepted are {', '.join(SUFFIXES)}."
        raise StackFileError(msg)
    return natsorted(images, key=str, alg=ns.PATH | ns.IGNORECASE)


def _is_image(path: Path) -> bool:
    # Hidden files are skipped: macOS writes "._name.tif" beside images on foreign file systems.
    return not path.name.startswith(".") and path.suffix.lower() in SUFFIXES and path.is_file()


def _supported(path: Path) -> Path:
    if path.suffix.lower() not in SUFFIXES:
        msg = f"{path}: unknown kind of file; accepted are {', '.join(SUFFIXES)}."
        raise StackFileError(msg)
    return path
