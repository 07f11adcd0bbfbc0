"""Windows of large stacks, which are fused one after the other in little memory."""

import itertools
import math
from collections.abc import Iterator

from napari_umis_fusion.runtime import MEGABYTE, give_back_memory
from napari_umis_fusion.stack import CroppedStack, Plane, Stack

WINDOW_REGIONS = 8
"""Regions along a side of a window: a fusion of 3 megapixels takes as much memory as a training."""

KEPT_MB = 128
"""Memory for the planes of a window. Those that fit are read once: of a compressed file, each block
of a fusion would decode whole planes."""

Corner = tuple[int, int]
"""First row and first column."""


class Window(CroppedStack):
    """A rectangle of a stack, whose planes are kept if they are small enough."""

    _kept: list[Plane] | None = None

    def keep(self) -> None:
        """Read the planes, if they are small enough."""
        count, height, width = self.shape[:3]
        size = count * height * width * math.prod(self.shape[3:]) * self.dtype.itemsize
        if size <= KEPT_MB * MEGABYTE:
            self._kept = [CroppedStack.plane(self, z) for z in range(count)]
            give_back_memory()  # that of whole planes

    def drop(self) -> None:
        """Keep the planes no longer."""
        self._kept = None

    def plane(self, z: int) -> Plane:
        """Read plane `z`."""
        return super().plane(z) if self._kept is None else self._kept[z]

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`; see `Stack.region`."""
        if self._kept is None:
            return super().region(z, rows, columns)
        return self._kept[z][rows, columns].copy()


def windows(stack: Stack, region_px: int) -> list[tuple[Corner, Stack]]:
    """Divide a stack into windows of whole regions; a small one is its only window.

    Parameters
    ----------
    stack : Stack
        Of any size.
    region_px : int
        Side of a region; at the last row and column, windows have what is left besides.
    """
    parts = [list(_cut(side, region_px)) for side in stack.shape[1:3]]
    if len(parts[0]) == len(parts[1]) == 1:
        return [((0, 0), stack)]
    return [
        ((rows.start, columns.start), Window(stack, rows, columns))
        for rows, columns in itertools.product(*parts)
    ]


def _cut(side: int, region_px: int) -> Iterator[slice]:
    regions = max(1, side // region_px)
    count = math.ceil(regions / WINDOW_REGIONS)
    ends = [region_px * (k * regions // count) for k in range(count)] + [side]
    return itertools.starmap(slice, itertools.pairwise(ends))
