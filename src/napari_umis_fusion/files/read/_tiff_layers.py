"""TIFF files as layers: all axes, one layer for each channel, one set for each series."""

import itertools
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files._layer_attributes import (
    ABSENT_KEY,
    FILE_KEY,
    MOSAIC_KEY,
    OPTICS_KEY,
    POSITIONS_KEY,
    RUN_KEY,
    Colour,
    LayerData,
    channel_appearance,
    layer_stem,
    placement_attributes,
)
from napari_umis_fusion.files._layer_record import recorded_axes, restored_layer
from napari_umis_fusion.files.read._file_state import FileState
from napari_umis_fusion.files.read._lazy_arrays import LAZY_BYTES, stack_planes
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._physical_size import tiff_sizes
from napari_umis_fusion.files.read._series_header import SeriesHeader, read_series_header
from napari_umis_fusion.files.read._shown_frames import OpenSeries, open_series
from napari_umis_fusion.files.read._tiff import other_files
from napari_umis_fusion.files.read._tiff_file import OmeHeaderError, open_tiff_file
from napari_umis_fusion.files.read._tiff_layout import Layout, read_part
from napari_umis_fusion.files.read._tiff_series import pick_series, series_of, unnamed_pages
from napari_umis_fusion.presets import ChannelOptics
from napari_umis_fusion.stack import MAX_CHANNELS, Calibration, Plane, kind_of

MAX_SERIES = 50
"""Files of whole plates hold hundreds of series, each of which would become a layer or more."""


@dataclass(frozen=True, slots=True)
class _Series:
    """One series, open for reading."""

    path: Path
    number: int
    opened: OpenSeries
    calibration: Calibration
    header: SeriesHeader
    by_pages: bool

    @property
    def layout(self) -> Layout:
        """Axes of the series."""
        return self.opened.layout

    @property
    def colour(self) -> bool:
        """Whether the last axis is colour."""
        return self.opened.colour

    def split(self) -> tuple[str, ...]:
        """Return the axes whose entries become separate layers."""
        sizes = self.layout.sizes
        whole = len(sizes) - self.colour
        if len(self.header.records) == 1 and recorded_axes(self.header.records[0]) == whole:
            return ()  # it was saved as one layer
        few = [axis for axis in ("C",) if sizes.get(axis, 0) in range(2, MAX_CHANNELS + 1)]
        return (*few, *(axis for axis in ("S",) if axis in sizes and not self.colour))

    def outer(self) -> tuple[str, ...]:
        """Return the axes of a layer besides Y, X and colour."""
        excluded = (*self.split(), "Y", "X", *(("S",) if self.colour else ()))
        return tuple(axis for axis in self.layout.sizes if axis not in excluded)


def tiff_layers(path: Path, among_bytes: int = 0) -> list[LayerData]:
    """Read a TIFF file as layers, with all its axes, channels and series.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    among_bytes : int
        Size of all files that are opened together, which decides whether planes are read on demand;
        files are then closed after each plane, since systems limit how many are open.

    Returns
    -------
    list of (array, attributes, "image")
        See `napari_umis_fusion.read_layers`.

    Raises
    ------
    StackFileError
        If the file is broken, truncated or without planes.
    """
    with naming_read_errors(path), FileState.of(path).kept(path):
        try:
            opened, by_pages = open_tiff_file(path), False
        except OmeHeaderError as error:
            opened, by_pages = open_tiff_file(path, by_pages=True), True
            msg = f"{path.name}: {error} Its pages are shown in their order, without sizes."
            warnings.warn(msg, UserWarning, stacklevel=2)
        with opened as tif:
            every = series_of(tif)
            count, nbytes = len(every), sum(one.size * one.dtype.itemsize for one in every)
            for note in unnamed_pages(tif):
                warnings.warn(f"{path.name}: {note}", UserWarning, stacklevel=2)
        if count > MAX_SERIES:
            msg = (
                f"{path}: holds {count} images; only the first {MAX_SERIES} are opened. Others are "
                f'opened in Python, such as open_stack(file, index={{"series": {MAX_SERIES}}}).'
            )
            warnings.warn(msg, UserWarning, stacklevel=2)
        numbers = range(max(1, min(count, MAX_SERIES)))
        lazy = max(nbytes, among_bytes) > LAZY_BYTES
        how = {"alone": count == 1, "keeps_open": lazy and not among_bytes}
        opened_series = (_open_series(path, number, by_pages) for number in numbers)
        return [layer for one in opened_series for layer in _series_layers(one, lazy, **how)]


def _open_series(path: Path, number: int, by_pages: bool) -> _Series:
    tif = open_tiff_file(path, by_pages=by_pages)
    try:
        series = pick_series(tif, number).series
        header, told = read_series_header(tif, number), tiff_sizes(tif, number)
        opened = open_series(tif, series)
        told = told.judged(_planes_of(opened.layout))
        if opened.pixels.dtype.kind == "c":
            raise StackFileError(
                f"got dtype {opened.pixels.dtype}; accepted are whole numbers and floats. Convert "
                "a complex image to its magnitude first."
            )
    except BaseException:
        tif.close()
        raise
    sizes = opened.pixels.upright_sizes(told.sizes)
    for note in (*told.notes, *opened.pixels.notes):
        warnings.warn(f"{path.name}: {note}", UserWarning, stacklevel=2)
    return _Series(path, number, opened, sizes, header, by_pages)


def _planes_of(layout: Layout) -> int:
    kinds = ((kind_of(axis), size) for axis, size in layout.sizes.items())
    return max((size for kind, size in kinds if kind in ("z", "unnamed")), default=1)


