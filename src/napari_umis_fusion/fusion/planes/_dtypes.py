"""The dtype of planes: in which it is summed, and how values are rounded to it."""

from typing import Any

import numpy as np

from napari_umis_fusion.stack import Plane

DOUBLE = (np.uint32, np.int32, np.float64)
"""Dtypes that are summed in double precision: single precision would round their values."""


def as_dtype(mean: Plane, dtype: np.dtype[Any]) -> Plane:
    """Round to the nearest value of the dtype."""
    if dtype.kind == "b":
        return np.asarray(mean >= 0.5)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        # NaN where no plane is valid, which integers do not have.
        mean = np.clip(np.rint(np.nan_to_num(mean)), limits.min, limits.max)
    return mean.astype(dtype)
