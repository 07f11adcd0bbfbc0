"""Types of arrays that all rooms share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]
"""Any dtype: arguments of kernels, which numba compiles for each dtype that it meets."""

BoolMap = NDArray[np.bool_]
"""One truth value for each pixel, of shape (Y, X)."""

FloatMap = NDArray[np.float32]
"""One number for each pixel, of shape (Y, X): focus maps, weights, grey images."""

Float32Array = NDArray[np.float32]
"""Single precision, of any shape: what planes are rendered and sampled in."""

Float64Array = NDArray[np.float64]
"""Double precision, of any shape: statistics and geometry."""
