"""Integers of 64 bits that fit 32, NumPy's default on most computers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError

_NARROWED = {np.dtype(np.int64): np.dtype(np.int32), np.dtype(np.uint64): np.dtype(np.uint32)}


def narrowed_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which a stack of another dtype is read: int32 for int64."""
    return _NARROWED.get(dtype, dtype)


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """Return integers of 64 bits in 32; all other values as they are.

    Parameters
    ----------
    values : ndarray
        Of any dtype.

    Returns
    -------
    ndarray
        int32 for int64, uint32 for uint64.

    Raises
    ------
    StackError
        If a value does not fit.
    """
    wide = values.dtype.newbyteorder("=")
    narrow = _NARROWED.get(wide)
    if narrow is None:
        return values
    bounds = np.iinfo(narrow)
    if values.size and not (bounds.min <= values.min() and values.max() <= bounds.max):
        msg = (
            f"got {wide.name} with values from {values.min()} to {values.max()}; accepted are "
            f"values that fit {narrow.name}. Scale them, or convert them to float32."
        )
        raise StackError(msg)
    return values.astype(narrow)
