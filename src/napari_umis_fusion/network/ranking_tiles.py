"""The network's fine scales in tiles, equal to the whole: what a CPU's cache holds is fast.

These scales look only a few pixels far, so tiles overlap by little.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_umis_fusion.network.folded import Fine, FoldedRanker

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


def perceive_by_tiles(
    ranker: FoldedRanker, details: tuple[Tensor, Tensor, Tensor], tile_px: int
) -> tuple[Tensor, Fine]:
    """Return what the network perceives of a plane between its neighbours.

    These are features at a quarter of the resolution, and what the last stage needs.

    Parameters
    ----------
    ranker : FoldedRanker
        The network.
    details : three of Tensor of shape (1, 1, Y, X)
        Of the planes before, here and after.
    tile_px : int
        Side of a tile.
    """

    def perceive(tile: _Tile) -> tuple[Tensor, ...]:
        quarter, fine = ranker.perceive(*(tile.cut(detail, 1) for detail in details))
        return quarter, fine.skip, fine.prior

    height, width = details[1].shape[2:]
    quarter, *fine = _by_tiles(perceive, (4, 2, 4), (height, width), tile_px)
    return quarter, Fine(*fine)


def conclude_by_tiles(ranker: FoldedRanker, quarter: Tensor, fine: Fine, tile_px: int) -> Tensor:
    """Return the scores (1, 2, Y, X) of a plane."""

    def conclude(tile: _Tile) -> tuple[Tensor]:
        seen = Fine(tile.cut(fine.skip, 2), tile.cut(fine.prior, 4))
        return (ranker.conclude(tile.cut(quarter, 4), seen),)

    size = 4 * quarter.shape[2], 4 * quarter.shape[3]
    return _by_tiles(conclude, (1,), size, tile_px)[0]


def _by_tiles(
    compute: Callable[[_Tile], tuple[Tensor, ...]],
    scales: tuple[int, ...],
    size: tuple[int, int],
    tile_px: int,
) -> tuple[Tensor, ...]:
    """Join what is computed of each tile, at 1 / scale of the resolution each."""
    tiles = list(_tiles(*size, tile_px))
    if len(tiles) == 1:
        return compute(tiles[0])
    whole: tuple[Tensor, ...] = ()
    for tile in tiles:
        parts = compute(tile)
        if not whole:
            whole = tuple(
                _blank(part, size[0] // scale, size[1] // scale)
                for part, scale in zip(parts, scales, strict=True)
            )
        for part, out, scale in zip(parts, whole, scales, strict=True):
            tile.keep(part, out, scale)
    return whole


def _tiles(height: int, width: int, tile_px: int) -> Iterator[_Tile]:
    """Cut a plane, whose sides are multiples of 4, into tiles that overlap."""
    for top in range(0, height, tile_px):
        for left in range(0, width, tile_px):
            kept = range(top, min(top + tile_px, height)), range(left, min(left + tile_px, width))
            seen = tuple(
                range(max(part.start - HALO_PX, 0), min(part.stop + HALO_PX, size))
                for part, size in zip(kept, (height, width), strict=True)
            )
            yield _Tile((seen[0], seen[1]), kept)


def _blank(part: Tensor, height: int, width: int) -> Tensor:
    """Return room for a whole plane of what a part is of."""
    shape = (*part.shape[:2], height, width)
    return torch.empty(
        shape, dtype=part.dtype, device=part.device, memory_format=torch.channels_last
    )
