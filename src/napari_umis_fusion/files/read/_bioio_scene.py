"""Images of microscope programs, read by bioio: one scene, whose planes are read on demand."""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._bioio_claims import check_scene
from napari_umis_fusion.files.read._chunk_reader import ChunkReader
from napari_umis_fusion.files.read._file_state import FileState
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._other_formats import has_plugin, way_to_install
from napari_umis_fusion.runtime import needs_extra
from napari_umis_fusion.stack import (
    Calibration,
    Plane,
    check_stack,
    kind_of,
    length_um,
    narrowed,
    narrowed_dtype,
)

_NEEDED = ("bioio", "bioio_base", "dask", "xarray")
_SHOWN = 12
_PLANE = ["Y", "X", "S"]

needs_bioio = partial(
    needs_extra, "bioio", _NEEDED, "files of microscope programs are read by bioio", StackFileError
)
"""Import from the extra ``bioio`` inside this context; raises `StackFileError` if it is missing."""


class BioioScene:
    """One scene of a file, with all its axes.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    number, count : int
        Which scene, and how many there are.
    name : str
        Name of the scene, as the file gives it.
    sizes : dict of str to int
        Axes in order, without those of size 1 (except Y and X).
    dtype : numpy.dtype
        Of the values as they are read.
    calibration : Calibration
        Physical sizes.
    time_step_s : float or None
        Interval between time points.
    channel_names : tuple of str
        Name of each channel; empty if unknown.
    """

    def __init__(self, path: Path, reader: Any, number: int, state: FileState) -> None:
        names = list(reader.scenes)
        reader.set_scene(number)
        self.path, self.number, self.count = path, number, len(names)
        self.name = str(names[number])
        array = _whole_array(reader)
        self._axes, self._chunks = tuple(map(str, array.dims)), ChunkReader(array.data)
        shape = tuple(map(int, array.shape))
        sizes = zip(self._axes, shape, strict=True)
        self.sizes = {axis: size for axis, size in sizes if size > 1 or axis in "YX"}
        self._state, self._lock = state, threading.Lock()
        self.dtype = narrowed_dtype(np.dtype(array.dtype).newbyteorder("="))
        check_stack((1, self.sizes["Y"], self.sizes["X"]), self.dtype)
        self.calibration = _calibration(reader)
        self.time_step_s = _time_step_s(reader)
        self.channel_names = _channel_names(reader, dict(zip(self._axes, shape, strict=True)))

    @property
    def colour(self) -> bool:
        """Whether samples are those of colour."""
        return self.sizes.get("S", 1) in (3, 4)

    def read(
        self,
        picks: Mapping[str, int],
        last: str | None = None,
        rows: slice = slice(None),
        columns: slice = slice(None),
    ) -> Plane:
        """Read one plane, or a rectangle of it.

        Parameters
        ----------
        picks : mapping of str to int
            The index along each axis besides Y, X and `last`.
        last : str, optional
            Axis that becomes the last one.
        rows, columns : slice
            The rectangle.

        Returns
        -------
        ndarray of shape (Y, X) or (Y, X, C)

        Raises
        ------
        StackFileError
            If it cannot be read, or the file was changed since it was opened.
        """
        places: dict[str, Any] = {"Y": rows, "X": columns, **picks}
        if last is not None:
            places[last] = slice(None)
        kept = [axis for axis in self._axes if axis in ("Y", "X", last)]
        order = [kept.index(axis) for axis in ("Y", "X", last) if axis is not None]
        # Readers of other packages are not known to be usable from several threads.
        with self._lock, naming_read_errors(self.path), self._state.kept(self.path):
            part = self._chunks.read(tuple(places.get(axis, 0) for axis in self._axes))
            plane = narrowed(part.transpose(order)).astype(self.dtype, copy=False)
            return np.ascontiguousarray(plane)


def open_scene(path: Path, number: int | None) -> BioioScene:
    """Open one scene of a file; no plane is read.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    number : int or None
        Which scene, counted from 0; None for the only one.

    Raises
    ------
    StackFileError
        If bioio or its plugin for the file is missing, the file is broken, or holds several
        scenes and none is chosen.
    """
    with naming_read_errors(path):
        return _open_scene(path.absolute(), number, FileState.of(path))


