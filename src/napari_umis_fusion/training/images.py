"""The images that a network learns from: gathered, checked and split."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError, UmisFusionError
from napari_umis_fusion.files.listing import SUFFIXES
from napari_umis_fusion.grey import GreyConverter
from napari_umis_fusion.stack import Plane

Grey = NDArray[np.float32]

LEAST_IMAGES = 2
"""One to learn from and one to validate on."""

LEAST_SIDE_PX = 64

UNUSABLE = (UmisFusionError, OSError, ValueError)
"""What an image that is broken or of no use raises."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """Sharp grey images.

    Attributes
    ----------
    images : tuple of ndarray of shape (Y, X)
        float32, 0 to 1.
    names : tuple of str
        One for each.
    sources : tuple of str
        Where each comes from; sources are drawn alike, however many images they have.
    left_out : tuple of str
        What could not be used, each with the reason.
    """

    images: tuple[Grey, ...]
    names: tuple[str, ...]
    sources: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    def part(self, chosen: Iterable[int]) -> "ImageSet":
        """Return the images of these indices."""
        indices = list(chosen)
        return ImageSet(
            tuple(self.images[i] for i in indices),
            tuple(self.names[i] for i in indices),
            tuple(self.sources[i] for i in indices),
        )

    def split(self, share: float, seed: int) -> tuple["ImageSet", "ImageSet"]:
        """Split into images to learn from and images to validate on, never by patch.

        Raises
        ------
        StackError
            If there are too few for both.
        """
        if len(self) < LEAST_IMAGES:
            raise StackError(
                f"got {len(self)} usable image(s); training needs at least {LEAST_IMAGES}, one of "
                f"them to validate on. Give more images.{_reasons(self.left_out)}"
            )
        kept = min(max(1, round(share * len(self))), len(self) - 1)
        order = np.random.default_rng(seed).permutation(len(self))
        return self.part(sorted(order[kept:])), self.part(sorted(order[:kept]))


def gather_images(data: Any) -> ImageSet:
    """Gather sharp images to learn from.

    Parameters
    ----------
    data : path, array or sequence of them, or ImageSet
        Folders (searched for images, with their subfolders), files, arrays of shape (Y, X),
        (Y, X, 3), (Y, X, 4) or (Z, Y, X): every plane is an image.

    Returns
    -------
    ImageSet
        Unreadable and unusable ones are left out and listed.

    Raises
    ------
    StackError
        If a path does not exist, or nothing is usable.
    """
    if isinstance(data, ImageSet):
        return data
    images: list[tuple[Grey, str, str]] = []
    left_out: list[str] = []
    for name, source, item in _items(data):
        greys, reasons = _greys(item)
        images += [(grey, name, source) for grey in greys]
        left_out += [r if r.startswith(name) else f"{name}: {r}" for r in reasons]
    if not images:
        raise StackError(f"found no usable image.{_reasons(left_out)}")
    pictures, names, sources = zip(*images, strict=True)
    return ImageSet(pictures, names, sources, tuple(left_out))


def _items(data: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield name, source and content of what was given."""
    if isinstance(data, (str, os.PathLike)) or hasattr(data, "shape"):
        data = [data]
    for number, item in enumerate(data):
        if isinstance(item, (str, os.PathLike)):
            for path in _files(Path(item)):
                yield str(path), _source(path), path
        else:
            yield f"array {number}", f"array {number}", item


def _files(path: Path) -> Sequence[Path]:
    if not path.exists():
        raise StackError(f"{path} does not exist; give a folder of images, or images.")
    if path.is_file():
        return [path]
    return sorted(p for p in path.rglob("*") if _is_image(p))


def _is_image(path: Path) -> bool:
    return not path.name.startswith(".") and path.suffix.lower() in SUFFIXES and path.is_file()


def _source(path: Path) -> str:
    """Return the folder and the name without its number: what belongs together is named alike."""
    return f"{path.parent.name}/{path.stem.rstrip('0123456789').rstrip('_- ')}"


def _greys(item: Any) -> tuple[list[Grey], list[str]]:
    """Return the usable images of a file or an array, and what is wrong with the others."""
    from napari_umis_fusion.array_stack import as_stack

    greys: list[Grey] = []
    reasons: list[str] = []
    try:
        stack = as_stack(item if isinstance(item, Path) else _with_z(np.asarray(item)))
        convert = GreyConverter(stack, "auto")
    except UNUSABLE as error:
        return greys, [str(error)]
    for z in range(len(stack)):
        try:
            greys.append(_checked(_unit_grey(convert, stack.plane(z))))
        except UNUSABLE as error:
            reasons.append(f"plane {z}: {error}" if len(stack) > 1 else str(error))
    return greys, reasons


def _with_z(image: NDArray[Any]) -> NDArray[Any]:
    plane = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))
    return image[None] if plane else image


def _unit_grey(convert: GreyConverter, plane: Plane) -> Grey:
    return np.asarray(np.clip(convert(plane) / np.float32(255), 0, 1), np.float32)


def _checked(grey: Grey) -> Grey:
    if min(grey.shape) < LEAST_SIDE_PX:
        raise StackError(f"is {grey.shape[0]} x {grey.shape[1]} px; at least {LEAST_SIDE_PX} px.")
    if not np.isfinite(grey).all():
        raise StackError("has values that are infinite or not a number.")
    if np.ptp(grey) < 1e-3:
        raise StackError("is constant: there is nothing to learn from it.")
    return grey


def _reasons(left_out: Sequence[str]) -> str:
    if not left_out:
        return ""
    shown = "; ".join(left_out[:3]) + ("; ..." if len(left_out) > 3 else "")
    return f" Left out: {shown}"
