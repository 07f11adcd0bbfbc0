"""The folders of a batch, and the files in each."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from natsort import natsorted, ns

from napari_umis_fusion.batch._grouping import LeftOut
from napari_umis_fusion.batch._record import RECORD
from napari_umis_fusion.files.names import kind_of_word, tokens_of
from napari_umis_fusion.files.ome_zarr import is_zarr
from napari_umis_fusion.files.read import SUFFIXES, is_companion


@dataclass(frozen=True, slots=True)
class Place:
    """Files among which stacks are told apart.

    Attributes
    ----------
    name : str
        Name of the result if all are planes of one stack.
    inner : str
        Folder of the results if they are several; empty for that of all results.
    files : tuple of Path
        In natural order.
    """

    name: str
    inner: str
    files: tuple[Path, ...]


def list_folder(
    folder: Path, name: str, inner: str, output: Path | None, left_out: list[LeftOut]
) -> Iterator[Place]:
    """Yield the files of a folder, and of its subfolders, without what is hidden.

    Folders of Zarr count as files.

    Parameters
    ----------
    folder : Path
        Which.
    name, inner : str
        As in `Place`.
    output : Path or None
        Folder of results, which is passed over, as are those of other batches.
    left_out : list of LeftOut
        What is not looked into is added.
    """
    try:
        files, folders = _entries(folder)
    except OSError as error:
        left_out.append(LeftOut(folder, f"cannot be read ({error.strerror or error})"))
        return
    if any(path.name == RECORD for path in files):
        left_out.append(LeftOut(folder, "holds the results of a batch"))
        return
    if not any(_is_image(path) for path in files) and _count_planes(folders):
        yield Place(name, inner, tuple(_planes_below(folders)))
        folders = []
    if files:
        yield Place(name, inner, tuple(_of_companion(files)))
    for path in folders:
        if output is not None and output.exists() and path.samefile(output):
            left_out += _foreign(output)
        elif path.is_symlink():
            left_out.append(LeftOut(path, "is a link to a folder, which may lead in circles"))
        else:
            below = f"{inner}/{path.name}" if inner else path.name
            yield from list_folder(path, below, below, output, left_out)


def _foreign(output: Path) -> list[LeftOut]:
    """Tell what lies in the folder of results before a batch is there: it may be stacks."""
    if (output / RECORD).exists() or not any(_entries(output)):
        return []
    return [LeftOut(output, "is the folder of results, in which no stacks are looked for")]


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    names = natsorted(os.listdir(folder), alg=ns.IGNORECASE)
    paths = [folder / name for name in names if not name.startswith(".")]
    known = {path: path.is_dir() and not is_store(path) for path in paths}
    return [path for path in paths if not known[path]], [path for path in paths if known[path]]


def is_store(path: Path) -> bool:
    """Whether a folder is one of Zarr, in which no other files are looked for."""
    return path.is_dir() and (path.suffix.lower() == ".zarr" or is_zarr(path))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _of_companion(files: list[Path]) -> list[Path]:
    """Return only the description of a set of files, where a folder holds one."""
    companions = [path for path in files if is_companion(path)]
    return companions if len(companions) == 1 else files


def _count_planes(folders: list[Path]) -> bool:
    """Whether the names of folders count planes, and say so, as ZStep_1 and ZStep_2 do."""
    return len(folders) > 1 and all(_says_z(path.name) for path in folders)


def _says_z(name: str) -> bool:
    tokens = tokens_of(name)
    if len(tokens) != 2:
        return False
    word, number = tokens
    return number.kind == "number" and kind_of_word(word.text) == "z"


def _planes_below(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        files, _ = _entries(folder)
        yield from files
