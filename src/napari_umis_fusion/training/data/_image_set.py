"""The images that a network learns from: gathered, split, and kept in a file."""

import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError, StackFileError
from napari_umis_fusion.runtime import atomic_write

Grey = NDArray[np.float32]

MIN_IMAGES = 2
"""One to learn from and one to validate on."""

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
        learn, held_out, _ = self.split_indices(share, 0.0, seed)
        return self.part(learn), self.part(held_out)

    def split_with_test(
        self, validation_share: float, test_share: float, seed: int
    ) -> tuple["ImageSet", "ImageSet", "ImageSet"]:
        """Split into images to learn from, to validate on, and to test on.

        Parameters
        ----------
        validation_share, test_share : float
            Of all images. With a `test_share` of 0 none are tested on, and the others are split
            as `split` does.
        seed : int
            Of the choice.

        Returns
        -------
        tuple of ImageSet
            None to test on where that would not leave one each to learn from and validate on.

        Raises
        ------
        StackError
            If there are too few to learn from and to validate on.
        """
        learn, held_out, test = self.split_indices(validation_share, test_share, seed)
        return self.part(learn), self.part(held_out), self.part(test)

    def split_indices(
        self, validation_share: float, test_share: float, seed: int
    ) -> tuple[list[int], list[int], list[int]]:
        """Return which images `split_with_test` takes for what, in ascending order."""
        count = len(self)
        if count < MIN_IMAGES:
            raise StackError(
                f"got {count} usable image(s); training needs at least {MIN_IMAGES}, one of "
                f"them to validate on. Give more images.{reasons(self.left_out)}"
            )
        order = np.random.default_rng(seed).permutation(count).tolist()
        tested = min(max(1, round(test_share * count)), count - MIN_IMAGES) if test_share else 0
        order, test = order[: count - tested], order[count - tested :]
        kept = min(max(1, round(validation_share * count)), len(order) - 1)
        return sorted(order[kept:]), sorted(order[:kept]), sorted(test)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save all images, exactly, in one file; see `load_images`.

        Parameters
        ----------
        path : path
            Usually .npz. The file appears under its name once it is complete; an existing one is
            replaced.

        Returns
        -------
        pathlib.Path
            The file, absolute.

        Raises
        ------
        StackFileError
            If the file cannot be written.
        """
        where = Path(path).absolute()
        about = {"kind": _KIND, "names": self.names, "sources": self.sources}
        text = json.dumps({**about, "left_out": self.left_out})
        arrays: dict[str, Any] = {f"image_{k}": image for k, image in enumerate(self.images)}
        arrays[_ABOUT] = np.array(text)
        try:
            with atomic_write(where) as beside, beside.open("wb") as file:
                np.savez(file, **arrays)
        except OSError as error:
            said = error.strerror or error
            raise StackFileError(
                f"{where}: the images cannot be saved ({said}); make room or give another folder."
            ) from error
        return where


def load_images(path: str | os.PathLike[str]) -> ImageSet:
    """Load what `ImageSet.save` wrote.

    Raises
    ------
    StackFileError
        If the file is missing or damaged, or holds something else.
    """
    where = Path(path).absolute()
    try:
        with where.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            about = json.loads(str(file[_ABOUT]))
            if about["kind"] != _KIND:
                raise ValueError(f"holds {about['kind']!r}")
            images = tuple(file[f"image_{k}"] for k in range(len(about["names"])))
        return ImageSet(images, *(tuple(about[key]) for key in ("names", "sources", "left_out")))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise StackFileError(
            f"{where}: no images can be loaded from there ({error}); give a file that "
            "ImageSet.save wrote, whole."
        ) from error


def reasons(left_out: Sequence[str]) -> str:
    """Return why things were left out, the first few, for the end of a message."""
    if not left_out:
        return ""
    shown = "; ".join(left_out[:3]) + ("; ..." if len(left_out) > 3 else "")
    return f" Left out: {shown}"
