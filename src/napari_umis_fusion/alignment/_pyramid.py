"""A plane at several sizes, coarse ones for finding, fine ones for measuring."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_umis_fusion.alignment._tile_shifts import Grey, Tiles

FINEST_PX = 2048
"""Longest side of the finest level: motion is measured to a twentieth of its pixels."""

COARSEST_PX = 192
"""Shorter side below which no coarser level is made."""


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A grey plane, and the same ever smaller.

    Attributes
    ----------
    finest : ndarray of shape (Y, X), float32
        The plane, or means of so many of its pixels that `FINEST_PX` holds it.
    factor : int
        How many pixels of the plane are one of the finest level, along a side.
    """

    finest: Grey
    factor: int

    @classmethod
    def of(cls, grey: Grey) -> "Pyramid":
        """Make the pyramid of a plane."""
        factor = min(-(-max(grey.shape) // FINEST_PX), min(grey.shape))
        return cls(np.array(grey) if factor == 1 else reduce_by(grey, factor), factor)

    @cached_property
    def levels(self) -> list["PyramidLevel"]:
        """From the coarsest to the finest."""
        levels = [PyramidLevel(self.finest, self.factor)]
        while min(levels[0].image.shape) >= 2 * COARSEST_PX:
            finer = levels[0]
            levels.insert(0, PyramidLevel(reduce_by(finer.image, 2), 2 * finer.factor))
        return levels


@dataclass(frozen=True, eq=False)
class PyramidLevel:
    """A plane at one size.

    Attributes
    ----------
    image : ndarray of shape (Y, X), float32
        Means of pixels.
    factor : int
        How many pixels of the plane are one of these, along a side.
    """

    image: Grey
    factor: int

    @cached_property
    def tiles(self) -> Tiles:
        """The tiles of the image."""
        return Tiles(self.image)


def reduce_by(image: Grey, factor: int) -> Grey:
    """Return means of `factor` x `factor` pixels; rows and columns that are left over are cut."""
    rows, columns = (side // factor * factor for side in image.shape)
    cut = image[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    means: Grey = cut.mean(axis=(1, 3), dtype=np.float32)
    return means
