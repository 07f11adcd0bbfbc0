"""Arrays whose planes are read from files: at once, or each on demand."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.stack import Plane

LAZY_BYTES = 512 * 2**20
"""Files from this size on are read plane by plane, when napari shows a plane."""

ReadPlane = Callable[[tuple[int, ...]], Plane]


def stack_planes(
    read: ReadPlane,
    outer: Sequence[int],
    inner: Sequence[int],
    dtype: DTypeLike,
    *,
    lazy: bool,
) -> Any:
    """Stack planes along one or more axes.

    Parameters
    ----------
    read : callable
        Returns the plane at one index along the outer axes.
    outer, inner : sequence of int
        Shape of the outer axes, and of one plane.
    dtype : dtype
        Dtype of every plane.
    lazy : bool
        Read each plane only on demand.

    Returns
    -------
    ndarray or dask.array.Array
        Of shape outer + inner; lazy with one chunk for each plane.

    Raises
    ------
    StackFileError
        If `lazy` and dask is not installed.
    """
    if lazy:
        return _lazy_array(read, tuple(outer), tuple(inner), np.dtype(dtype))
    array = np.empty((*outer, *inner), dtype)
    for place in np.ndindex(*outer):
        array[place] = read(place)
    return array


def stack_arrays(arrays: Sequence[Any]) -> Any:
    """Stack arrays along a new first axis; what is lazy stays so."""
    if all(isinstance(array, np.ndarray) for array in arrays):
        return np.stack(arrays)
    stack: Any = _import_dask_array().stack
    return stack(arrays)


def _lazy_array(
    read: ReadPlane, outer: tuple[int, ...], inner: tuple[int, ...], dtype: np.dtype[Any]
) -> Any:
    dask_array = _import_dask_array()

    def read_block(block_id: tuple[int, ...]) -> Plane:
        return read(block_id[: len(outer)])[(np.newaxis,) * len(outer)]

    return dask_array.map_blocks(
        read_block,
        chunks=(*((1,) * size for size in outer), *((size,) for size in inner)),
        dtype=dtype,
        meta=np.empty((0,) * (len(outer) + len(inner)), dtype),
        # A unique name, so that dask does not hash the function, and the open file with it.
        name=f"planes-{uuid.uuid4().hex}",
    )


def _import_dask_array() -> Any:
    try:
        import dask.array
    except ImportError as error:
        msg = (
            f"files of more than {LAZY_BYTES // 2**20} MB are read plane by plane, which needs "
            'dask: pip install "dask[array]".'
        )
        raise StackFileError(msg) from error
    return dask.array
