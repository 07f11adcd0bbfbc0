"""Read images in files and arrays as grey images for training."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError, UmisFusionError
from napari_umis_fusion.files.read import SUFFIXES, as_stack
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import user_path
from napari_umis_fusion.stack import Plane, Stack
from napari_umis_fusion.training.data._training_data import NamedData

Grey = NDArray[np.float32]

MIN_SIDE_PX = 64
"""Smallest side of a training image."""

UNUSABLE = (UmisFusionError, OSError, ValueError)
"""Errors of unreadable or unusable images."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageSource:
    """One image, or several in one file or array.

    Attributes
    ----------
    name, source : str
        As in `ImageSet`.
    content : Path, array or Stack
        The image, not read yet.
    """

    name: str
    source: str
    content: Any


@dataclass(frozen=True, slots=True, eq=False)
class ReadImages:
    """The images of a source with their names, and the reasons why others are unusable."""

    greys: list[tuple[str, Grey]]
    reasons: list[str]


def list_sources(data: Iterable[Any], check: Callable[[], object]) -> list[ImageSource]:
    """Return all image sources; folders are searched.

    Parameters
    ----------
    data : iterable
        As `TrainingData.images`.
    check : callable
        Called repeatedly; raises to end a long search.

    Raises
    ------
    StackError
        If a path does not exist.
    """
    return list(_each(data, check))


def read_source(item: ImageSource, check: Callable[[], object]) -> ReadImages:
    """Read the usable images of a source, with the reasons why others are unusable."""
    read = ReadImages([], [])
    try:
        stack = _opened(item.content)
        convert = GreyConverter(stack, "auto")
    except UNUSABLE as error:
        read.reasons.append(_reason(item.name, str(error)))
        return read
    for z in range(len(stack)):
        check()
        name = f"{item.name} plane {z}" if len(stack) > 1 else item.name
        try:
            read.greys.append((name, _checked(unit_grey(convert, stack.plane(z)))))
        except UNUSABLE as error:
            read.reasons.append(_reason(name, str(error)))
    return read


def unit_grey(convert: GreyConverter, plane: Plane) -> Grey:
    """Return the grey image of a plane, 0 to 1."""
    return np.asarray(np.clip(convert(plane) / np.float32(255), 0, 1), np.float32)


def is_path(data: Any) -> bool:
    """Return whether data is a path."""
    return isinstance(data, (str, os.PathLike))


def _each(data: Iterable[Any], check: Callable[[], object]) -> Iterator[ImageSource]:
    for number, given in enumerate(data):
        named = given if isinstance(given, NamedData) else NamedData("", given)
        if is_path(named.data):
            for path in _files(user_path(named.data), check):
                yield ImageSource(str(path), named.source or named.name or _source(path), path)
        else:
            name = named.name or f"array {number}"
            yield ImageSource(name, named.source or name, named.data)


def _files(path: Path, check: Callable[[], object]) -> Sequence[Path]:
    if not path.exists():
        raise StackError(f"{path} does not exist; give a folder of images, or image files.")
    if path.is_file():
        return [path]
    found: list[Path] = []
    for folder in _folders(path):
        for entry in folder.iterdir():
            check()
            if _is_image(entry):
                found.append(entry)
    return sorted(found)


def _folders(root: Path) -> Iterator[Path]:
    """Yield a folder and those in it, each once: links may lead in circles."""
    seen: set[tuple[int, int]] = set()
    for name, folders, _ in os.walk(root, followlinks=True):
        status = os.stat(name)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        yield Path(name)


def _is_image(path: Path) -> bool:
    return not path.name.startswith(".") and path.suffix.lower() in SUFFIXES and path.is_file()


def _source(path: Path) -> str:
    """Return the folder and the name without its number: images of one series share both."""
    return f"{path.parent.name}/{path.stem.rstrip('0123456789').rstrip('_- ')}"


def _opened(content: Any) -> Stack:
    if isinstance(content, (Path, Stack)):
        return as_stack(content)
    image = np.asarray(content)
    plane = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))
    return as_stack(image[np.newaxis] if plane else image)


def _checked(grey: Grey) -> Grey:
    if min(grey.shape) < MIN_SIDE_PX:
        raise StackError(
            f"is {grey.shape[0]} x {grey.shape[1]} px; at least {MIN_SIDE_PX} px per side."
        )
    if not np.isfinite(grey).all():
        raise StackError("has values that are infinite or not a number.")
    if np.ptp(grey) < 1e-3:
        raise StackError("is constant, without any detail.")
    return grey


def _reason(name: str, text: str) -> str:
    return text if text.startswith(name) else f"{name}: {text}"
