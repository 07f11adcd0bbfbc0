"""Stacks from arrays: NumPy, dask, zarr, xarray, lists of planes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.stack._axes import find_z, kind_of, may_be_z, place_named, place_of
from napari_umis_fusion.stack._narrow import narrowed, narrowed_dtype
from napari_umis_fusion.stack._stack import (
    Calibration,
    Plane,
    Stack,
    check_stack,
)
from napari_umis_fusion.stack._thin_planes import thin_planes_note
from napari_umis_fusion.stack._units import length_um


def stack_of_arrays(
    data: Any, z_axis: str | None = None, index: Mapping[str, int] | None = None
) -> Stack:
    """Return a stack of an array or a list of planes; see `as_stack`.

    Raises
    ------
    StackError
        If the number of axes or of channels is not accepted, the data are empty or ragged, or
        dtypes are mixed or not accepted.
    """
    # An xarray.DataArray, recognised without importing xarray.
    if hasattr(data, "data_vars"):
        msg = (
            f"got an xarray.Dataset of {', '.join(map(repr, data.data_vars)) or 'nothing'}; "
            "accepted is one of its arrays: data[name]."
        )
        raise StackError(msg)
    if hasattr(data, "dims") and hasattr(data, "coords"):
        return _from_named_axes(data, z_axis, index or {})
    if z_axis is not None or index is not None:
        msg = (
            f"z_axis={z_axis!r}, index={index!r} name axes of a file or an xarray.DataArray; got "
            f"{type(data).__name__}, whose axes have no names. Leave both out, and give an array "
            "(Z, Y, X) or (Z, Y, X, C): numpy.moveaxis puts z first."
        )
        raise StackError(msg)
    if isinstance(data, Stack):
        return data
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        _check_mask(data)
        stack = _ArrayStack(data)
        stack.source_notes = thin_planes_note(stack.shape)
        return stack
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _PlaneListStack(data)
    msg = (
        f"got {type(data).__name__}; accepted are an array (Z, Y, X) or (Z, Y, X, C), "
        "a list of planes, a path or a list of paths."
    )
    raise StackError(msg)


def _native_dtype(dtype: Any) -> np.dtype[Any]:
    # Native byte order, as numba does not compile for any other.
    try:
        native: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")
    except TypeError as error:
        msg = f"got dtype {dtype!r}, which NumPy does not have: convert to a NumPy array first."
        raise StackError(msg) from error
    return narrowed_dtype(native)


def _read(part: Any, dtype: np.dtype[Any]) -> Plane:
    # Here lazy arrays are computed, and other byte orders converted.
    return narrowed(np.asarray(part)).astype(dtype, copy=False)


class _ArrayStack(Stack):
    """Stack of one array-like."""

    def __init__(self, data: Any, *, rgb: bool | None = None) -> None:
        if any(size != size for size in data.shape):  # dask does not know what it never counted
            msg = (
                f"got an array of unknown size, {tuple(data.shape)}; accepted are known sizes. "
                "With dask: data.compute_chunk_sizes()."
            )
            raise StackError(msg)
        self.shape = tuple(int(size) for size in data.shape)
        self.dtype = _native_dtype(data.dtype)
        check_stack(self.shape, self.dtype)
        self.rgb = _looks_rgb(self.shape) if rgb is None else rgb
        self._data = data

    def plane(self, z: int) -> Plane:
        return _read(self._data[z], self.dtype)

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        return _read(self._data[z, rows, columns], self.dtype)


class _PlaneListStack(Stack):
    """Stack of a list of planes."""

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
            f"plane {z} is {got} but plane 0 is {wanted}; all planes of a stack have the same "
            "shape and dtype. Crop or convert the planes, or leave this one out."
        )
        raise StackError(msg)

    def plane(self, z: int) -> Plane:
        return _read(self._planes[z], self.dtype)

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        return _read(self._planes[z][rows, columns], self.dtype)


def _check_mask(data: Any) -> None:
    """Refuse an array whose mask would be lost, so that what it hides would be fused."""
    if np.ma.is_masked(data):
        msg = (
            "got a masked array, and some of its values are masked; accepted are plain arrays. "
            'Fuse data.astype("float32").filled(numpy.nan) with nan_policy="ignore".'
        )
        raise StackError(msg)


def _looks_rgb(shape: tuple[int, ...]) -> bool:
    # A guess: without names, colour and three or four channels look the same.
    return len(shape) == 4 and shape[3] in (3, 4)


def _as_plane(plane: Any, z: int) -> Any:
    if hasattr(plane, "shape") and hasattr(plane, "dtype"):
        _check_mask(plane)
        return plane
    try:
        return np.asarray(plane)
    except ValueError as error:
        msg = f"plane {z} is ragged: its rows differ in length. Give a rectangular array (Y, X)."
        raise StackError(msg) from error


def _from_named_axes(data: Any, z_axis: str | None, index: Mapping[str, int]) -> Stack:
    """Return the stack of an xarray.DataArray: z first, channels last, no other axes."""
    selected = _select(data, index)
    if len(selected.dims) < 3 and place_of(selected.dims, "z") is None:
        return _ArrayStack(selected)  # raises the error that names the accepted axes
    z = _z_dimension(selected) if z_axis is None else _dimension(selected, z_axis, "z_axis")
    channel = _channel_dimension(selected, z, z_axis)
    plane = _plane_dimensions(selected, z, channel)
    order = [z, *plane, *([] if channel is None else [channel])]
    squeezed = selected.isel({name: 0 for name in selected.dims if name not in order})
    rgb = (
        channel is not None and kind_of(channel) != "channel" and selected.sizes[channel] in (3, 4)
    )
    stack = _ArrayStack(squeezed.transpose(*order), rgb=rgb)
    stack.calibration = _named_calibration(selected, z, *plane)
    return stack


def _select(data: Any, index: Mapping[str, int]) -> Any:
    entries = {_dimension(data, name, "index"): number for name, number in index.items()}
    for name, number in entries.items():
        if not 0 <= number < data.sizes[name]:
            msg = f"index {name}={number} is outside 0 to {data.sizes[name] - 1}."
            raise StackError(msg)
    return data.isel(entries)


def _dimension(data: Any, name: str, option: str) -> Any:
    place = place_named(data.dims, name)
    if place is None:
        msg = f"{option} names {name!r}; accepted are the dimensions {dict(data.sizes)}."
        raise StackError(msg)
    return data.dims[place]


def _z_dimension(data: Any) -> Any:
    """Return the dimension named z, else the first unless its name says that it is another."""
    place, is_sure = find_z(data.dims)
    if place is not None and is_sure:
        return data.dims[place]
    first = data.dims[0]
    if may_be_z(first):
        return first
    likely = first if place is None else data.dims[place]
    msg = (
        f"dimensions are {data.dims} and none is named z; {first!r} is never used as z by "
        f"default. If the planes are along {likely!r}, pass z_axis={likely!r} or "
        f"data.rename({{{likely!r}: 'z'}})."
    )
    raise StackError(msg)


def _channel_dimension(data: Any, z: Any, z_axis: str | None) -> Any:
    """Return the dimension named as channels or samples, else the last of four unnamed ones."""
    others = [name for name in data.dims if name != z]
    place = place_of(others, "channel", "sample")
    if place is not None:
        return others[place]
    by_place = z_axis is None and kind_of(z) != "z" and len(others) == 3
    return others[-1] if by_place and may_be_z(others[-1]) else None


def _plane_dimensions(data: Any, z_name: Any, channel: Any) -> list[Any]:
    """Return y and x: the dimensions of these names, else those besides z and channels."""
    others = [name for name in data.dims if name not in (z_name, channel)]
    y, x = place_of(others, "y"), place_of(others, "x")
    if y is not None and x is not None:
        kept = [others[y], others[x]]
    else:
        kept = [name for name in others if data.sizes[name] > 1] if len(others) > 2 else others
    surplus = {name: data.sizes[name] for name in others if name not in kept}
    if len(kept) != 2 or any(size > 1 for size in surplus.values()):
        msg = (
            f"dimensions are {dict(data.sizes)}; accepted are z, y, x and optionally channels. "
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
    """Return the step of a regular coordinate with a known unit, else None."""
    if name not in data.coords or data.sizes[name] < 2:
        return None
    coordinate = data.coords[name]
    unit = coordinate.attrs.get("units")
    if unit is None or np.dtype(coordinate.dtype).kind not in "iuf":
        return None
    # Coordinates may be rounded: 0.1 % of a step is tolerated.
    steps = np.diff(np.asarray(coordinate, dtype=np.float64))
    if not np.allclose(steps, steps[0], rtol=1e-3, atol=0):
        return None
    return length_um(abs(float(steps[0])), unit)
