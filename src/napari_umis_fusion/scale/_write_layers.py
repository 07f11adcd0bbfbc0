"""Layers written as one image of OME-Zarr 0.5, with pyramids: image, labels, and maps beside it."""

import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files import RUN_KEY, LayerData
from napari_umis_fusion.files.ome_zarr import needs_scale
from napari_umis_fusion.files.write import (
    Writable,
    as_images,
    naming_write_errors,
    stored_dtype,
    writable_layer,
)
from napari_umis_fusion.runtime import hidden_beside, user_path
from napari_umis_fusion.scale._pyramid import mean_of_four, nearest
from napari_umis_fusion.scale._target import level_shapes, write_group
from napari_umis_fusion.stack import kind_of, plane_places

SUFFIX, CHUNK_PX = ".ome.zarr", 512

_ORDER = "tczyx"
_RGB = ("FF0000", "00FF00", "0000FF", "FFFFFF")
_UNITS = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}


def write_zarr(path: str | os.PathLike[str], layers: Sequence[LayerData]) -> list[str]:
    """Write layers as one image of OME-Zarr 0.5, which appears once it is complete.

    Parameters
    ----------
    path : path
        Ends in .zarr; else .ome.zarr is added. It must not exist.
    layers : sequence of (data, attributes, kind)
        Image and labels layers, as `read_layers` gives them. The first image, with the layers that
        are channels of it, is that of the group; other images are below ``maps/``, labels below
        ``labels/``. Other programs see names, sizes, places, colours and contrast.

    Returns
    -------
    list of str
        The folder written.

    Raises
    ------
    StackFileError
        If a layer is refused, the path exists, or packages of the extra ``scale`` are missing.
    """
    target = user_path(path)
    if target.suffix.lower() != ".zarr":
        target = target.with_name(target.name + SUFFIX)
    if target.exists():
        raise StackFileError(
            f"{target}: exists, and OME-Zarr is never replaced; choose another name, or remove it."
        )
    ready = [writable_layer(*layer) for layer in layers]
    images = as_images([one for one in ready if one.kind == "image"])
    if not images:
        raise StackFileError(f"{target}: got no image layer; accepted is at least one.")
    labels: list[Writable] = [one for one in ready if one.kind == "labels"]
    _warn_of_turned(target, [*images, *labels])
    with needs_scale():
        from yaozarrs import v05
    with naming_write_errors(target), _beside(target) as folder:
        _write_image(folder, images[0])
        for name, image in _named(images[1:]):
            _write_image(folder / "maps" / name, image)
        for name, image in _named(labels):
            _write_image(folder / "labels" / name, image, halve=nearest)
        if labels:
            names = [name for name, _ in _named(labels)]
            write_group(folder / "labels", v05.LabelsGroup(labels=names))
        if len(images) > 1:
            write_group(folder / "maps")
    return [str(target)]


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Give a folder to write into, which takes its name at the end, and is removed upon errors."""
    folder = hidden_beside(target)
    try:
        yield folder
        folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _named(images: Sequence[Writable]) -> list[tuple[str, Writable]]:
    """Return images with names of groups, each of its own also where case is ignored."""
    found: dict[str, tuple[str, Writable]] = {}
    for image in images:
        plain = re.sub(r"[^A-Za-z0-9.]+", "_", image.name).strip("._") or "layer"
        free = next(
            name
            for number in count(1)
            if (name := plain if number == 1 else f"{plain}_{number}").casefold() not in found
        )
        found[free.casefold()] = (free, image)
    return list(found.values())


def _write_image(
    folder: Path, image: Writable, *, halve: Callable[[Any], Any] = mean_of_four
) -> None:
    import zarr

    sizes = _sizes(image)
    axes = [axis for axis in _ORDER if axis in sizes]
    plane = sizes["y"], sizes["x"]
    dtype, others = stored_dtype(image), len(axes) - 2
    arrays = [
        zarr.create_array(
            str(folder / str(level)),
            shape=(*(sizes[axis] for axis in axes[:-2]), *shape),
            chunks=(*(1,) * others, *(min(side, CHUNK_PX) for side in shape)),
            dtype=dtype,
            dimension_names=axes,
            zarr_format=3,
        )
        for level, shape in enumerate(level_shapes(plane))
    ]
    for place, values in _planes(image, dtype, axes):
        for array in arrays:
            array[place] = values
            values = halve(values)
    told = {"provenance": run} if (run := image.layers[0].image.metadata.get(RUN_KEY)) else None
    model = _describe(image, axes, sizes, dtype, is_label=halve is nearest)
    write_group(folder, model, told)


def _sizes(image: Writable) -> dict[str, int]:
    """Return the size of each axis; samples of colour become channels."""
    sizes = dict(zip(image.axes.lower(), image.shape, strict=True))
    samples = sizes.pop("s", None)
    if samples is not None and "c" in sizes:
        raise StackFileError(
            f"{image.name!r} has channels and colour, of which OME-Zarr holds one; save it as "
            ".ome.tif, or one channel of it."
        )
    return sizes if samples is None else {"c": samples, **sizes}


def _planes(
    image: Writable, dtype: np.dtype[Any], axes: Sequence[str]
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the place of each plane (Y, X) in the array, and its values."""
    outer = [axis for axis in image.axes.lower() if axis not in "yxs"]
    counts = dict(zip(image.axes.lower(), image.shape, strict=True))
    places = np.ndindex(*(counts[axis] for axis in outer))
    for place, values in zip(places, image.planes(dtype), strict=True):
        at = dict(zip(outer, place, strict=True))
        parts = enumerate(np.moveaxis(values, -1, 0)) if image.rgb else [(at.get("c"), values)]
        for channel, part in parts:
            index = {**at, **({} if channel is None else {"c": channel})}
            yield tuple(index.get(axis, slice(None)) for axis in axes), part


