"""Find what stands still on the sensor: first whether, in tiles; then what, in whole planes."""

from collections.abc import Generator
from functools import partial

import numpy as np

from napari_umis_fusion.preprocess._grey import GreyConverter
from napari_umis_fusion.preprocess.fixed_pattern._estimate import PatternEstimate, iter_estimate
from napari_umis_fusion.preprocess.fixed_pattern._evidence import MIN_PLANES, holds_pattern
from napari_umis_fusion.preprocess.fixed_pattern._fixed_pattern import FixedPattern
from napari_umis_fusion.preprocess.fixed_pattern._tiles import TileGrid
from napari_umis_fusion.runtime import FloatMap, ScratchMemory, Tile, Workers
from napari_umis_fusion.stack import Plane, Stack

SAMPLED_PLANES = 9
"""Planes that are looked at, evenly over the stack; more tell little more."""

TILE_PX = 64
"""Side of the tiles that are looked at: many pixels tell a weak pattern from noise."""

MAX_TILES = 144
"""Tiles that are looked at in each of them: about 0.6 megapixels."""

MIN_STRENGTH = 0.001
"""Standard deviation of the weakest pattern that counts, as a share of the range."""

MAX_STRENGTH, MAX_SHARE = 0.05, 0.5
"""A stronger one, on more of the plane, is a specimen that is sharp in all planes."""

ROUNDING = 0.1
"""Variance of what rounding to integers leaves, which blurred planes without noise share."""


def iter_find_pattern(
    stack: Stack, to_grey: GreyConverter, workspace: ScratchMemory, workers: Workers
) -> Generator[None, None, FixedPattern | None]:
    """Look for a pattern that all planes share, yielding every 50 ms.

    Some planes are read once more; only if there is a pattern, three times more.

    Parameters
    ----------
    stack : Stack
        Planes as the sensor recorded them: not moved.
    to_grey : GreyConverter
        Conversion to grey levels.
    workspace : ScratchMemory
        Memory for maps.
    workers : Workers
        Threads to run on.

    Returns
    -------
    FixedPattern or None
        None where there is none, or too few planes tell: with fewer than 4.
    """
    height, width = stack.shape[1:3]
    count = min(len(stack), SAMPLED_PLANES)
    if count < MIN_PLANES or min(height, width) < TILE_PX:
        return None
    planes = [int(z) for z in np.linspace(0, len(stack) - 1, count).round()]
    tiles = _lattice(height, width)
    seen: list[list[FloatMap]] = []
    for z in planes:
        cut = partial(_cut, stack, z, tiles, to_grey)
        seen.append((yield from workers.result(workers.submit(cut))))
    floor = _floor(stack, to_grey)
    by_tile = list(zip(*seen, strict=True))
    if not (yield from workers.result(workers.submit(partial(holds_pattern, by_tile, floor)))):
        return None
    estimate = PatternEstimate(to_grey, (height, width), count, floor, workspace)
    yield from iter_estimate(stack, planes, estimate, workers)
    pattern = yield from workers.result(workers.submit(estimate.pattern))
    return _described(pattern, to_grey)


def _lattice(height: int, width: int) -> list[Tile]:
    """Return tiles of `TILE_PX`, evenly over the plane."""
    grid = TileGrid((height, width), TILE_PX)
    rows, columns = grid.rows, grid.columns
    step = int(np.ceil((grid.counts[0] * grid.counts[1] / MAX_TILES) ** 0.5))
    return [
        Tile(
            slice(int(rows[down]), int(rows[down + 1])),
            slice(int(columns[along]), int(columns[along + 1])),
        )
        for down in range(step // 2, grid.counts[0], step)
        for along in range(step // 2, grid.counts[1], step)
    ]


def _cut(stack: Stack, z: int, tiles: list[Tile], to_grey: GreyConverter) -> list[FloatMap]:
    """Return tiles of the grey image of a plane; 0 where a tile is not wholly there."""
    plane, missing = stack.plane(z), stack.uncovered(z)

    def grey(tile: Tile) -> FloatMap:
        found = to_grey(plane[tile.window])
        is_there = missing is None or not missing[tile.window].any()
        return found if is_there and np.isfinite(found).all() else np.zeros_like(found)

    return [grey(tile) for tile in tiles]


def _floor(stack: Stack, to_grey: GreyConverter) -> float:
    """Return the variance that counts, in squared grey levels."""
    weakest = (MIN_STRENGTH * to_grey.span()) ** 2
    rounding = ROUNDING * to_grey.range.scale**2 if stack.dtype.kind in "iub" else 0.0
    return max(weakest, rounding, 1e-12)


def _described(pattern: Plane, to_grey: GreyConverter) -> FixedPattern | None:
    is_found = pattern != 0
    if not is_found.any():
        return None
    strength = float(pattern[is_found].std()) / to_grey.span()
    if strength > MAX_STRENGTH and is_found.mean() > MAX_SHARE:
        return None
    pattern /= np.float32(to_grey.range.scale)
    return FixedPattern(pattern, strength, float(is_found.mean()))
