"""Second pass that copies each pixel from the plane whose value is nearest to the weighted mean.

Which of several equally sharp planes is copied is arbitrary; the weighted mean, in which their
noise averages out, indicates which of them is closest to the truth.
"""

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.decision import IndexMap
from napari_umis_fusion.fusion.planes import DOUBLE
from napari_umis_fusion.runtime import (
    Progress,
    ScratchMemory,
    Tile,
    Workers,
    repeat_event,
    split_rows,
    tiles_of,
)
from napari_umis_fusion.stack import CheckedPlane, Plane, Prefetch, Stack


class NearestToMean:
    """Replaces the values of an image by those of planes that are nearer to the weighted mean.

    Parameters
    ----------
    mean : ndarray of shape (Y, X) or (Y, X, C)
        What values are to be near to; not the image itself. Where it is NaN, nothing is nearer.
    image : ndarray of shape (Y, X) or (Y, X, C)
        Values copied so far; changed in place.
    source_map : ndarray of shape (Y, X), uint16
        The plane of each pixel; changed in place.
    workspace : ScratchMemory
        Memory for the distances.
    scaled : sequence of int
        Planes whose values in the image were scaled: any recorded value replaces them.
    """

    def __init__(
        self,
        mean: Plane,
        image: Plane,
        source_map: IndexMap,
        workspace: ScratchMemory,
        scaled: Sequence[int] = (),
    ) -> None:
        self._scaled = scaled
        self.image = image
        self.source_map = source_map
        self._mean = mean
        self._precision = np.float64 if image.dtype.type in DOUBLE else np.float32
        self._distance = workspace.full(image.shape[:2], self._precision, 0)

    def begin(self, rows: slice) -> None:
        """Compute the distances of some rows of the image from the mean."""
        self._distance[rows] = self.measure_distance(self.image[rows], (rows, slice(None)))
        for z in self._scaled:
            self._distance[rows][self.source_map[rows] == z] = np.inf

    def try_plane(self, checked: CheckedPlane, z: int, tile: Tile) -> None:
        """Copy the pixels of a tile of plane `z` that are nearer to the mean than the image."""
        window = tile.window
        distance = self.measure_distance(checked.plane[window], window)
        nearer = distance < self._distance[window]  # False where a value is NaN
        if checked.invalid is not None:
            nearer &= ~checked.invalid[window]
        np.copyto(self._distance[window], distance, where=nearer)
        where = nearer if self.image.ndim == 2 else nearer[..., None]
        np.copyto(self.image[window], checked.plane[window], where=where)
        self.source_map[window][nearer] = z

    def measure_distance(self, values: Plane, window: tuple[slice, slice]) -> NDArray[Any]:
        """Return the distances (Y, X) of values of a window from the mean, summed over channels."""
        mean: NDArray[Any] = self._mean[window].astype(self._precision)
        with np.errstate(invalid="ignore"):
            apart: NDArray[Any] = np.abs(np.subtract(values, mean, dtype=self._precision))
        # One distance for all channels, since these are copied together.
        return apart if apart.ndim == 2 else np.asarray(apart.sum(axis=-1))


def iter_copy_nearest(
    stack: Stack, nearest: NearestToMean, config: FusionConfig, workers: Workers
) -> Generator[Progress]:
    """Try all planes of a stack; the next one is read meanwhile."""
    total = len(stack)
    planes = Prefetch(stack, config.nan_policy, workers)
    rows = split_rows(len(nearest.image))
    yield from repeat_event(workers.each(nearest.begin, rows), Progress("verifying", 0, total))
    tiles = tiles_of(nearest.image, config.tile_px)
    for z in range(total):
        event = Progress("verifying", z, total)
        checked = yield from repeat_event(planes.iter_next(), event)
        try_plane = partial(nearest.try_plane, checked, z)
        yield from repeat_event(workers.each(try_plane, tiles), event)
