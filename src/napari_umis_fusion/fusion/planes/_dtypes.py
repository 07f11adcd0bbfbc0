"""The dtype of planes: in which precision they are summed, and how sums are rounded to it."""

from typing import Any

import numpy as np

from napari_umis_fusion.stack import Plane

DOUBLE = (np.uint32, np.int32, np.float64)
"""Dtypes that are summed in double precision: single precision would round their values."""


def precision_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which planes of a dtype are summed."""
    return np.dtype(np.float64 if dtype.type in DOUBLE else np.float32)


def as_dtype(mean: Plane, dtype: np.dtype[Any]) -> Plane:
    """Round to the nearest value of the dtype."""
    if dtype.kind == "b":
        return np.asarray(mean >= 0.5)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        # NaN where no plane is valid, which integers do not have.
        mean = np.clip(np.rint(np.nan_to_num(mean)), limits.min, limits.max)
    return mean.astype(dtype)
