"""What an image layer holds, as far as fusing needs it."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.layers.placement import Placement

LOOK = ("colormap", "contrast_limits", "gamma", "blending", "interpolation2d", "opacity")
"""Attributes of a layer's look that its all-in-focus image keeps."""

_UNNAMED = re.compile(r"(axis )?-?\d+")


@dataclass(frozen=True, slots=True, eq=False)
class LayerImage:
    """An image layer, without napari.

    Attributes
    ----------
    data : array-like
        Full resolution of a multiscale layer; with `rgb` the last axis holds colour.
    name : str
        Of the layer.
    rgb : bool
        Whether the last axis of `data` holds colour; no other attribute counts that axis.
    axis_labels : tuple of str
        One for each axis; "" where it has no name.
    placement : Placement
        Where the layer lies.
    units : tuple of str
        Of each axis.
    look : dict
        Attributes that say how it is shown.
    path : str or None
        File that it was read from.
    metadata : dict
        The layer's own.
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
        """Size of each axis, colour apart."""
        shape = tuple(int(size) for size in self.data.shape)
        return shape[:-1] if self.rgb else shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values, in native byte order."""
        native: np.dtype[Any] = np.dtype(self.data.dtype).newbyteorder("=")
        return native


def layer_image(layer: Any) -> LayerImage:
    """Look at a layer; nothing is copied or read.

    Parameters
    ----------
    layer : napari.layers.Image, tuple, or LayerImage
        A layer, or (data, attributes) or (data, attributes, "image") as readers return it.

    Raises
    ------
    StackError
        If it is no image layer, or an attribute does not fit its number of axes.
    """
    if isinstance(layer, LayerImage):
        return layer
    if isinstance(layer, (tuple, list)):
        data, attributes, *kind = layer
        _check_kind(kind[0] if kind else "image")
        return _from_attributes(data, attributes)
    _check_kind(getattr(layer, "_type_string", None) or type(layer).__name__)
    names = ("name", "rgb", "multiscale", "axis_labels", "units", "metadata", *LOOK)
    places = ("scale", "translate", "rotate", "shear", "affine")
    path = getattr(getattr(layer, "source", None), "path", None)
    attributes = {name: getattr(layer, name) for name in (*names, *places) if hasattr(layer, name)}
    return _from_attributes(layer.data, {**attributes, "path": path})


def _check_kind(kind: str) -> None:
    if kind != "image":
        msg = f"got a layer of kind {kind!r}; accepted are image layers. Select one of those."
        raise StackError(msg)


def _from_attributes(data: Any, given: Mapping[str, Any]) -> LayerImage:
    rgb = bool(given.get("rgb", False))
    full = data[0] if _is_multiscale(data, given.get("multiscale")) else data
    if not (hasattr(full, "shape") and hasattr(full, "dtype")):
        full = np.asarray(full)
    ndim = len(full.shape) - rgb
    places = ("scale", "translate", "rotate", "shear", "affine")
    path = given.get("path")
    return LayerImage(
        data=full,
        name=str(given.get("name") or "image"),
        rgb=rgb,
        axis_labels=_labels(given.get("axis_labels"), full, ndim),
        placement=Placement.of(ndim, **{name: given.get(name) for name in places}),
        units=_units(given.get("units"), ndim),
        look={name: given[name] for name in LOOK if given.get(name) is not None},
        path=str(Path(path)) if isinstance(path, (str, os.PathLike)) else None,
        metadata=dict(given.get("metadata") or {}),
    )


def _is_multiscale(data: Any, said: Any) -> bool:
    if said is not None:
        return bool(said)
    if not isinstance(data, Sequence) or not data:
        return False
    return all(hasattr(level, "shape") for level in data) and _sinks(data)


def _sinks(levels: Any) -> bool:
    sizes = [np.prod(level.shape) for level in levels]
    return all(after < before for before, after in pairwise(sizes))


def _labels(given: Any, data: Any, ndim: int) -> tuple[str, ...]:
    """Return names of the axes; napari's own stand for none."""
    if given is None:
        given = (getattr(data, "dims", None) or ("",) * ndim)[:ndim]
    labels = tuple("" if _UNNAMED.fullmatch(str(label)) else str(label) for label in given)
    if len(labels) != ndim:
        msg = f"got {len(labels)} axis labels for {ndim} axes; give one for each."
        raise StackError(msg)
    return labels


def _units(given: Any, ndim: int) -> tuple[str, ...]:
    if given is None:
        return ("pixel",) * ndim
    if isinstance(given, str):
        return (given,) * ndim
    units = tuple(str(unit) for unit in given)
    if len(units) != ndim:
        msg = f"got {len(units)} units for {ndim} axes; give one for each."
        raise StackError(msg)
    return units
