"""What a layer contributes to a training: stacks, sharp images, or nothing."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from napari_umis_fusion.errors import StackError, UmisFusionError
from napari_umis_fusion.files import FILE_KEY, RUN_KEY, LayerImage, layer_image
from napari_umis_fusion.files.read import SUFFIXES
from napari_umis_fusion.layers._axes import axis_name, likely_z, listed
from napari_umis_fusion.layers._describe import describe_layer
from napari_umis_fusion.layers._plan import OUTPUTS, LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks
from napari_umis_fusion.stack import Plane, Stack, check_stack, plane_places
from napari_umis_fusion.training.data import MIN_SIDE_PX, REGION_PX, NamedData, TrainingData
from napari_umis_fusion.training.session import ScriptSource

PREVIEW_KEY = "umis_fusion_preview"
"""In the metadata of a layer that is only a preview, and never training data."""

MAX_ITEMS = 8
"""Stacks or images of one layer: further ones of a time series would add little."""

ItemKind = Literal["stack", "image"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingItem:
    """A layer as a training sees it.

    Attributes
    ----------
    name : str
        Name of the layer.
    kind : {"stack", "image"} or None
        What it contributes; None for nothing.
    summary : str
        Description of its content, or why it contributes nothing.
    data : tuple of NamedData
        Stacks or images, each a lazy `Stack`.
    path : str or None
        File or folder with exactly this content, if known.
    """

    name: str
    kind: ItemKind | None
    summary: str
    data: tuple[NamedData, ...] = ()
    path: str | None = None

    def source(self) -> ScriptSource:
        """Return the source as a script refers to it.

        Raises
        ------
        StackError
            If it contributes nothing.
        """
        if self.kind is None:
            raise StackError(f"{self.name!r} is no training data: {self.summary}")
        return ScriptSource(self.kind, self.name, self.path)


class LayerPlane(Stack):
    """One plane of a layer, as a stack of one.

    Parameters
    ----------
    image : LayerImage
        The layer.
    y, x : int
        Axes of the plane.
    entries : mapping of int to int
        Entries on the other axes.
    """

    def __init__(self, image: LayerImage, y: int, x: int, entries: Mapping[int, int]) -> None:
        colours = (image.data.shape[-1],) if image.rgb else ()
        self.shape = (1, image.shape[y], image.shape[x], *colours)
        self.dtype = image.dtype
        self.rgb = image.rgb and image.data.shape[-1] in (3, 4)
        self.sources = (image.path,) if image.path else ()
        axes = range(len(image.shape))
        self._data, self._is_turned = image.data, y > x
        self._place = tuple(entries.get(axis, slice(None)) for axis in axes)
        check_stack(self.shape, self.dtype)

    def plane(self, z: int) -> Plane:
        """Read the plane."""
        part = np.asarray(self._data[self._place])
        turned = part.swapaxes(0, 1) if self._is_turned else part
        # slices of lazy or transposed arrays are not contiguous, which the kernels require
        return np.ascontiguousarray(turned, dtype=self.dtype)


def training_item(layer: Any) -> TrainingItem:
    """Determine what a layer contributes to a training, without reading its data.

    Parameters
    ----------
    layer : napari.layers.Image, (data, attributes) tuple, or LayerImage
        With any number of axes. If one of them is z, or likely z, it contributes stacks,
        otherwise sharp images. Of time points and positions, at most `MAX_ITEMS` are used, evenly
        spaced.

    Returns
    -------
    TrainingItem
        Other types of layers, previews, maps, and layers that are too small contribute nothing;
        the summary says why.
    """
    name = str(getattr(layer, "name", "image"))
    try:
        image = layer_image(layer)
        name = image.name
        _check_picture(image)
        z, is_sure = likely_z(image)
        if z is not None and image.shape[z] > 1:
            return _stacks(image, z, is_sure)
        return _images(image)
    except UmisFusionError as error:
        return TrainingItem(name, None, str(error))


def training_data(
    items: Iterable[TrainingItem], *, images: Sequence[Any] = (), stacks: Sequence[Any] = ()
) -> TrainingData:
    """Return the data of all items, after other images and stacks."""
    chosen = list(items)
    return TrainingData(
        (*images, *(one for item in chosen if item.kind == "image" for one in item.data)),
        (*stacks, *(one for item in chosen if item.kind == "stack" for one in item.data)),
    )


def _check_picture(image: LayerImage) -> None:
    output = image.metadata.get(RUN_KEY, {}).get("output", "all_in_focus")
    if PREVIEW_KEY in image.metadata:
        raise StackError("a preview, which is temporary")
    if output != "all_in_focus":
        raise StackError(f"{OUTPUTS.get(output, output)} of a fusion, not an image")
    if len(image.shape) < 2:
        raise StackError(f"{listed(image)}: an image has two axes or more")
    if 0 in image.shape:
        raise StackError(f"empty: {listed(image)}")


def _stacks(image: LayerImage, z: int, is_sure: bool) -> TrainingItem:
    stacks = LayerStacks([image], LayerPlan(z_axis=z))
    stacks.check_decision("auto")
    axes = stacks.axes
    _check_side(image, axes.y, axes.x, REGION_PX // 2)
    places = [place for _, place in stacks.places()]
    data = tuple(
        NamedData(_part_name(image, place), stacks.stack((0, place)), image.name)
        for place in _spread(places)
    )
    parts = [describe_layer(image, axes)]
    if not is_sure:
        parts.append(f"{axis_name(image, z)} is assumed to be z")
    if len(places) > MAX_ITEMS:
        parts.append(f"{MAX_ITEMS} of {len(places)} stacks are used")
    path = _whole_file(image) if len(places) == 1 and stacks.channels == 1 else None
    return TrainingItem(image.name, "stack", ", ".join(parts), data, path)


def _images(image: LayerImage) -> TrainingItem:
    y, x = plane_places(image.axis_labels)
    _check_side(image, y, x, MIN_SIDE_PX)
    loops = [axis for axis in range(len(image.shape)) if axis not in (y, x)]
    sizes = [image.shape[axis] for axis in loops]
    count = math.prod(sizes)
    places = [
        dict(zip(loops, (int(entry) for entry in np.unravel_index(number, sizes)), strict=True))
        for number in _spread(range(count))
    ]
    data = tuple(
        NamedData(_part_name(image, place), LayerPlane(image, y, x, place), image.name)
        for place in places
    )
    parts = [f"{image.shape[y]} x {image.shape[x]}", *(["colour"] if image.rgb else [])]
    if count > 1:
        parts.append(
            f"{MAX_ITEMS} of {count} images are used" if count > MAX_ITEMS else f"{count} images"
        )
    path = _whole_file(image) or _image_file(image) if count == 1 else None
    return TrainingItem(image.name, "image", ", ".join(parts), data, path)


def _spread(among: Sequence[Any]) -> list[Any]:
    """Return at most `MAX_ITEMS` evenly spaced ones, including the first and the last."""
    places = np.linspace(0, len(among) - 1, min(MAX_ITEMS, len(among)))
    return [among[round(place)] for place in places]


def _check_side(image: LayerImage, y: int, x: int, minimum: int) -> None:
    height, width = image.shape[y], image.shape[x]
    if min(height, width) < minimum:
        raise StackError(f"{height} x {width} px is too small; at least {minimum} px per side")


def _part_name(image: LayerImage, place: Mapping[int, int]) -> str:
    """Return the name of the layer with the entries of the part."""
    apart = {axis: entry for axis, entry in place.items() if image.shape[axis] > 1}
    parts = [f"{axis_name(image, axis)} {entry}" for axis, entry in apart.items()]
    return f"{image.name} [{', '.join(parts)}]" if parts else image.name


def _whole_file(image: LayerImage) -> str | None:
    """Return the file that this package read the layer from, if it holds nothing else."""
    file = image.metadata.get(FILE_KEY, {})
    is_all = not file.get("index") and not file.get("series") and not file.get("layer")
    path = file.get("path")
    return path if is_all and isinstance(path, str) else None


def _image_file(image: LayerImage) -> str | None:
    """Return the file of a single image that another reader has read."""
    is_known = image.path is not None and Path(image.path).suffix.lower() in SUFFIXES
    return image.path if is_known and FILE_KEY not in image.metadata else None