def _series_layers(
    series: _Series, lazy: bool, *, alone: bool, keeps_open: bool
) -> list[LayerData]:
    layout, frames = series.layout, series.opened.frames
    count = math.prod(layout.sizes[axis] for axis in layout.over_frames)
    frames.check(number for number in range(count) if number not in frames.missing)
    if frames.missing:
        msg = (
            f"{series.path.name}: {len(frames.missing)} of {count} planes were not recorded, or "
            "their files are absent; they are shown blank."
        )
        warnings.warn(msg, UserWarning, stacklevel=2)
    picks = list(_picks(series))
    looks = channel_appearance(_channel_colours(series, len(picks)))
    name = layer_stem(series.path) if alone else _image_name(series)
    layers: list[LayerData] = []
    for k, (pick, look) in enumerate(zip(picks, looks, strict=True)):
        attributes = {**_attributes(series, pick), **look, "name": _layer_name(series, name, k)}
        layers.append((_array(series, pick, lazy), attributes, "image"))
    records = series.header.records
    if len(records) == len(layers):
        layers = [restored_layer(*one) for one in zip(layers, records, strict=True)]
    # All planes are in memory, or the file is opened again for each.
    if not keeps_open:
        frames.close()
    return layers


def _picks(series: _Series) -> Iterator[dict[str, int]]:
    axes = series.split()
    for place in itertools.product(*(range(series.layout.sizes[axis]) for axis in axes)):
        yield dict(zip(axes, place, strict=True))


def _array(series: _Series, pick: Mapping[str, int], lazy: bool) -> Any:
    layout, outer, frames = series.layout, series.outer(), series.opened.frames
    last = ("S",) if series.colour else ()
    dtype = series.opened.pixels.dtype
    plane = [layout.sizes[axis] for axis in ("Y", "X", *last)]

    def read(place: tuple[int, ...]) -> Plane:
        picks = {**pick, **dict(zip(outer, place, strict=True))}
        if frames.missing and layout.frame_number(picks) in frames.missing:
            return np.zeros(plane, dtype)
        with naming_read_errors(series.path):
            part = read_part(layout, frames, picks, last=last[0] if last else None)
        return np.ascontiguousarray(part, dtype)

    return stack_planes(read, [layout.sizes[axis] for axis in outer], plane, dtype, lazy=lazy)


def _attributes(series: _Series, pick: Mapping[str, int]) -> dict[str, Any]:
    outer = series.outer()
    # Pages that are not understood may be channels or time points.
    axes = ["unknown", "y", "x"] if series.by_pages and len(outer) == 1 else _axis_labels(outer)
    origin: dict[str, Any] = {"path": str(series.path.absolute())}
    origin |= {"series": series.number, "index": dict(pick)}
    others = other_files(series.path, series.opened.files)
    if others:
        origin["files"] = others
    if series.calibration.z_positions_um is not None:
        origin[POSITIONS_KEY] = list(series.calibration.z_positions_um)
    if absent := _absent(series, pick):
        origin[ABSENT_KEY] = absent
    if series.opened.pixels.is_mosaic:
        origin[MOSAIC_KEY] = True
    if optics := optics_record(_optics(series, pick)):
        origin[OPTICS_KEY] = optics
    metadata: dict[str, Any] = {FILE_KEY: origin}
    if series.header.provenance is not None:
        metadata[RUN_KEY] = series.header.provenance
    places = placement_attributes(axes, series.calibration, series.header.time_step_s)
    return {**places, "rgb": series.colour, "metadata": metadata}


def _absent(series: _Series, pick: Mapping[str, int]) -> list[list[int]]:
    """Return the places of the planes of a layer that were not recorded."""
    layout, outer, missing = series.layout, series.outer(), series.opened.frames.missing
    if not missing:
        return []
    return [
        list(place)
        for place in itertools.product(*(range(layout.sizes[axis]) for axis in outer))
        if layout.frame_number({**pick, **dict(zip(outer, place, strict=True))}) in missing
    ]


def _optics(series: _Series, pick: Mapping[str, int]) -> Sequence[ChannelOptics]:
    """Return how the channels of a layer were taken, as far as the file tells."""
    optics = series.header.optics
    return [optics[pick["C"]]] if pick.get("C", len(optics)) < len(optics) else optics


def optics_record(optics: Sequence[ChannelOptics]) -> list[dict[str, str]]:
    """Return what is told of channels, for the metadata of a layer."""
    told = [asdict(one) for one in optics if one != ChannelOptics()]
    return [{key: value for key, value in one.items() if value} for one in told]


def _axis_labels(outer: Sequence[str]) -> list[str]:
    # Pages about which a file says nothing are taken as planes along z, as `open_tiff` does.
    plain_pages = [kind_of(axis) for axis in outer] == ["unnamed"]
    labels = ["z"] if plain_pages else [axis.lower() for axis in outer]
    return [*labels, "y", "x"]


def _layer_name(series: _Series, name: str, k: int) -> str:
    """Return the name of a layer: that of the image, with its channel if there are several."""
    records = series.header.records
    told = records[k].get("name") if k < len(records) and isinstance(records[k], dict) else None
    if len(records) > 1 and isinstance(told, str) and told:
        return told
    several = any(series.layout.sizes.get(axis, 1) > 1 for axis in series.split())
    return f"{name} {_channel_name(series, k)}" if several else name


def _image_name(series: _Series) -> str:
    return series.header.name or f"{layer_stem(series.path)} series {series.number}"


def _channel_name(series: _Series, k: int) -> str:
    names = series.header.channel_names
    known = names[k] if len(names) == series.layout.sizes.get("C") and k < len(names) else ""
    return known or f"channel {k + 1}"


def _channel_colours(series: _Series, count: int) -> list[Colour | None]:
    colours = series.header.colours
    if series.colour or len(colours) != count:
        return [None] * count
    return list(colours)
