"""Images of OME-Zarr as layers: all levels, read where they are, with their labels."""

import warnings
from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files._layer_attributes import RUN_KEY, LayerData, channel_appearance
from napari_umis_fusion.files.ome_zarr._address import absolute_url, is_address
from napari_umis_fusion.files.ome_zarr._group import OWN_KEY, content_of, open_group
from napari_umis_fusion.files.ome_zarr._zarr_image import (
    address_of,
    axes_of,
    check_is_image,
    colour_of,
    placement_of,
)
from napari_umis_fusion.files.ome_zarr._zarr_kind import image_paths, zarr_kind
from napari_umis_fusion.runtime import reason_of

MOST_IMAGES = 50
"""Images of one folder that are opened at once."""


def zarr_layers(url: str | PathLike[str]) -> list[LayerData]:
    """Read an image of OME-Zarr as layers; no values are read.

    Parameters
    ----------
    url : path or str
        An image of OME-Zarr 0.4 or 0.5, such as a field of a plate: a folder or an address. Of a
        folder of several images, which is no plate, the first 50 are read.

    Returns
    -------
    list of (array, attributes, kind)
        One image layer for each channel, then its labels: dask arrays, lists of them where there
        are levels, with names, places, units, colours and contrast.

    Raises
    ------
    StackFileError
        If it is no image of OME-Zarr, or packages of the extra ``scale`` are missing.
    """
    text = absolute_url(fspath(url))
    if is_address(text) or zarr_kind(text) != "images":
        return _layers_of(text, _stem(text))
    paths = image_paths(text)
    if len(paths) > MOST_IMAGES:
        msg = f"{text}: holds {len(paths)} images; only the first {MOST_IMAGES} are opened."
        warnings.warn(msg, UserWarning, stacklevel=2)
    each = ((f"{text}/{path}", f"{_stem(text)} {path}") for path in paths[:MOST_IMAGES])
    return [layer for one, name in each for layer in _layers_of(one, name)]


def _layers_of(url: str, name: str) -> list[LayerData]:
    text, group, content = open_group(url)
    check_is_image(text, content)
    try:
        layers = list(_image_layers(group, name, "image"))
        for label in _label_names(group):
            layers += _image_layers(group[f"labels/{label}"], label, "labels")
    except StackFileError:
        raise
    except Exception as error:
        raise StackFileError(
            f"{text}: cannot be opened as an image of OME-Zarr ({reason_of(error)}); accepted are "
            "images, such as a field of a plate, of version 0.4 or 0.5."
        ) from error
    return layers


def _stem(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2].partition(".")[0] or "image"


def _label_names(group: Any) -> Sequence[str]:
    try:
        return tuple(content_of(group["labels"]).get("labels", ()))
    except (KeyError, FileNotFoundError):  # an image may have none
        return ()


def _image_layers(group: Any, name: str, kind: str) -> Iterator[LayerData]:
    content = content_of(group)
    multiscale = content["multiscales"][0]
    levels = [_lazy(group[one["path"]]) for one in multiscale["datasets"]]
    axes, *_ = [axes_of(multiscale, name, level.shape) for level in levels]
    scale, translate = placement_of(multiscale, multiscale["datasets"][0])
    units = [one.get("unit") or "pixel" for one in multiscale["axes"]]
    place = axes.index("c") if "c" in axes else None
    kept = [number for number in range(len(axes)) if number != place]
    common = {
        "axis_labels": tuple(axes[number] for number in kept),
        "scale": tuple(scale[number] for number in kept),
        "translate": tuple(translate[number] for number in kept),
        "units": tuple(units[number] for number in kept),
        "multiscale": len(levels) > 1,
        **({"metadata": {RUN_KEY: run}} if (run := _provenance(group)) else {}),
    }
    channels = (content.get("omero") or {}).get("channels") or []
    count = 1 if place is None else levels[0].shape[place]
    told_of = [*channels[:count], *[{}] * (count - len(channels))]
    colours = channel_appearance([colour_of(told.get("color")) for told in told_of])
    for channel, (told, colour) in enumerate(zip(told_of, colours, strict=True)):
        arrays = [_of_channel(level, place, channel) for level in levels]
        look = {**colour, **_look(told)} if kind == "image" else {}
        label = told.get("label") or (f"channel {channel + 1}" if count > 1 else "")
        # Of a list with one array, napari would take the first axis for levels.
        yield (
            arrays if len(arrays) > 1 else arrays[0],
            {**common, **look, "name": f"{name} {label}".strip()},
            kind,
        )


def _provenance(group: Any) -> dict[str, Any] | None:
    """Return how this package made an image that `write_zarr` wrote; None for others."""
    told = group.attrs.get(OWN_KEY)
    run = told.get("provenance") if isinstance(told, dict) else None
    return run if isinstance(run, dict) else None


def _lazy(array: Any) -> Any:
    import dask.array
    import zarr

    opened = zarr.open_array(address_of(array), mode="r")
    # Not from_zarr, which in our lower bound of dask knows no zarr 3.
    made: Any = dask.array.from_array
    return made(opened, chunks=opened.chunks)


def _of_channel(level: Any, place: int | None, channel: int) -> Any:
    return level if place is None else level[(slice(None),) * place + (channel,)]


def _look(told: dict[str, Any]) -> dict[str, Any]:
    """Return contrast and visibility of a channel, as far as they are told."""
    look: dict[str, Any] = {}
    window = told.get("window") or {}
    start, end = window.get("start"), window.get("end")
    if start is not None and end is not None and np.isfinite([start, end]).all() and start < end:
        look["contrast_limits"] = (float(start), float(end))
    if told.get("active") is False:
        look["visible"] = False
    return look
