"""Parts of a dask array of very many chunks, read without looking at all of them."""

from typing import Any

import numpy as np

from napari_umis_fusion.stack import Plane

Places = tuple[int | slice, ...]
"""An index, or a slice, along each axis."""


class ChunkReader:
    """Reads parts of a dask array, or of anything that is indexed like one.

    To slice an array takes a time that grows with its chunks, of which a file has one for each
    plane; here a chunk is looked up.

    Parameters
    ----------
    array : dask.array.Array or array-like
        What is read; nothing is computed yet.
    """

    def __init__(self, array: Any) -> None:
        from dask.array import Array

        self._array = array
        # Not subclasses, which may have to open a file around each computation.
        is_plain = type(array) is Array
        self._chunks = array.to_delayed() if is_plain else None
        self._ends = [np.cumsum(sizes) for sizes in array.chunks] if is_plain else []

    def read(self, places: Places) -> Plane:
        """Read a part: ndarray with one axis for each slice."""
        if self._chunks is None:
            return np.asarray(self._array[places])
        several = [
            axis
            for axis, place in enumerate(places)
            if isinstance(place, slice) and len(self._ends[axis]) > 1
        ]
        if not several:
            return self._read_chunk(places)
        (axis,) = several if len(several) == 1 else (None,)
        if axis is None or places[axis] != slice(None):
            return np.asarray(self._array[places])
        entries = range(int(self._ends[axis][-1]))
        parts = [self.read((*places[:axis], one, *places[axis + 1 :])) for one in entries]
        return np.stack(parts, axis=sum(isinstance(one, slice) for one in places[:axis]))

    def _read_chunk(self, places: Places) -> Plane:
        assert self._chunks is not None
        numbers, within = [], []
        for place, ends in zip(places, self._ends, strict=True):
            number = 0 if isinstance(place, slice) else int(np.searchsorted(ends, place, "right"))
            start = int(ends[number - 1]) if number else 0
            numbers.append(number)
            within.append(place if isinstance(place, slice) else place - start)
        chunk = self._chunks[tuple(numbers)].compute(scheduler="synchronous")
        return np.asarray(chunk[tuple(within)])
