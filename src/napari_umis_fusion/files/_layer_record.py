"""What a file keeps of a layer beyond its pixels: kind, axes, place, look and source.

OME has no room for axes of size 1 that are many planes thick, for a place in the world, for
colormaps, or for labels. These are JSON values below one key of the image's description, which
other programs ignore. Whatever is missing or wrong there is taken from the rest of the file.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files._layer_attributes import RUN_KEY, LayerData
from napari_umis_fusion.files._layer_image import LayerImage
from napari_umis_fusion.files._layer_look import look_attributes, look_record
from napari_umis_fusion.files._placement import Placement
from napari_umis_fusion.stack import is_blank, length_um

RECORDS_KEY = "napari"
"""Entry of an image's description: one record for each layer that the image holds."""

SOURCE_KEY = "layer"
"""Entry of a result's provenance that differs between the channels of one fusion."""

_TRANSFORMS = ("rotate", "shear", "affine")
_MOST_AXES = 32


def layer_record(
    image: LayerImage, attributes: Mapping[str, Any], kind: str, order: Sequence[int]
) -> dict[str, Any]:
    """Return what a file keeps of a layer.

    Parameters
    ----------
    image : LayerImage
        The layer.
    attributes : mapping
        Its attributes, as napari or `fuse_layer` give them.
    kind : {"image", "labels"}
        Kind of the layer.
    order : sequence of int
        Axes of the layer, without those of size 1, in the order of the file.
    """
    place = image.placement
    record: dict[str, Any] = {
        "name": image.name,
        "kind": kind,
        "axes": list(image.axis_labels),
        "order": [int(axis) for axis in order],
        "units": list(image.units),
        "scale": place.scale.tolist(),
        "translate": place.translate.tolist(),
        "look": look_record(attributes, kind),
    }
    for name in _TRANSFORMS:
        matrix = getattr(place, name)
        if not np.array_equal(matrix, np.eye(len(matrix))):
            record[name] = matrix.tolist()
    run = image.metadata.get(RUN_KEY)
    if isinstance(run, Mapping) and isinstance(run.get(SOURCE_KEY), Mapping):
        record["source"] = dict(run[SOURCE_KEY])
    return record


def recorded_axes(record: Any) -> int:
    """Return how many axes larger than 1 the saved layer had, besides colour; 0 if unknown."""
    order = record.get("order") if isinstance(record, Mapping) else None
    return len(order) if isinstance(order, list) else 0


def restored_layer(layer: LayerData, record: Any) -> LayerData:
    """Return a layer that was read from a file as it was saved.

    Parameters
    ----------
    layer : tuple
        Array, attributes and kind, as the rest of the file tells them.
    record : Any
        What `layer_record` returned, as JSON. Parts that do not fit the array are ignored.
    """
    array, attributes, kind = layer
    if not isinstance(record, Mapping):
        return layer
    is_labels = record.get("kind") == "labels" and np.issubdtype(array.dtype, np.integer)
    kind = "labels" if is_labels and not attributes.get("rgb") else kind
    attributes = {**attributes, **look_attributes(record.get("look"), kind)}
    if kind == "labels":
        attributes.pop("rgb", None)
    run, source = attributes.get("metadata", {}).get(RUN_KEY), record.get("source")
    if isinstance(run, Mapping) and isinstance(source, Mapping):
        metadata = {**attributes["metadata"], RUN_KEY: {**run, SOURCE_KEY: dict(source)}}
        attributes["metadata"] = metadata
    places = _places(record, array.shape[: array.ndim - bool(attributes.get("rgb"))], attributes)
    if places is None:
        return array, attributes, kind
    order, restored = places
    return _with_thin_axes(array, order, len(restored["axis_labels"])), attributes | restored, kind


def _places(
    record: Mapping[str, Any], shape: tuple[int, ...], attributes: Mapping[str, Any]
) -> tuple[list[int], dict[str, Any]] | None:
    """Return the order of the axes, and the attributes of the place; None if they do not fit."""
    axes, units = _texts(record.get("axes")), _texts(record.get("units"))
    order = record.get("order")
    if axes is None or units is None or len(axes) != len(units) or not isinstance(order, list):
        return None
    if not all(type(axis) is int and 0 <= axis < len(axes) for axis in order):
        return None
    if not len(set(order)) == len(order) == len(shape):
        return None
    try:
        transforms = {name: record.get(name) for name in _TRANSFORMS}
        place = Placement.of(
            len(axes), scale=record["scale"], translate=record["translate"], **transforms
        )
    except (ConfigError, KeyError, TypeError, ValueError):
        return None
    every = [getattr(place, name) for name in place.__slots__]
    if not all(np.isfinite(one).all() for one in every) or not place.scale.all():
        return None
    if not _agrees(attributes, order, place.scale, units):
        return None
    # The file names axes that the layer did not.
    told = dict(zip(order, attributes["axis_labels"], strict=True))
    labels = tuple(
        told.get(axis, f"axis {axis}") if is_blank(label) else label
        for axis, label in enumerate(axes)
    )
    given = {name: matrix for name, matrix in place.attributes().items() if name in record}
    for name in ("scale", "translate"):
        given[name] = tuple(given[name].tolist())
    return order, {**given, "axis_labels": labels, "units": tuple(units)}


def _texts(value: Any) -> list[str] | None:
    fits = isinstance(value, list) and len(value) <= _MOST_AXES
    return value if fits and all(isinstance(one, str) for one in value) else None


def _agrees(
    attributes: Mapping[str, Any], order: Sequence[int], scale: Any, units: Sequence[str]
) -> bool:
    """Whether sizes are those of OME: another program may have corrected them there alone."""
    for axis, size, unit in zip(order, attributes["scale"], attributes["units"], strict=True):
        known = length_um(float(abs(scale[axis])), units[axis])
        if unit == "um" and (known is None or not math.isclose(size, known, rel_tol=1e-4)):
            return False
    return True


def _with_thin_axes(array: Any, order: Sequence[int], ndim: int) -> Any:
    """Return an array with the axes of a layer: the order of the layer, and axes of size 1."""
    missing = [axis for axis in range(ndim) if axis not in order]
    colour = tuple(range(len(order), array.ndim))
    full = array[(None,) * len(missing)]
    at = {axis: place for place, axis in enumerate([*missing, *order])}
    after = tuple(len(missing) + place for place in colour)
    return full.transpose((*(at[axis] for axis in range(ndim)), *after))
