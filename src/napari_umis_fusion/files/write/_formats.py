"""Output formats, and what each can hold."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.runtime import first_same, reason_of, user_path
from napari_umis_fusion.stack import ACCEPTED_DTYPES

_EXTENSION = re.compile(r"\.[A-Za-z]\w{0,4}")


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """An output format.

    Attributes
    ----------
    name : str
        Name of the format.
    suffixes : tuple of str
        Extensions in lower case.
    dtypes : tuple of str
        Names of the dtypes that it preserves.
    samples : tuple of int, or None
        Accepted numbers of colour samples (1 is grey); None for any, channels included.
    """

    name: str
    suffixes: tuple[str, ...]
    dtypes: tuple[str, ...]
    samples: tuple[int, ...] | None


OME_TIFF = OutputFormat("OME-TIFF", (".ome.tif", ".ome.tiff"), ACCEPTED_DTYPES, None)
TIFF = OutputFormat("TIFF", (".tif", ".tiff"), ACCEPTED_DTYPES, None)
# Floats of 16 bits become 32, and bool 0 and 255, as ImageJ's masks are.
_IMAGEJ_DTYPES = ("bool", "uint8", "uint16", "float16", "float32")
IMAGEJ = OutputFormat("ImageJ TIFF", (".imagej.tif", ".imagej.tiff"), _IMAGEJ_DTYPES, None)
PNG = OutputFormat("PNG", (".png",), ("bool", "uint8", "uint16"), (1, 3, 4))
JPEG = OutputFormat("JPEG", (".jpg", ".jpeg"), ("uint8",), (1, 3))

# TIFF after those whose extensions end in ".tif", too.
OUTPUT_FORMATS = (OME_TIFF, IMAGEJ, TIFF, PNG, JPEG)


def output_format(path: Path) -> OutputFormat:
    """Return the format of a file name's extension.

    Raises
    ------
    StackFileError
        If no format has this extension.
    """
    for candidate in OUTPUT_FORMATS:
        if path.name.lower().endswith(candidate.suffixes):
            return candidate
    extensions = ", ".join(suffix for known in OUTPUT_FORMATS for suffix in known.suffixes)
    msg = f"{path}: cannot write this kind of file; accepted extensions are {extensions}."
    raise StackFileError(msg)


def with_extension(path: str | os.PathLike[str], wanted: OutputFormat) -> Path:
    """Return a path with the extension of a format, unless it has one: 'beads 0.5' has none."""
    target = user_path(path)
    if _EXTENSION.fullmatch(target.suffix):
        return target
    return target.with_name(target.name + wanted.suffixes[0])


def check_output_path(
    path: str | os.PathLike[str],
    *,
    protect: Iterable[str | os.PathLike[str]] = (),
    dtype: DTypeLike | None = None,
    channels: int | None = None,
    rgb: bool = False,
) -> Path:
    """Refuse, before any computation, an output that cannot or must not be written.

    Parameters
    ----------
    path : path
        The output file. An existing file is accepted: it will be replaced.
    protect : iterable of path
        Files that must not be overwritten, such as the stack's `sources`.
    dtype : dtype, optional
        Dtype of the image; not checked by default.
    channels : int, optional
        Size of the image's channel axis, if it has one.
    rgb : bool
        Whether the channels are colour samples rather than microscope channels.

    Returns
    -------
    pathlib.Path
        Absolute path, with symbolic links resolved.

    Raises
    ------
    StackFileError
        If the extension is unknown, the format cannot hold the dtype or channels, the folder is
        missing or not writable, or the path is a folder or a protected file.
    """
    target = user_path(path)
    _check_name(target)
    wanted = output_format(target)
    if dtype is not None:
        _check_dtype(target, wanted, np.dtype(dtype).name, channels, rgb=rgb)
    _check_channels(target, wanted, channels, rgb=rgb)
    return _check_target(target, protect)


def check_csv_path(
    path: str | os.PathLike[str], *, protect: Iterable[str | os.PathLike[str]] = ()
) -> Path:
    """Refuse, before any computation, a table that cannot or must not be written.

    Parameters
    ----------
    path : path
        The file of the table. An existing file is accepted: it will be replaced.
    protect : iterable of path
        Files that must not be overwritten.

    Returns
    -------
    pathlib.Path
        Absolute path, with symbolic links resolved.

    Raises
    ------
    StackFileError
        If the extension is not .csv, the folder is missing or not writable, or the path is a
        folder or a protected file.
    """
    target = user_path(path)
    _check_name(target)
    if target.suffix.lower() != ".csv":
        msg = f"{target}: tables are written as CSV; accepted is a file name that ends in .csv."
        raise StackFileError(msg)
    return _check_target(target, protect)


def _check_target(target: Path, protect: Iterable[str | os.PathLike[str]]) -> Path:
    """Return the file to write, absolute; raises `StackFileError` if it cannot or must not be."""
    _check_place(target)
    source = first_same(target, protect)
    if source is not None:
        known = "" if source.name == target.name else f" (as {source})"
        msg = f"{target}: is an input, which is never overwritten{known}. Choose another name."
        raise StackFileError(msg)
    return target.resolve()


def _check_dtype(
    path: Path, wanted: OutputFormat, dtype: str, channels: int | None, *, rgb: bool
) -> None:
    known = {form.name: form.dtypes for form in OUTPUT_FORMATS}
    if channels not in (None, 1):  # PNG has one bit per pixel for grey only
        known[PNG.name] = tuple(one for one in PNG.dtypes if one != "bool")
        if rgb:
            known[IMAGEJ.name] = ("uint8",)
    if dtype in known[wanted.name]:
        return
    keeping = [name for name, dtypes in known.items() if dtype in dtypes]
    advice = f"{', '.join(keeping)} keep it" if keeping else "no format keeps it"
    msg = f"{path}: {wanted.name} cannot hold {dtype} as it is; {advice}."
    raise StackFileError(msg)


def _check_channels(path: Path, wanted: OutputFormat, channels: int | None, *, rgb: bool) -> None:
    if wanted is IMAGEJ and rgb and channels == 4:
        msg = f"{path}: ImageJ TIFF holds no opacity; OME-TIFF, TIFF and PNG hold it."
        raise StackFileError(msg)
    if wanted.samples is None or channels in (None, 1):
        return
    if rgb and channels in wanted.samples:
        return
    what = f"{channels} {'colour samples' if rgb else 'microscope channels'}"
    held = " or ".join({1: "grey", 3: "RGB", 4: "RGBA"}[count] for count in wanted.samples)
    msg = f"{path}: {wanted.name} holds {held}, not {what}; OME-TIFF and TIFF hold them."
    raise StackFileError(msg)


def _check_place(path: Path) -> None:
    """Refuse a path that no file can have here; raises `StackFileError`."""
    try:
        _check_folder(path)
    except StackFileError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # too long, or links in a circle
        msg = f"{path}: no file can have this name ({reason_of(error)}). Choose another."
        raise StackFileError(msg) from error


def _check_name(path: Path) -> None:
    """Refuse what names no file, before its extension is judged; raises `StackFileError`."""
    if os.path.isdir(path):
        raise StackFileError(f"{path}: is a folder; give the name of a file, in it or elsewhere.")


def _check_folder(path: Path) -> None:
    # The folder that a symbolic link points into is the one to write to.
    parent = path.resolve().parent
    if parent.exists() and not parent.is_dir():
        msg = f"{path}: {parent} is a file, in which no other can be; choose a folder."
        raise StackFileError(msg)
    if not parent.is_dir():
        msg = f"{path}: the folder {parent} does not exist; make it first."
        raise StackFileError(msg)
    if not os.access(parent, os.W_OK):
        msg = f"{path}: the folder {parent} cannot be written to; choose another."
        raise StackFileError(msg)
