"""The network's fine scales in tiles, equal to the whole: what a CPU's cache holds is fast.

These scales look only a few pixels far, so tiles overlap by little.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from threading import Lock

import torch
from torch import Tensor

from napari_umis_fusion.network._device import single_torch_thread
from napari_umis_fusion.network._streaming_ranker import FineFeatures, StreamingRanker
from napari_umis_fusion.runtime import Workers

HALO_PX = 8
"""More than the fine scales look to a side; a multiple of 4."""


@dataclass(frozen=True, slots=True)
class _Tile:
    """A part of a plane, in px: what is looked at, and what is kept of it."""

    seen: tuple[range, range]
    kept: tuple[range, range]

    def cut(self, whole: Tensor, scale: int) -> Tensor:
        """Return what is looked at, of a plane at 1 / scale of the resolution."""
        rows, columns = (slice(r.start // scale, r.stop // scale) for r in self.seen)
        return whole[..., rows, columns]

    def keep(self, part: Tensor, whole: Tensor, scale: int) -> None:
        """Put what was made of what is looked at where it belongs."""
        rows, columns = (slice(r.start // scale, r.stop // scale) for r in self.kept)
        inner_rows, inner_columns = (
            slice((k.start - s.start) // scale, (k.stop - s.start) // scale)
            for k, s in zip(self.kept, self.seen, strict=True)
        )
        whole[..., rows, columns] = part[..., inner_rows, inner_columns]


class FineStages:
    """The stages of a network that look at single pixels, run tile by tile.

    Parameters
    ----------
    ranker : StreamingRanker
        The network.
    tile_px : int
        Side of a tile.
    workers : Workers, optional
        Threads that compute a tile each; without them tiles follow each other.
    """

    def __init__(self, ranker: StreamingRanker, tile_px: int, workers: Workers | None) -> None:
        self._ranker = ranker
        self._tile_px = tile_px
        self._workers = workers

    def perceive(self, details: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, FineFeatures]:
        """Return what the network perceives of a plane between its neighbours.

        These are features at a quarter of the resolution, and what the last stage needs.

        Parameters
        ----------
        details : three of Tensor of shape (1, 1, Y, X)
            Of the planes before, here and after.
        """

        def perceive(tile: _Tile) -> tuple[Tensor, ...]:
            quarter, fine = self._ranker.perceive(*(tile.cut(detail, 1) for detail in details))
            return quarter, fine.skip, fine.prior

        height, width = details[1].shape[2:]
        quarter, *fine = self._by_tiles(perceive, (4, 2, 4), (height, width))
        return quarter, FineFeatures(*fine)

    def conclude(self, quarter: Tensor, fine: FineFeatures) -> Tensor:
        """Return the scores (1, 2, Y, X) of a plane."""

        def conclude(tile: _Tile) -> tuple[Tensor]:
            seen = FineFeatures(tile.cut(fine.skip, 2), tile.cut(fine.prior, 4))
            return (self._ranker.conclude(tile.cut(quarter, 4), seen),)

        size = 4 * quarter.shape[2], 4 * quarter.shape[3]
        return self._by_tiles(conclude, (1,), size)[0]

    def _by_tiles(
        self,
        compute: Callable[[_Tile], tuple[Tensor, ...]],
        scales: tuple[int, ...],
        size: tuple[int, int],
    ) -> list[Tensor]:
        """Join what is computed of each tile, at 1 / scale of the resolution each."""
        whole: list[Tensor] = []
        lock = Lock()

        def fill(tile: _Tile) -> None:
            parts = compute(tile)
            with lock:
                if not whole:
                    pairs = zip(parts, scales, strict=True)
                    whole.extend(_blank(p, size[0] // s, size[1] // s) for p, s in pairs)
            for part, out, scale in zip(parts, whole, scales, strict=True):
                tile.keep(part, out, scale)

        self._each(fill, self._tiles(*size))
        return whole

    def _each(self, fill: Callable[[_Tile], None], tiles: list[_Tile]) -> None:
        if self._workers is None or len(tiles) == 1:
            for tile in tiles:
                fill(tile)
            return

        @torch.inference_mode()
        def fill_alone(tile: _Tile) -> None:
            single_torch_thread()
            fill(tile)

        self._workers.run_all(fill_alone, tiles)

    def _tiles(self, height: int, width: int) -> list[_Tile]:
        """Cut a plane, whose sides are multiples of 4, into tiles that overlap."""
        threads = 1 if self._workers is None else self._workers.threads
        rows = min(self._tile_px, -(-height // (4 * threads)) * 4)
        cuts = product(range(0, height, rows), range(0, width, self._tile_px))
        return [_tile(top, left, (rows, self._tile_px), (height, width)) for top, left in cuts]


def _tile(top: int, left: int, most: tuple[int, int], size: tuple[int, int]) -> _Tile:
    kept = range(top, min(top + most[0], size[0])), range(left, min(left + most[1], size[1]))
    rows, columns = (
        range(max(part.start - HALO_PX, 0), min(part.stop + HALO_PX, length))
        for part, length in zip(kept, size, strict=True)
    )
    return _Tile((rows, columns), kept)


def _blank(part: Tensor, height: int, width: int) -> Tensor:
    """Return room for a whole plane of what a part is of."""
    shape = (*part.shape[:2], height, width)
    return torch.empty(
        shape, dtype=part.dtype, device=part.device, memory_format=torch.channels_last
    )
