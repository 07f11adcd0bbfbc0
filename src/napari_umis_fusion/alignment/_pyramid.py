"""An image pyramid of a plane, for registration from coarse to fine."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_umis_fusion.alignment._tile_shifts import Grey, Tiles

FINEST_PX = 2048
"""Longest side of the finest level: larger planes are reduced, as motion is measured to a twentieth
of its pixels."""

COARSEST_PX = 192
"""Minimum length of the shorter side of a coarser level."""


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A grey plane at successively halved resolutions.

    Attributes
    ----------
    finest : ndarray of shape (Y, X), float32
        The plane, averaged over blocks of pixels if a side exceeds `FINEST_PX`.
    factor : int
        Width of a pixel of the finest level, in pixels of the plane.
    """

    finest: Grey
    factor: int

    @classmethod
    def of(cls, grey: Grey) -> "Pyramid":
        """Make the pyramid of a grey plane."""
        factor = min(-(-max(grey.shape) // FINEST_PX), min(grey.shape))
        return cls(np.array(grey) if factor == 1 else reduce_by(grey, factor), factor)

    @cached_property
    def levels(self) -> list["PyramidLevel"]:
        """Levels from the coarsest to the finest."""
        levels = [PyramidLevel(self.finest, self.factor)]
        while min(levels[0].image.shape) >= 2 * COARSEST_PX:
            finer = levels[0]
            levels.insert(0, PyramidLevel(reduce_by(finer.image, 2), 2 * finer.factor))
        return levels


@dataclass(frozen=True, eq=False)
class PyramidLevel:
    """A plane at one resolution.

    Attributes
    ----------
    image : ndarray of shape (Y, X), float32
        Means of blocks of pixels.
    factor : int
        Width of a pixel of `image`, in pixels of the plane.
    """

    image: Grey
    factor: int

    @cached_property
    def tiles(self) -> Tiles:
        """The tiles of the image."""
        return Tiles(self.image)


def reduce_by(image: Grey, factor: int) -> Grey:
    """Return means of `factor` x `factor` pixels; incomplete blocks are cropped."""
    rows, columns = (side // factor * factor for side in image.shape)
    cut = image[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    means: Grey = cut.mean(axis=(1, 3), dtype=np.float32)
    return means
