"""What is made of the planes in a slab: one value for each pixel, while planes are read."""

from collections.abc import Callable, Generator
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.projection._slab import Slab
from napari_umis_fusion.runtime import BoolMap, Progress, Workers, repeat_event
from napari_umis_fusion.stack import Plane, Stack

Rule = Literal["max", "mean", "median", "nearest"]
"""'nearest' takes the value that is not 0 and lies nearest to the middle of the slab: a label."""

MEDIAN_BYTES = 1 << 28
"""Values that a median holds at a time; wider slabs are worked on in bands of rows."""


class _Combined(Protocol):
    def add(self, z: int, plane: Plane, where: BoolMap) -> None:
        """Take in plane `z` where it counts."""
        ...

    def value(self) -> Plane:
        """Return the value of each pixel; of any value where no plane counts."""
        ...


def iter_combine(
    stack: Stack, slab: Slab, rule: Rule, workers: Workers
) -> Generator[Progress, None, tuple[Plane, BoolMap]]:
    """Combine the planes in a slab, each read once; for a median wider than memory by bands.

    Parameters
    ----------
    stack : Stack
        The stack.
    slab : Slab
        Which planes count at each pixel.
    rule : Rule
        How they are combined.
    workers : Workers
        Threads to read and compute in.

    Yields
    ------
    Progress
        At least every 100 ms, besides the time for one plane of one band.

    Returns
    -------
    image : ndarray of shape (Y, X) or (Y, X, C)
        In the dtype of the stack; 0, or NaN of floats, where no plane counts.
    seen : ndarray of shape (Y, X), bool
        Where a plane counts and shows something.
    """
    image, seen = np.zeros(stack.shape[1:], stack.dtype), np.zeros(stack.shape[1:3], np.bool_)
    bands = _bands(stack, slab) if rule == "median" else [slice(0, stack.shape[1])]
    parts = [(rows, slab.rows(rows)) for rows in bands]
    done, total = 0, sum(len(part.planes) for _, part in parts)
    for rows, part in parts:
        event = Progress("projecting", done, total)
        starting = workers.submit(_RULES[rule], part, image[rows])
        combined = yield from repeat_event(workers.result(starting), event)
        for z in part.planes:
            adding = workers.submit(_add, stack, z, rows, part, combined, seen[rows])
            yield from repeat_event(workers.result(adding), Progress("projecting", done, total))
            done += 1
            yield Progress("projecting", done, total)
        ending = workers.submit(combined.value)
        event = Progress("projecting", done, total)
        image[rows] = yield from repeat_event(workers.result(ending), event)
    image[~seen] = np.nan if image.dtype.kind == "f" else 0
    return image, seen


def _add(stack: Stack, z: int, rows: slice, slab: Slab, combined: _Combined, seen: BoolMap) -> None:
    plane = stack.region(z, rows, slice(0, stack.shape[2]))
    where = slab.holds(z)
    missing = stack.uncovered(z)
    if missing is not None:
        where &= ~missing[rows]
    if plane.dtype.kind == "f":
        finite = np.isfinite(plane)
        where &= finite if finite.ndim == 2 else finite.all(axis=-1)
    combined.add(z, plane, where)
    seen |= where


def _bands(stack: Stack, slab: Slab) -> list[slice]:
    """Return bands of rows whose values a median can hold."""
    row = max(slab.most, 1) * int(np.prod(stack.shape[2:])) * np.dtype(np.float64).itemsize
    height = max(1, MEDIAN_BYTES // row)
    return [
        slice(top, min(top + height, stack.shape[1])) for top in range(0, stack.shape[1], height)
    ]


def _over_channels(where: BoolMap, plane: Plane) -> BoolMap:
    return where if plane.ndim == 2 else np.broadcast_to(where[..., None], plane.shape)


class _Max:
    def __init__(self, slab: Slab, blank: Plane) -> None:
        kind = blank.dtype.kind
        lowest = -np.inf if kind == "f" else 0 if kind == "b" else np.iinfo(blank.dtype).min
        self._highest = np.full_like(blank, lowest)

    def add(self, z: int, plane: Plane, where: BoolMap) -> None:
        counts = _over_channels(where, plane)
        np.maximum(self._highest, plane, out=self._highest, where=counts)

    def value(self) -> Plane:
        return self._highest


class _Mean:
    def __init__(self, slab: Slab, blank: Plane) -> None:
        self._dtype, self._count = blank.dtype, np.zeros(slab.first.shape, np.uint32)
        self._total = np.zeros(blank.shape, np.float64)

    def add(self, z: int, plane: Plane, where: BoolMap) -> None:
        np.add(self._total, plane, out=self._total, where=_over_channels(where, plane))
        self._count += where

    def value(self) -> Plane:
        count = np.maximum(self._count, 1)
        if self._total.ndim > 2:
            count = count[..., None]
        return _as_dtype(self._total / count, self._dtype)


class _Median:
    def __init__(self, slab: Slab, blank: Plane) -> None:
        self._slab, self._dtype = slab, blank.dtype
        self._count = np.zeros(slab.first.shape, np.intp)
        self._values = np.full((max(slab.most, 1), *blank.shape), np.inf)

    def add(self, z: int, plane: Plane, where: BoolMap) -> None:
        places = np.nonzero(where)
        self._values[(z - self._slab.first[places], places[0], places[1])] = plane[places]
        self._count += where

    def value(self) -> Plane:
        self._values.sort(axis=0)  # what does not count is infinite, and comes last
        count = np.maximum(self._count, 1)
        low, high = (self._at((count - 1) // 2), self._at(count // 2))
        return _as_dtype(np.where(self._over(self._count > 0), (low + high) / 2, 0), self._dtype)

    def _at(self, rank: NDArray[np.intp]) -> Plane:
        ranked: Plane = np.take_along_axis(self._values, self._over(rank)[None], axis=0)[0]
        return ranked

    def _over(self, part: NDArray[Any]) -> NDArray[Any]:
        return part.reshape(*part.shape, *[1] * (self._values.ndim - 1 - part.ndim))


class _Nearest:
    def __init__(self, slab: Slab, blank: Plane) -> None:
        self._slab, self._value = slab, np.zeros_like(blank)
        self._distance = np.full(slab.first.shape, np.inf, np.float32)

    def add(self, z: int, plane: Plane, where: BoolMap) -> None:
        distance = self._slab.distance_um(z)
        nearer = where & (plane != 0) & (distance < self._distance)
        self._distance[nearer] = distance[nearer]
        self._value[nearer] = plane[nearer]

    def value(self) -> Plane:
        return self._value


_RULES: dict[Rule, Callable[[Slab, Plane], _Combined]] = {
    "max": _Max,
    "mean": _Mean,
    "median": _Median,
    "nearest": _Nearest,
}


def _as_dtype(values: Plane, dtype: np.dtype[Any]) -> Plane:
    whole = np.rint(values) if dtype.kind in "iub" else values
    return whole.astype(dtype)
