"""The network's fine scales in tiles, equal to the whole: what a CPU's cache holds is fast.

These scales look only a few pixels far, so tiles overlap by little.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_umis_fusion.network.plane_ranker import Percept, PlaneRanker, Scores, Sight

HALO_PX = 8
"""More than the fine scales look to a side; a multiple of 4."""

Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class _Tile:
    """A part of a plane, in px: what is looked at, and what is kept of it."""

    seen: tuple[range, range]
    kept: tuple[range, range]

    def window(self, scale: int) -> Window:
        """Return the rows and columns looked at, at 1 / scale of the resolution."""
        rows, columns = (slice(r.start // scale, r.stop // scale) for r in self.seen)
        return rows, columns

    def target(self, scale: int) -> Window:
        """Return where to put what is kept."""
        rows, columns = (slice(r.start // scale, r.stop // scale) for r in self.kept)
        return rows, columns

    def inner(self, scale: int) -> Window:
        """Return what is kept of what is looked at."""
        rows, columns = (
            slice((k.start - s.start) // scale, (k.stop - s.start) // scale)
            for k, s in zip(self.kept, self.seen, strict=True)
        )
        return rows, columns


def perceive_by_tiles(
    model: PlaneRanker, details: tuple[Tensor, Tensor, Tensor], tile_px: int
) -> Percept:
    """Return what the network perceives of a plane between its neighbours.

    Parameters
    ----------
    model : PlaneRanker
        In evaluation mode.
    details : three of Tensor of shape (1, 1, Y, X)
        Of the planes before, here and after.
    tile_px : int
        Side of a tile.
    """
    height, width = details[1].shape[2:]
    whole: list[Tensor] = []
    for tile in _tiles(height, width, tile_px):
        rows, columns = tile.window(1)
        before, here, after = torch.split(
            model.respond(torch.cat([detail[:, :, rows, columns] for detail in details])), 1
        )
        percept = model.perceive(Sight(here, here - before, here - after))
        parts = ((percept.quarter, 4), (percept.skip, 2), (percept.prior, 4))
        if not whole:
            whole = [_blank(part, (height // scale, width // scale)) for part, scale in parts]
        for out, (part, scale) in zip(whole, parts, strict=True):
            _keep(out, part, tile, scale)
    return Percept(*whole)


def conclude_by_tiles(
    model: PlaneRanker, quarter: Tensor, percept: Percept, tile_px: int
) -> Scores:
    """Return the scores of a plane, each of shape (1, Y, X)."""
    height, width = 4 * quarter.shape[2], 4 * quarter.shape[3]
    select, weigh = (quarter.new_empty((1, height, width), dtype=torch.float32) for _ in range(2))
    for tile in _tiles(height, width, tile_px):
        (rows, columns), (fine_rows, fine_columns) = tile.window(4), tile.window(2)
        scores = model.conclude(
            quarter[:, :, rows, columns],
            percept.skip[:, :, fine_rows, fine_columns],
            percept.prior[:, :, rows, columns],
        )
        _keep(select, scores.select, tile, 1)
        _keep(weigh, scores.weigh, tile, 1)
    return Scores(select, weigh)


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


def _blank(part: Tensor, size: tuple[int, int]) -> Tensor:
    shape = (*part.shape[:2], *size)
    return torch.empty(shape, dtype=part.dtype, device=part.device).contiguous(
        memory_format=torch.channels_last
    )


def _keep(out: Tensor, part: Tensor, tile: _Tile, scale: int) -> None:
    out[..., *tile.target(scale)] = part[..., *tile.inner(scale)]
