"""Where no plane is near to the mean, the values of the index map stay.

Where planes that show different things are mixed, the value nearest to the mean may be that of any
plane, however blurred, and the next pixel's that of another: slivers that no plane shows. Borders
of the index map are fewer, and run where they are seen least.
"""

from collections.abc import Generator

import numpy as np

from napari_umis_fusion.fusion.copies._recorded_values import NearestToMean
from napari_umis_fusion.fusion.decision import IndexMap
from napari_umis_fusion.fusion.mean import BLOCK_PX, block_means, enlarged, highest_around
from napari_umis_fusion.runtime import AnyArray, FloatMap, ScratchMemory, Workers, split_rows
from napari_umis_fusion.stack import OPACITY

FAR = 16.0
"""How far the index map's values are from the mean where they stay, in grey levels.

In the mean of 8 x 8 px, which noise hardly changes, and in any channel."""

NEARER = 0.5
"""How far the nearest values must be, at least, compared with those of the index map."""


class IndexValues:
    """Keeps the values of the index map, and restores them where none is near to the mean.

    Parameters
    ----------
    nearest : NearestToMean
        Of which no plane has been tried yet.
    index_map : ndarray of shape (Y, X), uint16
        The plane of each value of its image.
    grey_levels : float
        Grey levels per unit of the values.
    workspace : ScratchMemory
        Memory for the values.
    has_opacity : bool
        Whether the last channel is an opacity, which shows nothing.
    """

    def __init__(
        self,
        nearest: NearestToMean,
        index_map: IndexMap,
        grey_levels: float,
        workspace: ScratchMemory,
        has_opacity: bool,
    ) -> None:
        image = nearest.image
        self._nearest, self._index_map, self._grey_levels = nearest, index_map, grey_levels
        self._shown = OPACITY if has_opacity else None
        self._values = workspace.full(image.shape, image.dtype, 0)
        sides = tuple(-(-side // BLOCK_PX) for side in image.shape[:2])
        # Of each block, how far nearest values and those of the index map are; and the bias.
        self._far: FloatMap = np.zeros((*sides, 3), np.float32)

    def iter_keep(self, workers: Workers) -> Generator[None]:
        """Keep the values, and measure how far they are from the mean."""

        def keep(rows: slice) -> None:
            values = self._nearest.image[rows]
            self._values[rows] = values
            bias = self._nearest.measure_bias(values, (rows, slice(None)))
            bias = bias.reshape(*bias.shape[:2], -1)[..., : self._shown]
            far = self._far[_blocks_of(rows)]
            far[..., 1] = self._mean_distance(values, rows)
            means = np.abs(block_means(bias, bias.dtype)).max(axis=-1)
            far[..., 2] = means * self._grey_levels

        yield from workers.each(keep, self._bands)

    def iter_restore(self, workers: Workers) -> Generator[None]:
        """Restore values of the index map, once all planes have been tried."""

        def measure(rows: slice) -> None:
            values = self._nearest.image[rows]
            self._far[_blocks_of(rows)][..., 0] = self._mean_distance(values, rows)

        yield from workers.each(measure, self._bands)
        self._far[..., 2] = highest_around(self._far[..., 2])
        # Most images have no such place.
        if (self._far[..., 2] > FAR).any():
            yield from workers.each(self._restore, self._bands)

    def _restore(self, rows: slice) -> None:
        image, source = self._nearest.image[rows], self._nearest.source_map[rows]
        far = enlarged(self._far, rows, image.shape[1])
        # False next to what no plane shows, where the mean is not a number.
        here = (far[..., 2] > FAR) & (far[..., 0] > NEARER * far[..., 1])
        image[here] = self._values[rows][here]
        source[here] = self._index_map[rows][here]

    def _mean_distance(self, values: AnyArray, rows: slice) -> AnyArray:
        """Return the mean distance of values from the mean, of each block of 8 x 8 px."""
        distance = self._nearest.measure_distance(values, (rows, slice(None)))
        return block_means(distance, distance.dtype)[..., 0]

    @property
    def _bands(self) -> list[slice]:
        return split_rows(len(self._values), 16 * BLOCK_PX)


def _blocks_of(rows: slice) -> slice:
    return slice(rows.start // BLOCK_PX, -(-rows.stop // BLOCK_PX))
