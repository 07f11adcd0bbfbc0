"""Stacks from arrays: NumPy, dask, zarr, xarray, lists of planes."""

import copy
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.stack import Calibration, Plane, Stack, check_stack

_Z_NAMES = ("z", "depth", "plane")
_CHANNEL_NAMES = ("c", "ch", "channel")
_SAMPLE_NAMES = ("s", "sample", "rgb", "rgba")
_NEVER_Z = (*_CHANNEL_NAMES, *_SAMPLE_NAMES, "t", "time")


def as_stack(data: Any, *, calibration: Calibration | None = None) -> Stack:
    """Look at `data` as a stack; nothing is copied and no plane is read.

    Parameters
    ----------
    data : Stack, array-like, sequence of arrays, path or sequence of paths
        - a `Stack` is returned as it is;
        - anything with `shape`, `dtype` and indexing (NumPy, dask, zarr, xarray...), of shape
          (Z, Y, X) or (Z, Y, X, C); named dimensions of an xarray.DataArray are honoured;
        - a list or tuple of planes, each (Y, X) or (Y, X, C);
        - a path, glob, folder or list of paths: see `napari_umis_fusion.files.open_stack`.
    calibration : Calibration, optional
        Physical sizes; by default those that `data` tells.

    Returns
    -------
    Stack
        With `rgb` True where the last of four axes has 3 or 4 entries and is not named as
        channels.

    Raises
    ------
    StackError
        Wrong number of axes, empty, too many channels, ragged, mixed or unaccepted dtype.
    StackFileError
        A file cannot be read.
    """
    stack = _as_stack(data)
    if calibration is not None and calibration != stack.calibration:
        stack = copy.copy(stack)
        stack.calibration = calibration
    return stack


def _as_stack(data: Any) -> Stack:
    if isinstance(data, Stack):
        return data
    if _are_paths(data):
        from napari_umis_fusion.files import open_stack

        return open_stack(data)
    if hasattr(data, "dims") and hasattr(data, "coords"):
        return _from_named_axes(data)
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        return _ArrayStack(data)
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _PlaneListStack(data)
    msg = (
        f"got {type(data).__name__}; accepted are an array (Z, Y, X) or (Z, Y, X, C), "
        "a list of planes, a path or a list of paths."
    )
    raise StackError(msg)


def _are_paths(data: Any) -> bool:
    if isinstance(data, (str, os.PathLike)):
        return True
    if not isinstance(data, (list, tuple)):
        return False
    return len(data) > 0 and all(isinstance(item, (str, os.PathLike)) for item in data)


def _native_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        native: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")
    except TypeError as error:
        msg = f"got dtype {dtype!r}, which is none of NumPy's: convert to a NumPy array first."
        raise StackError(msg) from error
    return native


class _ArrayStack(Stack):
    """Planes of one array-like."""

    def __init__(self, data: Any, *, rgb: bool | None = None) -> None:
        self.shape = tuple(int(size) for size in data.shape)
        self.dtype = _native_dtype(data.dtype)
        check_stack(self.shape, self.dtype)
        self.rgb = _looks_rgb(self.shape) if rgb is None else rgb
        self._data = data

    def plane(self, z: int) -> Plane:
        return np.asarray(self._data[z]).astype(self.dtype, copy=False)

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        return np.asarray(self._data[z, rows, columns]).astype(self.dtype, copy=False)


class _PlaneListStack(Stack):
    """Planes of a list of arrays."""

    def __init__(self, planes: Sequence[Any]) -> None:
        if not planes:
            msg = "got an empty list; a stack needs at least one plane."
            raise StackError(msg)
        self._planes = [_as_plane(plane, z) for z, plane in enumerate(planes)]
        self.shape = (len(planes), *self._planes[0].shape)
        self.dtype = _native_dtype(self._planes[0].dtype)
        check_stack(self.shape, self.dtype)
        self.rgb = _looks_rgb(self.shape)
        for z, plane in enumerate(self._planes):
            self._check_alike(plane, z)

    def _check_alike(self, plane: Any, z: int) -> None:
        got: Any
        wanted: Any
        if tuple(plane.shape) != self.shape[1:]:
            got, wanted = tuple(plane.shape), self.shape[1:]
        elif _native_dtype(plane.dtype) != self.dtype:
            got, wanted = plane.dtype, self.dtype
        else:
            return
        msg = (
            f"plane {z} is {got} but plane 0 is {wanted}; all planes of a stack are of one "
            "shape and dtype. Crop or convert the planes, or leave this one out."
        )
        raise StackError(msg)

    def plane(self, z: int) -> Plane:
        return np.asarray(self._planes[z]).astype(self.dtype, copy=False)

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        return np.asarray(self._planes[z][rows, columns]).astype(self.dtype, copy=False)


