"""Look at any source of planes as a stack: arrays, files, stacks."""

import copy
import os
from collections.abc import Mapping
from typing import Any

from napari_umis_fusion.stack import (
    Calibration,
    Stack,
    stack_of_arrays,
)


def as_stack(
    data: Any,
    *,
    calibration: Calibration | None = None,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
) -> Stack:
    """Look at `data` as a stack; nothing is copied and no plane is read.

    Parameters
    ----------
    data : Stack, array-like, sequence of arrays, path or sequence of paths
        - a `Stack` is returned as it is;
        - anything with `shape`, `dtype` and indexing (NumPy, dask, zarr, xarray...), of shape
          (Z, Y, X) or (Z, Y, X, C); named dimensions of an xarray.DataArray are honoured;
        - a list or tuple of planes, each (Y, X) or (Y, X, C);
        - a path, glob, folder or list of paths: see `napari_umis_fusion.open_stack`.
    calibration : Calibration, optional
        Physical sizes; by default those that `data` tells.
    z_axis : str, optional
        Of files and named dimensions: which is z, by its name or what it counts.
    index : mapping of str to int, optional
        Of files and named dimensions: the one index to take of each that is not fused.

    Returns
    -------
    Stack
        With `rgb` True where the last of four axes has 3 or 4 entries and is not named as
        channels.

    Raises
    ------
    StackError
        Wrong number of axes, none that is z, empty, too many channels, ragged, mixed or
        unaccepted dtype.
    StackFileError
        A file cannot be read.
    """
    if _are_paths(data):
        from napari_umis_fusion.files.read._open_stack import open_stack

        stack = open_stack(data, z_axis=z_axis, index=index)
    else:
        stack = stack_of_arrays(data, z_axis, index)
    if calibration is not None and calibration != stack.calibration:
        stack = copy.copy(stack)
        stack.calibration = calibration
    return stack


def _are_paths(data: Any) -> bool:
    if isinstance(data, (str, os.PathLike)):
        return True
    if not isinstance(data, (list, tuple)):
        return False
    return len(data) > 0 and all(isinstance(item, (str, os.PathLike)) for item in data)
