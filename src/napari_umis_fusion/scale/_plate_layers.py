"""Plates of OME-Zarr as layers, with an axis for their fields."""

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files import LayerData
from napari_umis_fusion.files.ome_zarr import announced_fields, zarr_layers
from napari_umis_fusion.scale._source import open_source

MOST_FIELDS = 500
"""Fields that are opened at once; each takes some milliseconds, and more on a file server."""

FIELDS_KEY = "fields"
"""Entry of a layer's metadata: the field at each place of the axis, such as "B/03/0"."""

_ALIKE = ("axis_labels", "scale", "units", "name", "multiscale")


def plate_layers(url: str | PathLike[str]) -> list[LayerData]:
    """Read a plate of OME-Zarr as layers whose first axis counts its fields; no values are read.

    Parameters
    ----------
    url : path or str
        A plate of OME-Zarr 0.4 or 0.5: a folder or an address.

    Returns
    -------
    list of (array, attributes, "image")
        One layer for each channel: dask arrays, lists of them where there are levels, with the axis
        ``field`` before those of the images. ``metadata["fields"]`` names the field at each place.

    Raises
    ------
    StackFileError
        If it is no plate, it has too many fields or fields of several sizes, or packages of the
        extra ``scale`` are missing.
    """
    text = fspath(url).rstrip("/")
    # Before any is opened, which would take long.
    _check_count(text, announced_fields(url))
    source = open_source(url)
    names = [field.name for field in source.fields]
    if not names[0]:
        raise StackFileError(f"{text}: is an image; accepted are plates. Open it with read_layers.")
    _check_count(text, len(names))
    fields = [_images(f"{source.url.rstrip('/')}/{name}") for name in names]
    for name, layers in zip(names, fields, strict=True):
        if [_kind(one) for one in layers] != [_kind(one) for one in fields[0]]:
            raise StackFileError(
                f"{text}: its fields {names[0]} and {name} differ in size, axes or channels, so "
                f"that they are no layer together. Open them one by one, such as {text}/{name}."
            )
    stem = text.rpartition("/")[2].partition(".")[0]
    return [_joined(same, names, stem) for same in zip(*fields, strict=True)]


def _check_count(url: str, count: int) -> None:
    if count > MOST_FIELDS:
        raise StackFileError(
            f"{url}: holds {count} fields; at most {MOST_FIELDS} are opened at once. Open one, "
            "such as the folder B/03/0 in it, or fuse all in Plugins > UMIS Fusion > Batch."
        )


def _images(url: str) -> list[LayerData]:
    """Return the channels of a field, without its labels."""
    field = url.rpartition("/")[2].partition(".")[0]
    layers = [layer for layer in zarr_layers(url) if layer[2] == "image"]
    return [
        (data, {**told, "name": told["name"].removeprefix(field).strip()}, kind)
        for data, told, kind in layers
    ]


def _levels(layer: LayerData) -> list[Any]:
    return layer[0] if isinstance(layer[0], list) else [layer[0]]


def _kind(layer: LayerData) -> tuple[Any, ...]:
    levels = [(level.shape, level.dtype) for level in _levels(layer)]
    return levels, *(layer[1].get(key) for key in _ALIKE)


def _joined(layers: Sequence[LayerData], names: list[str], stem: str) -> LayerData:
    import dask.array

    stack: Any = dask.array.stack
    _, told, kind = layers[0]
    levels = [stack(list(same)) for same in zip(*map(_levels, layers), strict=True)]
    attributes = {
        **told,
        "name": f"{stem} {told['name']}".strip(),
        "axis_labels": ("field", *told["axis_labels"]),
        "scale": (1.0, *told["scale"]),
        # Fields lie at places of their own on the plate; as an axis, they share one.
        "translate": (0.0,) * (1 + len(told["scale"])),
        "units": ("pixel", *told["units"]),
        "metadata": {FIELDS_KEY: names},
    }
    return levels if len(levels) > 1 else levels[0], attributes, kind
