"""The second pass of copied values: each pixel from the plane that is nearest to the mean.

Which of several equally sharp planes a pixel is copied from is free; the weighted mean, in which
their noise averages out, tells which of them came nearest to the truth.
"""

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion._verification import IndexMap
from napari_umis_fusion.fusion._weighted_mean import WeightedMean
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
    """An image of copied values that comes nearer to an estimate with each plane offered.

    Parameters
    ----------
    mean : WeightedMean
        The estimate.
    image : ndarray of shape (Y, X) or (Y, X, C)
        Values copied so far; changed in place.
    source_map : ndarray of shape (Y, X), uint16
        Which plane each was copied from; changed in place.
    workspace : ScratchMemory
        Room for the estimate.
    scaled : sequence of int
        Planes whose values in the image were scaled: any recorded value replaces them.
    """

    def __init__(
        self,
        mean: WeightedMean,
        image: Plane,
        source_map: IndexMap,
        workspace: ScratchMemory,
        scaled: Sequence[int] = (),
    ) -> None:
        self._scaled = scaled
        self.image = image
        self.source_map = source_map
        self._mean = mean
        self._estimate = workspace.full(image.shape, mean.precision, 0)
        self._distance = workspace.full(image.shape[:2], mean.precision, 0)

    def start(self, rows: slice) -> None:
        """Measure how far some rows of the image are from the estimate."""
        self._estimate[rows] = self._mean.estimate(rows)
        self._distance[rows] = self._apart(self.image[rows], self._estimate[rows])
        for z in self._scaled:
            self._distance[rows][self.source_map[rows] == z] = np.inf

    def offer(self, reading: CheckedPlane, z: int, tile: Tile) -> None:
        """Copy those pixels of a tile of plane z that are nearer than what is there."""
        window = tile.window
        distance = self._apart(reading.plane[window], self._estimate[window])
        nearer = distance < self._distance[window]  # not where a value is NaN
        if reading.invalid is not None:
            nearer &= ~reading.invalid[window]
        np.copyto(self._distance[window], distance, where=nearer)
        where = nearer if self.image.ndim == 2 else nearer[..., None]
        np.copyto(self.image[window], reading.plane[window], where=where)
        self.source_map[window][nearer] = z

    def _apart(self, values: Plane, estimate: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(invalid="ignore"):
            apart: NDArray[Any] = np.abs(values.astype(estimate.dtype) - estimate)
        return apart if apart.ndim == 2 else np.asarray(apart.sum(axis=-1))


def iter_copy_nearest(
    stack: Stack, nearest: NearestToMean, config: FusionConfig, workers: Workers
) -> Generator[Progress]:
    """Offer all planes of a stack, reading the next one meanwhile."""
    total = len(stack)
    planes = Prefetch(stack, config.nan_policy, workers)
    rows = split_rows(len(nearest.image))
    yield from repeat_event(workers.each(nearest.start, rows), Progress("verifying", 0, total))
    tiles = tiles_of(nearest.image, config.tile_px)
    for z in range(total):
        event = Progress("verifying", z, total)
        reading = yield from repeat_event(planes.iter_next(), event)
        offer = partial(nearest.offer, reading, z)
        yield from repeat_event(workers.each(offer, tiles), event)
