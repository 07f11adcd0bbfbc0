"""Stacks of any source of planes: arrays, files, stacks."""

import copy
import os
from collections.abc import Mapping
from typing import Any

from napari_umis_fusion.stack import (
    Calibration,
    Stack,
    check_given_sizes,
    stack_of_arrays,
)


def as_stack(
    data: Any,
    *,
    calibration: Calibration | None = None,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
) -> Stack:
    """Return `data` as a stack; nothing is copied and no plane is read.

    Parameters
    ----------
    data : Stack, array-like, sequence of arrays, path or sequence of paths
        - a `Stack`, which is returned unchanged;
        - anything with `shape`, `dtype` and indexing (NumPy, dask, zarr, xarray...), of shape
          (Z, Y, X) or (Z, Y, X, C); named dimensions of an xarray.DataArray are honoured;
        - a list or tuple of planes, each (Y, X) or (Y, X, C);
        - a path, glob, folder or list of paths: see `napari_umis_fusion.open_stack`.
    calibration : Calibration, optional
        Physical sizes; by default those of `data`.
    z_axis : str, optional
        For files and named dimensions: the z axis, by its name or kind ("time").
    index : mapping of str to int, optional
        For files and named dimensions: the index to select of each axis that is not fused.

    Returns
    -------
    Stack
        With `rgb` True if the last of four axes has 3 or 4 entries and is not named as
        channels.

    Raises
    ------
    StackError
        If the number of axes or of channels is not accepted, no axis is z, the data are empty or
        ragged, or dtypes are mixed or not accepted.
    StackFileError
        If a file cannot be read.
    ConfigError
        If a physical size is not a positive number.
    """
    if calibration is not None:
        check_given_sizes(calibration)
    if _are_paths(data):
        from napari_umis_fusion.files.read._open_stack import open_stack

        stack = open_stack(data, z_axis=z_axis, index=index)
    else:
        stack = stack_of_arrays(data, z_axis, index)
    if calibration is not None and calibration != stack.calibration:
        stack = copy.copy(stack)  # the stack may be the caller's
        stack.calibration = calibration
    return stack


def _are_paths(data: Any) -> bool:
    if isinstance(data, (str, os.PathLike)):
        return True
    if not isinstance(data, (list, tuple)):
        return False
    # What else is among paths is told as such, not taken for a plane.
    return any(isinstance(item, (str, os.PathLike)) for item in data)
