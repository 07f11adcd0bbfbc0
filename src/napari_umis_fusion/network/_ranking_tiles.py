"""Fine scales of the plane ranker, computed in tiles that fit the CPU's cache.

The receptive field of these scales is a few pixels, so that tiles overlap little. The result
equals that of the whole plane.
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
"""More than the receptive field of the fine scales; a multiple of 4, as they are at a quarter."""


@dataclass(frozen=True, slots=True)
class _TileWithHalo:
    """A tile, in px: the part of a plane that is read, and the part of the result that is kept."""

    input: tuple[range, range]
    output: tuple[range, range]

    def crop(self, whole: Tensor, scale: int) -> Tensor:
        """Return the part of a plane, at 1 / scale of the resolution, that the tile reads."""
        rows, columns = (slice(r.start // scale, r.stop // scale) for r in self.input)
        return whole[..., rows, columns]

    def paste(self, part: Tensor, whole: Tensor, scale: int) -> None:
        """Copy the result of a tile, without its halo, into the whole."""
        rows, columns = (slice(r.start // scale, r.stop // scale) for r in self.output)
        inner_rows, inner_columns = (
            slice((k.start - s.start) // scale, (k.stop - s.start) // scale)
            for k, s in zip(self.output, self.input, strict=True)
        )
        whole[..., rows, columns] = part[..., inner_rows, inner_columns]


class FineStages:
    """The stages of a plane ranker at fine scales, computed tile by tile.

    Parameters
    ----------
    ranker : StreamingRanker
        The network.
    tile_px : int
        Side of a tile.
    workers : Workers, optional
        Threads that compute one tile each; without them, tiles are computed one after the other.
    """

    def __init__(self, ranker: StreamingRanker, tile_px: int, workers: Workers | None) -> None:
        self._ranker = ranker
        self._tile_px = tile_px
        self._workers = workers

    def extract_features(
        self, details: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, FineFeatures]:
        """Return the features of a plane at a quarter of the resolution, and those of fine scales.

        Parameters
        ----------
        details : three of Tensor of shape (1, 1, Y, X)
            Detail of the previous plane, this plane and the next one.
        """

        def extract_features(tile: _TileWithHalo) -> tuple[Tensor, ...]:
            quarter, fine = self._ranker.extract_features(
                *(tile.crop(detail, 1) for detail in details)
            )
            return quarter, fine.skip, fine.prior

        height, width = details[1].shape[2:]
        quarter, *fine = self._by_tiles(extract_features, (4, 2, 4), (height, width))
        return quarter, FineFeatures(*fine)

    def score(self, quarter: Tensor, fine: FineFeatures) -> Tensor:
        """Return the scores (1, 2, Y, X) of a plane."""

        def score(tile: _TileWithHalo) -> tuple[Tensor]:
            seen = FineFeatures(tile.crop(fine.skip, 2), tile.crop(fine.prior, 4))
            return (self._ranker.score(tile.crop(quarter, 4), seen),)

        size = 4 * quarter.shape[2], 4 * quarter.shape[3]
        return self._by_tiles(score, (1,), size)[0]

    def _by_tiles(
        self,
        compute: Callable[[_TileWithHalo], tuple[Tensor, ...]],
        scales: tuple[int, ...],
        size: tuple[int, int],
    ) -> list[Tensor]:
        """Join the results of all tiles, each at 1 / scale of the resolution."""
        whole: list[Tensor] = []
        lock = Lock()

        def fill(tile: _TileWithHalo) -> None:
            parts = compute(tile)
            with lock:  # only the first tile knows channels and dtypes, and allocates the results
                if not whole:
                    pairs = zip(parts, scales, strict=True)
                    whole.extend(_blank(p, size[0] // s, size[1] // s) for p, s in pairs)
            for part, out, scale in zip(parts, whole, scales, strict=True):
                tile.paste(part, out, scale)

        self._each(fill, self._tiles(*size))
        return whole

    def _each(self, fill: Callable[[_TileWithHalo], None], tiles: list[_TileWithHalo]) -> None:
        # A single tile is computed with torch's own threads.
        if self._workers is None or len(tiles) == 1:
            for tile in tiles:
                fill(tile)
            return

        @torch.inference_mode()  # a setting of each thread
        def fill_alone(tile: _TileWithHalo) -> None:
            single_torch_thread()
            fill(tile)

        self._workers.run_all(fill_alone, tiles)

    def _tiles(self, height: int, width: int) -> list[_TileWithHalo]:
        """Cover a plane, whose sides are multiples of 4, with tiles that overlap."""
        # Low enough that there is one for each thread.
        threads = 1 if self._workers is None else self._workers.threads
        rows = min(self._tile_px, -(-height // (4 * threads)) * 4)
        cuts = product(range(0, height, rows), range(0, width, self._tile_px))
        return [_tile(top, left, (rows, self._tile_px), (height, width)) for top, left in cuts]


def _tile(top: int, left: int, most: tuple[int, int], size: tuple[int, int]) -> _TileWithHalo:
    kept = range(top, min(top + most[0], size[0])), range(left, min(left + most[1], size[1]))
    rows, columns = (
        range(max(part.start - HALO_PX, 0), min(part.stop + HALO_PX, length))
        for part, length in zip(kept, size, strict=True)
    )
    return _TileWithHalo((rows, columns), kept)


def _blank(part: Tensor, height: int, width: int) -> Tensor:
    """Allocate the whole plane of which `part` is a tile."""
    shape = (*part.shape[:2], height, width)
    return torch.empty(
        shape, dtype=part.dtype, device=part.device, memory_format=torch.channels_last
    )
