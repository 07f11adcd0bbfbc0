"""A set of training images: split, saved and loaded."""

import json
import math
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError, StackFileError
from napari_umis_fusion.runtime import (
    atomic_write,
    checked,
    naming_faults,
    open_regular,
    parse_json,
    user_path,
)
from napari_umis_fusion.training._schema import ImagesEntry

Grey = NDArray[np.float32]

MIN_IMAGES = 2
"""One for training and one for validation."""

MAX_BYTES = 2**36
"""More than any memory holds."""

_ABOUT = "about"
_KIND = "napari-umis-fusion images"


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """Sharp grey images.

    Attributes
    ----------
    images : tuple of ndarray of shape (Y, X)
        float32, 0 to 1.
    names : tuple of str
        Name of each image.
    sources : tuple of str
        Source of each image; all sources are drawn with the same probability.
    left_out : tuple of str
        Images that could not be used, each with the reason.
    """

    images: tuple[Grey, ...]
    names: tuple[str, ...]
    sources: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def part(self, chosen: Iterable[int]) -> "ImageSet":
        """Return the images with these indices."""
        indices = list(chosen)
        return ImageSet(
            tuple(self.images[i] for i in indices),
            tuple(self.names[i] for i in indices),
            tuple(self.sources[i] for i in indices),
        )

    def split(self, share: float, seed: int) -> tuple["ImageSet", "ImageSet"]:
        """Split into a training set and a validation set, by image and never by patch.

        Raises
        ------
        StackError
            If there are too few for both.
        """
        learn, held_out, _ = self.split_indices(share, 0.0, seed)
        return self.part(learn), self.part(held_out)

    def split_with_test(
        self, validation_share: float, test_share: float, seed: int
    ) -> tuple["ImageSet", "ImageSet", "ImageSet"]:
        """Split into training set, validation set and test set.

        Parameters
        ----------
        validation_share, test_share : float
            Shares of all images. With a `test_share` of 0 the test set is empty, and the others
            are split as in `split`.
        seed : int
            Random seed of the split.

        Returns
        -------
        tuple of ImageSet
            The test set is empty if fewer than two images would be left for the others.

        Raises
        ------
        StackError
            If there are too few images for training and validation.
        """
        learn, held_out, test = self.split_indices(validation_share, test_share, seed)
        return self.part(learn), self.part(held_out), self.part(test)

    def split_indices(
        self, validation_share: float, test_share: float, seed: int
    ) -> tuple[list[int], list[int], list[int]]:
        """Return the indices of the three sets of `split_with_test`, in ascending order."""
        count = len(self)
        if count < MIN_IMAGES:
            raise StackError(
                f"got {count} usable image{'' if count == 1 else 's'}; training needs at least "
                f"{MIN_IMAGES}, one of them for validation. Give more images, or stacks of larger "
                f"planes, which are cut into images.{reasons(self.left_out)}"
            )
        # by the seed alone: a resumed training must get the same split
        order = np.random.default_rng(seed).permutation(count).tolist()
        tested = min(max(1, round(test_share * count)), count - MIN_IMAGES) if test_share else 0
        order, test = order[: count - tested], order[count - tested :]
        kept = min(max(1, round(validation_share * count)), len(order) - 1)
        return sorted(order[kept:]), sorted(order[:kept]), sorted(test)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save all images without loss in one file; see `load_images`.

        Parameters
        ----------
        path : path
            Usually .npz. It is written atomically; an existing file is replaced.

        Returns
        -------
        pathlib.Path
            The file, absolute.

        Raises
        ------
        StackFileError
            If the file cannot be written.
        """
        where = user_path(path).absolute()
        about = {"kind": _KIND, "names": self.names, "sources": self.sources}
        text = json.dumps({**about, "left_out": self.left_out})
        arrays: dict[str, Any] = {f"image_{k}": image for k, image in enumerate(self.images)}
        arrays[_ABOUT] = np.array(text)
        advice = "free some space, or give another folder."
        naming = naming_faults(
            where, StackFileError, "the images cannot be saved", advice, of=OSError
        )
        with naming, atomic_write(where) as beside, beside.open("wb") as file:
            np.savez(file, **arrays)
        return where


def load_images(path: str | os.PathLike[str]) -> ImageSet:
    """Load a file of `ImageSet.save`.

    Raises
    ------
    StackFileError
        If the file is missing or damaged, or has another content.
    """
    where = user_path(path).absolute()
    advice = "give a complete file of ImageSet.save."
    with (
        naming_faults(where, StackFileError, "the images cannot be loaded", advice),
        open_regular(where, MAX_BYTES) as opened,
    ):
        _check_sizes(opened)
        with np.load(opened, allow_pickle=False) as file:
            about = checked(ImagesEntry, parse_json(str(file[_ABOUT])))
            if about["kind"] != _KIND:
                raise ValueError(f"holds {about['kind']!r}")
            images = tuple(file[f"image_{k}"] for k in range(len(about["names"])))
        if len(about["sources"]) != len(images) or not all(map(_is_grey, images)):
            raise ValueError("its images are not float32 of shape (Y, X), each with a source")
        return ImageSet(images, *(tuple(about[key]) for key in ("names", "sources", "left_out")))


def _check_sizes(file: BinaryIO) -> None:
    """Refuse arrays that would be larger than the file that holds them, which is not compressed."""
    with zipfile.ZipFile(file) as archive:
        held = sum(entry.file_size for entry in archive.infolist())
        for entry in archive.infolist():
            with archive.open(entry) as array:
                version = np.lib.format.read_magic(array)
                read = np.lib.format.read_array_header_1_0
                if version != (1, 0):
                    read = np.lib.format.read_array_header_2_0
                shape, _, dtype = read(array)
                if math.prod(shape) * dtype.itemsize > entry.file_size:
                    raise ValueError(f"{entry.filename} is shorter than it says")
    if held > file.seek(0, os.SEEK_END):
        raise ValueError("it is compressed, which files of this package are not")
    file.seek(0)


def _is_grey(image: NDArray[Any]) -> bool:
    return image.dtype == np.float32 and image.ndim == 2 and image.size > 0


def reasons(left_out: Sequence[str]) -> str:
    """Return the first few reasons why data was left out, for the end of a message."""
    if not left_out:
        return ""
    shown = "; ".join(left_out[:3]) + ("; ..." if len(left_out) > 3 else "")
    return f" Left out: {shown}"
