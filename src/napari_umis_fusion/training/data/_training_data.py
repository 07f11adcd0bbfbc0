"""What a training learns from, before anything of it is read."""

import os
from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.stack import Stack


@dataclass(frozen=True, slots=True, eq=False)
class NamedData:
    """Data with a name: that of a layer, say.

    Attributes
    ----------
    name : str
        Shown to people, and the source of what comes of it.
    data : array, Stack or path
        An image, or a stack.
    source : str
        Where it comes from, if not `name`: what has one source is drawn as one.
    """

    name: str
    data: Any
    source: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Sharp images and z-stacks to learn from; nothing is read before it is gathered.

    Attributes
    ----------
    images : tuple
        Sharp single images: paths of folders (searched with their subfolders) and files, arrays
        of shape (Y, X), (Y, X, 3), (Y, X, 4) or (Z, Y, X), every plane being an image, `Stack`
        objects, and `NamedData` ones of these. One alone may be given without a tuple.
    stacks : tuple
        Z-stacks: whatever `fuse` takes, and `NamedData` ones of these. A list holds several stacks,
        not the planes of one. Where they are sharp in some plane, regions are cut out of their
        all-in-focus image.

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
        """Take one thing for a tuple of one."""
        object.__setattr__(self, "images", _as_tuple(self.images))
        object.__setattr__(self, "stacks", _as_tuple(self.stacks))


def _as_tuple(given: Any) -> tuple[Any, ...]:
    alone = isinstance(given, (str, os.PathLike, Stack, NamedData)) or hasattr(given, "shape")
    return (given,) if alone else tuple(given)
