"""What is never in focus in the layers of a result, by a threshold that can be moved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.fusion import DepthFill, fill_depth, find_focus_threshold
from napari_umis_fusion.layers._outputs import OutputLayer
from napari_umis_fusion.runtime import FloatMap

MAX_SAMPLED = 100_000
"""Pixels from which the range of thresholds is found."""


@dataclass(frozen=True, slots=True, eq=False)
class FocusThreshold:
    """The highest focus of all planes, and the depths that depend on a threshold of it.

    Attributes
    ----------
    focus : ndarray, float32
        Focus map of all stacks, with the axes of the layer.
    depth : ndarray, float32, or None
        Depth as decided; None without a depth map.
    fill : DepthFill
        Which depth stands where nothing is in focus.
    plane_axes : tuple of int
        Axes of the arrays that are y and x.
    """

    focus: FloatMap
    depth: FloatMap | None
    fill: DepthFill
    plane_axes: tuple[int, int]

    def marks(self, threshold: float | None = None) -> NDArray[np.uint8]:
        """Return 1 where nothing is in focus, by a threshold or, by default, one of each stack."""
        found = np.empty(self.focus.shape, np.uint8)
        for focus, marks in zip(self._planes(self.focus), self._planes(found), strict=True):
            cut = find_focus_threshold(focus) if threshold is None else threshold
            marks[...] = focus < cut
        return found

    def depth_at(self, marks: NDArray[np.uint8]) -> FloatMap | None:
        """Return the depth map for these marks; None without a depth map."""
        if self.depth is None or self.fill == "decided":
            return self.depth
        filled = np.empty_like(self.depth)
        planes = (self._planes(array) for array in (self.depth, marks, filled))
        for depth, never, out in zip(*planes, strict=True):
            out[...] = fill_depth(depth, never.astype(bool), self.fill)
        return filled

    def bounds(self) -> tuple[float, float] | None:
        """Return the lowest and highest focus above 0; None if there are no two."""
        step = max(1, self.focus.size // MAX_SAMPLED)
        some = self.focus.ravel()[::step]
        positive = some[some > 0]
        if positive.size == 0 or positive.min() == positive.max():
            return None
        return float(positive.min()), float(positive.max())

    def automatic(self) -> float:
        """Return the threshold found for the first stack; 0 if nothing is marked."""
        return find_focus_threshold(next(self._planes(self.focus)))

    def _planes(self, array: NDArray[Any]) -> Iterator[NDArray[Any]]:
        last = np.moveaxis(array, self.plane_axes, (-2, -1))
        for place in np.ndindex(last.shape[:-2]):
            yield last[place]


def focus_thresholds(outputs: Sequence[OutputLayer]) -> tuple[FocusThreshold, ...]:
    """Return one threshold for each focus map among the outputs, with its depth map if any.

    Of either kind there are as many as of the other, or none.
    """
    maps = [output for output in outputs if output.kind == "focus_map"]
    depths = [output for output in outputs if output.kind == "depth_map"]
    beside: Sequence[OutputLayer | None] = depths or [None] * len(maps)
    return tuple(
        FocusThreshold(
            one.array,
            None if depth is None else depth.decided,
            one.depth_fill,
            one.plane_axes,
        )
        for one, depth in zip(maps, beside, strict=False)
    )
