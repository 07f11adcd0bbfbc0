"""Blocks of planes that are whole shards of a file: each is fused and written by itself."""

from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.blocks._block import GRID_PX, Block, blocks_of, span
from napari_umis_fusion.fusion.blocks._memory import margin_px
from napari_umis_fusion.fusion.blocks._memory_estimates import (
    NETWORK_BYTES,
    bytes_per_pixel,
    fixed_mb,
)
from napari_umis_fusion.fusion.planes import RANKING_MEASURES, passes_of
from napari_umis_fusion.runtime import MEGABYTE
from napari_umis_fusion.stack import Stack

USED_SHARE = 0.79
"""Share of ``memory_mb`` that the maps of a block take; planes, files and kernels take some."""

CHUNK_PX = 512
"""Side of the chunks that a shard consists of, about: a screen shows a few of them."""

SMALLEST_PX = 256
"""Side of the smallest shard; smaller ones would be margin mostly."""


@dataclass(frozen=True, slots=True)
class ShardGrid:
    """How planes are divided.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) of the planes, in px.
    shard, chunk : tuple of int
        (Y, X) of a shard, and of the chunks that it consists of, in px.
    margin_px : int
        How far a block sees beyond what it keeps.
    """

    shape: tuple[int, int]
    shard: tuple[int, int]
    chunk: tuple[int, int]
    margin_px: int

    @property
    def blocks(self) -> tuple[Block, ...]:
        """One block for each shard, row by row."""
        rows, columns = (
            [span(start, start + step, side, self.margin_px) for start in range(0, side, step)]
            for side, step in zip(self.shape, self.shard, strict=True)
        )
        return blocks_of(rows, columns)

    def largest_mb(self, stack: Stack, config: FusionConfig) -> float:
        """Return the memory of the largest block, in addition to what the program uses, in MB."""
        pixels = max(block.pixels for block in self.blocks)
        needed = bytes_per_pixel(stack, config, passes_of(config, len(stack)))
        return fixed_mb(config, pixels) + pixels * needed / MEGABYTE

    def device_mb(self, config: FusionConfig) -> float:
        """Return the memory that the network takes on CUDA for the largest block, in MB."""
        from napari_umis_fusion.network import BYTES_PER_PIXEL, STRIP_MB

        pixels = max(block.pixels for block in self.blocks)
        is_ranking = config.focus_measure in RANKING_MEASURES
        needed = NETWORK_BYTES if is_ranking else BYTES_PER_PIXEL
        return STRIP_MB + pixels * needed / MEGABYTE


def plan_shards(stack: Stack, config: FusionConfig, shard_px: int = 0) -> ShardGrid:
    """Divide planes into shards that are fused one at a time.

    Parameters
    ----------
    stack : Stack
        What is fused; no plane is read.
    config : FusionConfig
        With `memory_mb`, of which the maps of a block take four fifths at most.
    shard_px : int
        Longest side of a shard; 0: as large as the memory allows.

    Returns
    -------
    ShardGrid
        One shard, where whole planes fit, or the focus measure sees all of them ('umis').
    """
    height, width = stack.shape[1:3]
    margin = margin_px(config, stack)
    counts = [-(-side // shard_px) if shard_px else 1 for side in (height, width)]
    needed = bytes_per_pixel(stack, config, passes_of(config, len(stack)))
    room_px = USED_SHARE * config.memory_mb * MEGABYTE / needed
    if config.focus_measure == "umis":
        return _grid((height, width), [1, 1], margin)
    while not shard_px:
        grid = _grid((height, width), counts, margin)
        longest = int(np.argmax(grid.shard))
        largest = max(block.pixels for block in grid.blocks)
        if largest <= room_px or grid.shard[longest] <= SMALLEST_PX:
            return grid
        counts[longest] += 1
    return _grid((height, width), counts, margin)


def _grid(shape: tuple[int, int], counts: list[int], margin: int) -> ShardGrid:
    """Return shards of even size: whole chunks, on the grid on which blocks begin."""
    chunks, shards = [], []
    for side, count in zip(shape, counts, strict=True):
        wanted = -(-side // count)
        parts = -(-wanted // CHUNK_PX)
        chunk = -(-wanted // (parts * GRID_PX)) * GRID_PX
        chunks.append(chunk)
        shards.append(chunk * parts)
    return ShardGrid(shape, (shards[0], shards[1]), (chunks[0], chunks[1]), margin)