@lru_cache(maxsize=4)  # a batch opens the same scene once for each time point
def _open_scene(path: Path, number: int | None, state: FileState) -> BioioScene:
    reader = open_reader(path)
    names = list(reader.scenes)
    if number is None and len(names) > 1:
        raise StackFileError(_choose_scene(names))
    if number is not None and not 0 <= number < len(names):
        raise StackFileError(f"index series={number} is outside 0 to {len(names) - 1}.")
    check_scene(path, type(reader), number or 0)
    return BioioScene(path, reader, number or 0, state)


def open_reader(path: Path) -> Any:
    """Return the reader of bioio for a file, of which each plane is a chunk where that is possible.

    Raises
    ------
    StackFileError
        If bioio or its plugin is missing, or the file is broken.
    """
    with needs_bioio():
        from bioio import BioImage
        from bioio_base.exceptions import UnsupportedFileFormatError
    logging.getLogger("bioio.bio_image").addFilter(_is_no_failed_attempt)
    try:
        kind: Any = BioImage.determine_plugin(str(path)).metadata.get_reader()
    except UnsupportedFileFormatError as error:
        msg = f"no plugin of bioio here reads {path.suffix} files. {way_to_install(path)}"
        if has_plugin(path):
            msg = (
                f"cannot be read by the plugin of bioio for {path.suffix}; the file is broken, "
                "truncated or not what its name says: copy it again or leave it out."
            )
        raise StackFileError(msg) from error
    try:
        return kind(str(path), chunk_dims=list(_PLANE))
    except TypeError:  # its chunks are planes already, or cannot be chosen
        return kind(str(path))


def _is_no_failed_attempt(record: logging.LogRecord) -> bool:
    """Drop warnings that a plugin cannot read a file: the error says it."""
    return "Attempted file" not in record.getMessage()


def _whole_array(reader: Any) -> Any:
    """Return all axes of a scene; tiles are stitched where the plugin can."""
    if "M" in reader.dims.order:
        try:
            return reader.mosaic_xarray_dask_data
        except NotImplementedError:
            pass  # each tile is an entry of the axis M
    return reader.xarray_dask_data


def _calibration(reader: Any) -> Calibration:
    sizes, told = reader.physical_pixel_sizes, _or_none(reader, "dimension_properties")
    units = [getattr(getattr(told, axis, None), "unit", None) for axis in "ZYX"]
    # Plugins that tell no unit convert to µm, as bioio asks of them.
    step, height, width = (
        length_um(abs(size), str(unit or "um")) if size else None
        for size, unit in zip(sizes, units, strict=True)
    )
    return Calibration(step, height, width)


def _time_step_s(reader: Any) -> float | None:
    told = _or_none(reader, "time_interval")
    # A plain number has no unit that could be known.
    seconds = told.total_seconds() if isinstance(told, timedelta) else 0.0
    return seconds if seconds > 0 else None


def _channel_names(reader: Any, sizes: Mapping[str, int]) -> tuple[str, ...]:
    names = _or_none(reader, "channel_names") or ()
    is_complete = len(names) == sizes.get("C", 1)
    return tuple(map(str, names)) if is_complete else ()


def _or_none(reader: Any, name: str) -> Any:
    """Return what a plugin tells; None where it fails: the planes can still be read."""
    try:
        return getattr(reader, name)
    except Exception:  # headers of vendors have no specification, and plugins raise anything
        return None


def _choose_scene(names: Sequence[str]) -> str:
    told = ", ".join(f"{number} ({name})" for number, name in enumerate(names[:_SHOWN]))
    more = " ..." if len(names) > _SHOWN else ""
    return (
        f'holds {len(names)} scenes: {told}{more}. Select one: index={{"series": 0}} (--scene 0).'
    )


def is_along_z(axis: str | None) -> bool:
    """Whether an axis that is used as z is z, so that the z step holds for it."""
    return axis is not None and kind_of(axis) in ("z", "unnamed")
