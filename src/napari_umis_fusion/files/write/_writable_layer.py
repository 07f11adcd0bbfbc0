"""Layers prepared for OME-TIFF: planes in OME's order of axes, with their metadata."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from napari_umis_fusion.errors import ConfigError, StackError, StackFileError
from napari_umis_fusion.files._layer_attributes import FILE_KEY, RUN_KEY
from napari_umis_fusion.files._layer_image import LayerImage
from napari_umis_fusion.files._layer_record import layer_record
from napari_umis_fusion.files.read import SUFFIXES
from napari_umis_fusion.files.write._about import as_text
from napari_umis_fusion.files.write._formats import output_format
from napari_umis_fusion.files.write._ome_metadata import ome_metadata
from napari_umis_fusion.stack import (
    ACCEPTED_DTYPES,
    OME_LETTERS,
    Kind,
    Plane,
    kind_of,
    plane_places,
)

KINDS = ("image", "labels")

_CONVERTED = {"bool": "uint8", "float16": "float32"}  # OME has neither
_WIDE = ("int64", "uint64")  # of labels, mostly; OME has at most 32 bits


@dataclass(frozen=True, slots=True, eq=False)
class WritableLayer:
    """A layer prepared for writing; its data are not read yet.

    Attributes
    ----------
    image : LayerImage
        The layer.
    outer : tuple of int
        Positions of the axes other than y, x and colour, without those of size 1.
    plane : tuple of int
        Positions of y and x.
    letters : str
        OME letters of the outer axes.
    metadata : dict
        OME metadata of the image.
    sources : tuple of pathlib.Path
        Files that the layer was read or fused from.
    kind : {"image", "labels"}
        Kind of the layer.
    record : dict
        What the file keeps of the layer beyond OME; see `layer_record`.
    """

    image: LayerImage
    outer: tuple[int, ...]
    plane: tuple[int, int]
    letters: str
    metadata: dict[str, Any]
    sources: tuple[Path, ...]
    kind: str
    record: dict[str, Any]

    @property
    def layers(self) -> tuple["WritableLayer", ...]:
        """The layer itself, as of a group of one."""
        return (self,)

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.image.name

    @property
    def rgb(self) -> bool:
        """Whether the last axis holds colour."""
        return self.image.rgb

    @property
    def axes(self) -> str:
        """OME letters of all axes."""
        return f"{self.letters}YX{'S' if self.rgb else ''}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of all axes, in the order of `axes`."""
        places = (*self.outer, *self.plane, *((-1,) if self.rgb else ()))
        return tuple(int(self.image.data.shape[place]) for place in places)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the data, in native byte order."""
        return self.image.dtype

    def planes(self, dtype: np.dtype[Any] | None = None) -> Iterator[Plane]:
        """Yield the planes in order; each is read only then."""
        data, counts = self.image.data, [self.image.shape[axis] for axis in self.outer]
        x_before_y = self.plane[0] > self.plane[1]
        for place in np.ndindex(*counts):
            entries = dict(zip(self.outer, place, strict=True))
            axes = range(len(self.image.shape))
            keep = slice(None)
            index = tuple(keep if a in self.plane else entries.get(a, 0) for a in axes)
            part = np.asarray(data[index])
            plane = part.swapaxes(0, 1) if x_before_y else part
            yield np.ascontiguousarray(plane, dtype or self.dtype)


def writable_layer(data: Any, attributes: Mapping[str, Any], kind: str = "image") -> WritableLayer:
    """Prepare a layer for writing.

    Parameters
    ----------
    data : array-like, or list of these
        NumPy, dask, zarr...; a list is interpreted as in `full_resolution`.
    attributes : mapping
        Attributes of the layer, as napari gives them.
    kind : {"image", "labels"}
        Kind of the layer.

    Raises
    ------
    StackFileError
        If the layer is of another kind or without planes, attributes do not fit, or OME-TIFF
        cannot hold its axes.
    """
    image = _to_layer_image(data, attributes, kind)
    shape = tuple(image.data.shape)
    if len(image.shape) < 2 or 0 in shape:
        msg = f"{image.name!r} has shape {shape}; accepted are layers with planes (Y, X)."
        raise StackFileError(msg)
    plane = plane_places(image.axis_labels)
    outer = tuple(a for a, size in enumerate(image.shape) if a not in plane and size > 1)
    letters = _letters(image.name, [image.axis_labels[axis] for axis in outer])
    places = {**dict(zip(outer, letters, strict=True)), plane[0]: "Y", plane[1]: "X"}
    record = layer_record(image, attributes, kind, (*outer, *plane))
    metadata = {"Name": as_text(image.name), **ome_metadata(image, places, record)}
    return WritableLayer(image, outer, plane, letters, metadata, _sources(image), kind, record)


def _to_layer_image(data: Any, attributes: Mapping[str, Any], kind: str) -> LayerImage:
    name = str(attributes.get("name") or kind)
    if kind not in KINDS:
        msg = f"{name!r} is a {kind} layer; accepted are image and labels layers. Deselect it."
        raise StackFileError(msg)
    try:
        return LayerImage.of(data, attributes, name)
    except (StackError, ConfigError) as error:
        msg = f"{name!r} cannot be written: {error}"
        raise StackFileError(msg) from error


def _letters(name: str, labels: Sequence[str]) -> str:
    """Give each axis an OME letter: that of its name, else one that is free."""
    kinds: list[Kind] = [kind_of(label) for label in labels]
    letters = [OME_LETTERS.get(kind) for kind in kinds]
    # From the last axis, so that the innermost one without a name becomes z.
    for place in reversed(range(len(labels))):
        if letters[place] is None:
            free = "ZTC" if kinds[place] == "unnamed" else "TC"
            letters[place] = next((letter for letter in free if letter not in letters), "")
    known = [letter for letter in letters if letter]
    if len(set(known)) < len(labels):
        named = ", ".join(repr(label) for label in labels)
        msg = (
            f"{name!r} has the axes {named} besides y and x; OME-TIFF has one each for z, c "
            "(channel) and t (time), and stores an axis of another name as t or c. Rename them "
            "(axis_labels), or save a part of the layer."
        )
        raise StackFileError(msg)
    return "".join(known)


def _sources(image: LayerImage) -> tuple[Path, ...]:
    """Return the files that a layer was read or fused from, which must not be overwritten."""
    origins = [image.metadata.get(FILE_KEY)]
    run = image.metadata.get(RUN_KEY)
    origins.append(run.get("layer") if isinstance(run, Mapping) else None)
    paths: list[Path] = []
    for origin in origins:
        if not isinstance(origin, Mapping):
            continue
        path = origin.get("path")
        given = [path] if isinstance(path, str) else path or []
        paths += [Path(one) for one in (*given, *origin.get("files", ()))]
    paths += _mapped_file(image.data)
    return tuple(file for path in paths for file in _files(path))


def _mapped_file(data: Any) -> list[Path]:
    """Return the file of a NumPy memory map, or of a view of one."""
    while isinstance(data, np.ndarray):
        if isinstance(data, np.memmap) and isinstance(data.filename, str | os.PathLike):
            return [Path(data.filename)]
        data = data.base
    return []


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    # Folders of folders are read two deep, such as TimePoint_1/ZStep_3.
    entries = (entry for depth in ("*", "*/*", "*/*/*") for entry in path.glob(depth))
    return [entry for entry in entries if entry.suffix.lower() in SUFFIXES]


def only_plane(layer: WritableLayer, target: Path) -> Plane:
    """Return the plane of a layer that has one; raises `StackFileError` for others.

    Parameters
    ----------
    layer : WritableLayer
        The layer.
    target : pathlib.Path
        File for which it is meant.
    """
    if layer.outer:
        axes = ", ".join(f"{a} ({n})" for a, n in zip(layer.axes.lower(), layer.shape, strict=True))
        msg = (
            f"{target}: {output_format(target).name} can hold one plane; {layer.name!r} has the "
            f"axes {axes}. End the name in .ome.tif, or save a single plane."
        )
        raise StackFileError(msg)
    (plane,) = layer.planes()
    return plane


class PlaneSource(Protocol):
    """A layer, or several that are written as one."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of its planes."""

    def planes(self) -> Iterator[Plane]:
        """Yield the planes in order."""


def stored_dtype(layer: PlaneSource) -> np.dtype[Any]:
    """Return the dtype in which OME-TIFF can hold a layer without loss.

    For 64-bit integers, all planes are read to find their range.

    Raises
    ------
    StackFileError
        If there is no such dtype.
    """
    dtype = layer.dtype.name
    if dtype in ACCEPTED_DTYPES:
        return np.dtype(_CONVERTED.get(dtype, dtype))
    if dtype in _WIDE:
        lowest, highest = _value_range(layer)
        for narrow in ("uint32", "int32"):
            if np.iinfo(narrow).min <= lowest and highest <= np.iinfo(narrow).max:
                return np.dtype(narrow)
    msg = (
        f"{layer.name!r} is {dtype}, which OME-TIFF cannot hold; accepted are "
        f"{', '.join(ACCEPTED_DTYPES)}, and 64-bit integers whose values fit into 32. "
        "Convert the layer's data first."
    )
    raise StackFileError(msg)


def _value_range(layer: PlaneSource) -> tuple[int, int]:
    spans = [(int(plane.min()), int(plane.max())) for plane in layer.planes()]
    return min(low for low, _ in spans), max(high for _, high in spans)