def _describe(
    image: Writable,
    axes: Sequence[str],
    sizes: Mapping[str, int],
    dtype: np.dtype[Any],
    *,
    is_label: bool,
) -> Any:
    from yaozarrs import DimSpec, v05

    moves = {axis: _offset(image, axis) for axis in axes}
    has_moved = any(moves.values())
    dims = [
        DimSpec(
            name=axis,
            scale=_scale(image, axis) or 1.0,
            unit=_UNITS[axis] if _scale(image, axis) else None,
            type={"t": "time", "c": "channel"}.get(axis, "space"),
            scale_factor=2.0 if axis in "yx" else 1.0,
            translation=moves[axis] if has_moved else None,
        )
        for axis in axes
    ]
    levels = len(level_shapes((sizes["y"], sizes["x"])))
    multiscale = v05.Multiscale.from_dims(dims, name=image.name, n_levels=levels)
    multiscale.type = "nearest" if is_label else "mean"
    if is_label:
        label = {"source": {"image": "../../"}}
        return v05.LabelImage.model_validate({"multiscales": [multiscale], "image-label": label})
    channels = _channels(image, dtype, sizes.get("c", 1))
    omero = v05.Omero.model_validate({"channels": channels})
    return v05.Image(multiscales=[multiscale], omero=omero)


def _scale(image: Writable, axis: str) -> float | None:
    """Return the size of a pixel in µm, or of a time step in s; None if unknown."""
    name = "TimeIncrement" if axis == "t" else f"PhysicalSize{axis.upper()}"
    size: float | None = image.metadata.get(name)
    return size


def _offset(image: Writable, axis: str) -> float:
    """Return the place of the first pixel, in the unit of `_scale`."""
    layer = image.layers[0].image
    kinds = [kind_of(label) for label in layer.axis_labels]
    y, x = plane_places(layer.axis_labels)
    known = {"y": y, "x": x, **({"z": kinds.index("z")} if "z" in kinds else {})}
    if axis not in known:
        return 0.0
    scale, translate = layer.placement.scale[known[axis]], layer.placement.translate[known[axis]]
    return float(translate / scale) * (_scale(image, axis) or 1.0) if scale else 0.0


def _channels(image: Writable, dtype: np.dtype[Any], number: int) -> list[dict[str, Any]]:
    """Return name, colour and contrast of each channel."""
    told = image.metadata.get("Channel") or {}
    names, colours = (_as_list(told.get(name)) for name in ("Name", "Color"))
    top = float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0
    found = []
    for channel in range(number):
        layer = image.layers[min(channel, len(image.layers) - 1)].image
        low, high = layer.look.get("contrast_limits") or (0.0, top)
        ends = {"min": min(0.0, float(low)), "max": max(top, float(high))}
        window = {**ends, "start": float(low), "end": float(high)}
        colour = colours[channel] if channel < len(colours) else None
        plain = _RGB[channel % 4] if image.rgb else _hex(colour)
        label = names[channel] if channel < len(names) and names[channel] else image.name
        found.append({"label": label, "color": plain, "window": window, "active": True})
    return found


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _warn_of_turned(target: Path, images: Sequence[Writable]) -> None:
    """Say which images lie turned or sheared in the world, which OME-Zarr cannot hold."""
    turned = [
        image.name
        for image in images
        if not all(
            np.allclose(matrix, np.eye(len(matrix)))
            for matrix in (
                image.layers[0].image.placement.rotate,
                image.layers[0].image.placement.shear,
                image.layers[0].image.placement.affine,
            )
        )
    ]
    if turned:
        msg = (
            f"{target.name}: {', '.join(turned)} is rotated, sheared or transformed, which is not "
            "saved, since OME-Zarr holds sizes and shifts only; .ome.tif keeps it."
        )
        warnings.warn(msg, UserWarning, stacklevel=3)


def _hex(packed: int | None) -> str:
    """Return the colour that OME packs as red, green, blue and opacity; white for none."""
    return "FFFFFF" if packed is None else f"{(packed & 0xFFFFFFFF) >> 8:06X}"
