"""Training data before it is read."""

import os
from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.stack import Stack


@dataclass(frozen=True, slots=True, eq=False)
class NamedData:
    """Data with a name, for example that of a layer.

    Attributes
    ----------
    name : str
        Name of the data, and default of `source`.
    data : array, Stack or path
        An image or a stack.
    source : str
        Common source of several data, if not `name`; sources are drawn with the same probability.
    """

    name: str
    data: Any
    source: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Sharp images and z-stacks for training; nothing is read before `iter_collect`.

    Attributes
    ----------
    images : tuple
        Sharp single images: paths of folders (searched with their subfolders) and files, arrays
        of shape (Y, X), (Y, X, 3), (Y, X, 4) or (Z, Y, X) in which every plane is an image,
        `Stack` objects, and `NamedData` of these. A single one needs no tuple.
    stacks : tuple
        Z-stacks as `fuse` accepts them, and `NamedData` of these. A list holds several stacks, not
        the planes of one. Regions that are sharp in some plane are cut out of their all-in-focus
        images.

    Examples
    --------
    >>> from napari_umis_fusion.training import TrainingData
    >>> data = TrainingData(images="sharp_images", stacks=["beads.tif", "pollen_planes"])
    >>> data.images, len(data.stacks)
    (('sharp_images',), 2)
    """

    images: tuple[Any, ...] = ()
    stacks: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        """Convert a single value to a tuple."""
        object.__setattr__(self, "images", _as_tuple(self.images))
        object.__setattr__(self, "stacks", _as_tuple(self.stacks))


def _as_tuple(given: Any) -> tuple[Any, ...]:
    alone = isinstance(given, (str, os.PathLike, Stack, NamedData)) or hasattr(given, "shape")
    return (given,) if alone else tuple(given)
