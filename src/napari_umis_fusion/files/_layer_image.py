"""Data and attributes of a layer that fusing and writing need, without napari."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files._placement import Placement
from napari_umis_fusion.stack import is_blank

LOOK = ("colormap", "contrast_limits", "gamma", "blending", "interpolation2d", "opacity")
"""Attributes of a layer's appearance that its all-in-focus image keeps."""

_PLACES = ("scale", "translate", "rotate", "shear", "affine")


@dataclass(frozen=True, slots=True, eq=False)
class LayerImage:
    """An image (or labels) layer, without napari.

    Attributes
    ----------
    data : array-like
        Full resolution of a multiscale layer; with `rgb` the last axis holds colour.
    name : str
        Name of the layer.
    rgb : bool
        Whether the last axis of `data` holds colour; other attributes do not count that axis.
    axis_labels : tuple of str
        Name of each axis; "" if it has none.
    placement : Placement
        Transform from data to world.
    units : tuple of str
        Unit of each axis.
    look : dict
        Attributes of its appearance.
    path : str or None
        File that it was read from.
    metadata : dict
        Metadata of the layer.
    """

    data: Any
    name: str
    rgb: bool
    axis_labels: tuple[str, ...]
    placement: Placement
    units: tuple[str, ...]
    look: dict[str, Any] = field(default_factory=dict)
    path: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each axis, except colour."""
        shape = tuple(int(size) for size in self.data.shape)
        return shape[:-1] if self.rgb else shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the values, in native byte order."""
        native: np.dtype[Any] = np.dtype(self.data.dtype).newbyteorder("=")
        return native

    @classmethod
    def of(cls, data: Any, attributes: Mapping[str, Any], name: str = "image") -> Self:
        """Make one from data and attributes of a layer; `name` is used if they have none.

        Raises
        ------
        StackError, ConfigError
            If an attribute does not fit the number of axes.
        """
        rgb = bool(attributes.get("rgb", False))
        full = full_resolution(data, attributes.get("multiscale"))
        ndim = len(full.shape) - rgb
        path = attributes.get("path")
        return cls(
            data=full,
            name=str(attributes.get("name") or name),
            rgb=rgb,
            axis_labels=_labels(attributes.get("axis_labels"), full, ndim),
            placement=Placement.of(ndim, **{place: attributes.get(place) for place in _PLACES}),
            units=_units(attributes.get("units"), ndim),
            look={one: attributes[one] for one in LOOK if attributes.get(one) is not None},
            path=str(Path(path)) if isinstance(path, (str, os.PathLike)) else None,
            metadata=dict(attributes.get("metadata") or {}),
        )


def layer_image(layer: Any) -> LayerImage:
    """Return a layer as `LayerImage`; no data are copied or read.

    Parameters
    ----------
    layer : napari.layers.Image, tuple, or LayerImage
        A layer, or (data, attributes) or (data, attributes, "image") as readers return it.

    Raises
    ------
    StackError
        If it is not an image layer, or an attribute does not fit its number of axes.
    """
    if isinstance(layer, LayerImage):
        return layer
    if isinstance(layer, (tuple, list)):
        check_layer_data(layer)
        data, attributes, *kind = layer
        _check_kind(kind[0] if kind else "image")
        return LayerImage.of(data, attributes)
    # By its attributes, since napari must not be imported here.
    _check_kind(getattr(layer, "_type_string", None) or type(layer).__name__)
    names = ("name", "rgb", "multiscale", "axis_labels", "units", "metadata", *LOOK)
    path = getattr(getattr(layer, "source", None), "path", None)
    # each is asked for once, since napari computes some of them anew
    attributes = {name: getattr(layer, name, None) for name in (*names, *_PLACES)}
    return LayerImage.of(layer.data, {**attributes, "path": path})


def check_layer_data(layer: Any) -> None:
    """Refuse what is no layer data tuple; raises `StackError`."""
    is_tuple = isinstance(layer, (tuple, list))
    if not (is_tuple and len(layer) in (2, 3) and isinstance(layer[1], Mapping)):
        what = type(layer).__name__ + (f" of {len(layer)}" if is_tuple else "")
        msg = (
            f"got {what} where the data of a layer are; accepted is an array with its attributes: "
            '(array, {}) or (array, {}, "image").'
        )
        raise StackError(msg)


def _check_kind(kind: str) -> None:
    if kind != "image":
        msg = (
            f"got a layer of kind {kind!r}; accepted are image layers. Select one of those, or "
            "give an array with its attributes: (array, {})."
        )
        raise StackError(msg)


def full_resolution(data: Any, multiscale: bool | None = None) -> Any:
    """Return the array of a layer's data; of several resolutions, the full one.

    Parameters
    ----------
    data : array-like, or sequence of these
        Arrays of equal size are the planes of one array; a single array, or arrays of decreasing
        size, are resolutions.
    multiscale : bool, optional
        Whether a sequence holds resolutions, if that is known.

    Raises
    ------
    StackError
        If a sequence is neither.
    """
    full = data[0] if _is_multiscale(data, multiscale) else data
    if hasattr(full, "shape") and hasattr(full, "dtype"):
        return full
    try:
        return np.asarray(full)
    except ValueError as error:
        msg = (
            f"got a list of {len(full)} arrays whose shapes differ; accepted are planes of one "
            "shape, or resolutions, each smaller than the one before, with multiscale=True."
        )
        raise StackError(msg) from error


def _is_multiscale(data: Any, given: bool | None) -> bool:
    sequence = isinstance(data, Sequence) and len(data) > 0
    if sequence and hasattr(data, "shapes"):
        return True  # napari's MultiScaleData; np.asarray of it would give the coarsest level
    if given is not None:
        return bool(given) and len(data) > 0
    return sequence and all(hasattr(level, "shape") for level in data) and _sizes_decrease(data)


def _sizes_decrease(levels: Any) -> bool:
    sizes = [np.prod(level.shape) for level in levels]
    return all(after < before for before, after in pairwise(sizes))


def _labels(given: Any, data: Any, ndim: int) -> tuple[str, ...]:
    """Return the names of the axes; napari's defaults, such as "axis -1", count as none."""
    if given is None:
        given = (getattr(data, "dims", None) or ("",) * ndim)[:ndim]
    labels = tuple("" if is_blank(label) else str(label) for label in given)
    if len(labels) != ndim:
        msg = f"got {len(labels)} axis labels for {ndim} axes; accepted is one for each axis."
        raise StackError(msg)
    return labels


def _units(given: Any, ndim: int) -> tuple[str, ...]:
    if given is None:
        return ("pixel",) * ndim
    if isinstance(given, str):
        return (given,) * ndim
    units = tuple("pixel" if unit is None else str(unit) for unit in given)
    if len(units) != ndim:
        msg = f"got {len(units)} units for {ndim} axes; accepted is one for each axis."
        raise StackError(msg)
    return units