def _looks_rgb(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and shape[3] in (3, 4)


def _as_plane(plane: Any, z: int) -> Any:
    if hasattr(plane, "shape") and hasattr(plane, "dtype"):
        return plane
    try:
        return np.asarray(plane)
    except ValueError as error:
        msg = f"plane {z} is ragged: its rows are of different lengths. Give it as an array."
        raise StackError(msg) from error


def _from_named_axes(data: Any) -> Stack:
    """Stack of an xarray.DataArray: z first, channels last, the rest dropped or refused."""
    names = {str(name).casefold(): name for name in data.dims}
    z_name = next((names[name] for name in _Z_NAMES if name in names), None)
    if z_name is None:
        _check_first_dimension(data)
        stack = _ArrayStack(data)
        stack.calibration = _named_calibration(data, *data.dims[:3])
        return stack
    channel = next((names[n] for n in (*_CHANNEL_NAMES, *_SAMPLE_NAMES) if n in names), None)
    plane_names = _plane_dimensions(data, z_name, channel)
    order = [z_name, *plane_names, *([] if channel is None else [channel])]
    squeezed = data.isel({name: 0 for name in data.dims if name not in order})
    rgb = str(channel).casefold() in _SAMPLE_NAMES and data.sizes[channel] in (3, 4)
    stack = _ArrayStack(squeezed.transpose(*order), rgb=rgb)
    stack.calibration = _named_calibration(data, z_name, *plane_names)
    return stack


def _check_first_dimension(data: Any) -> None:
    if data.dims and str(data.dims[0]).casefold() in _NEVER_Z:
        first = data.dims[0]
        msg = (
            f"dimensions are {data.dims} and none is called z; {first!r} is never taken for it. "
            f"If its planes are the stack, use data.rename({{{first!r}: 'z'}})."
        )
        raise StackError(msg)


def _plane_dimensions(data: Any, z_name: Any, channel: Any) -> list[Any]:
    """Y and X: those two by name, or else what z and the channels leave."""
    others = [name for name in data.dims if name not in (z_name, channel)]
    named = [name for name in others if str(name).casefold() in ("y", "x")]
    if len(named) == 2:
        kept = sorted(named, key=lambda name: str(name).casefold(), reverse=True)
    else:
        kept = [name for name in others if data.sizes[name] > 1] if len(others) > 2 else others
    surplus = {name: data.sizes[name] for name in others if name not in kept}
    if len(kept) != 2 or any(size > 1 for size in surplus.values()):
        msg = (
            f"dimensions are {dict(data.sizes)}; a stack is z, y, x and perhaps channels. "
            "Select one entry of every other dimension, such as data.isel(t=0)."
        )
        raise StackError(msg)
    return kept


def _named_calibration(data: Any, z_name: Any, y_name: Any, x_name: Any) -> Calibration:
    return Calibration(
        z_step_um=_spacing_um(data, z_name),
        pixel_height_um=_spacing_um(data, y_name),
        pixel_width_um=_spacing_um(data, x_name),
    )


def _spacing_um(data: Any, name: Any) -> float | None:
    """Step of a regular coordinate that tells its unit."""
    if name not in data.coords or data.sizes[name] < 2:
        return None
    coordinate = data.coords[name]
    unit = coordinate.attrs.get("units")
    if unit is None or np.dtype(coordinate.dtype).kind not in "iuf":
        return None
    from napari_umis_fusion.files.physical_size import length_um

    steps = np.diff(np.asarray(coordinate, dtype=np.float64))
    if not np.allclose(steps, steps[0], rtol=1e-3, atol=0):
        return None
    return length_um(abs(float(steps[0])), unit)
