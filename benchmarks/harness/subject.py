"""One stack while all methods have their turn at it: as an array, and as files for programs."""

import hashlib
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import tifffile
from numpy.typing import NDArray

from harness.sharpness import eight_bits, highest_focus
from harness.truths import Example


class Subject:
    """A stack, with what several methods need of it computed once.

    Files hold what is not 8-bit as 16 bits, spread from the stack's least to its largest value:
    many programs take white to be 65535.

    Parameters
    ----------
    example : Example
        The stack and what is known about it.
    """

    def __init__(self, example: Example) -> None:
        self.example = example

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "folder" in self.__dict__:
            shutil.rmtree(self.folder.parent)

    @cached_property
    def digest(self) -> str:
        """What tells this stack and its truth from all others."""
        arrays = (self.example.stack, self.example.truth)
        content = hashlib.sha256(str((self.example.stack.dtype, self.example.grey_range)).encode())
        for array in arrays:
            if array is not None:
                content.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return content.hexdigest()[:16]

    @cached_property
    def best_focus(self) -> NDArray[np.float32]:
        """The highest focus of any plane."""
        return highest_focus(self.example.stack, self.example.grey_range)

    @cached_property
    def eight_bit_stack(self) -> NDArray[np.uint8]:
        """The stack in 256 grey levels from black to white."""
        return np.stack([self.eight_bits(plane) for plane in self.example.stack])

    def eight_bits(self, image: NDArray[Any]) -> NDArray[np.uint8]:
        """Round an image of the stack's grey levels to 256 from black to white."""
        return eight_bits(image, self.example.grey_range)

    @cached_property
    def folder(self) -> Path:
        """A folder with one uncompressed TIFF file per plane, there until the subject is left."""
        folder = Path(tempfile.mkdtemp()) / "planes"
        folder.mkdir()
        for z, plane in enumerate(self.example.stack):
            photometric = "rgb" if plane.ndim == 3 else "minisblack"
            file = folder / f"plane_{z:04d}.tif"
            tifffile.imwrite(file, self._spread(plane), photometric=photometric, metadata=None)
        return folder

    def restore(self, written: NDArray[Any]) -> NDArray[Any]:
        """Return an image that a program wrote in the stack's shape and grey levels.

        Raises
        ------
        ValueError
            If it has another size.
        """
        shape = self.example.stack.shape[1:]
        image = written[..., : shape[2]] if len(shape) == 3 else written
        if len(shape) == 2 and image.ndim == 3:
            image = image[..., 0]  # some programs make RGB of grey
        if image.shape != shape:
            raise ValueError(f"the image has shape {written.shape}, the stack {shape}")
        if self._is_plain and image.dtype == np.uint8:
            return image
        white = np.iinfo(image.dtype).max
        low, high = self._span
        return low + image.astype(np.float32) * ((high - low) / white)

    @property
    def _is_plain(self) -> bool:
        return self.example.stack.dtype == np.uint8

    @cached_property
    def _span(self) -> tuple[float, float]:
        if self._is_plain:
            return 0, 255
        return float(self.example.stack.min()), float(self.example.stack.max())

    def _spread(self, plane: NDArray[Any]) -> NDArray[Any]:
        if self._is_plain:
            return plane
        low, high = self._span
        grey = (plane.astype(np.float64) - low) * (65535 / (high - low))
        return np.rint(grey).astype(np.uint16)
