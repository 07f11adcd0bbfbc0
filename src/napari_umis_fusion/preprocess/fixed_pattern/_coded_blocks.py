"""Blocks in which planes were compressed, as JPEG and video are: steps between them, in all planes.

What was lost inside of them cannot be brought back, and steps are no detail: it can only be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.preprocess.fixed_pattern._tiles import Table
from napari_umis_fusion.runtime import FloatMap

SIDES_PX = (8, 16)
"""Sides of blocks: those of JPEG, and of planes that were enlarged after it, or of video."""

MOST_TILES, LEAST_PLANES = 16, 3
"""Tiles that are looked at, and planes: one may show anything."""

STEEPER = 1.3
"""Steps from block to block, relative to those at the other places where they are highest, in the
planes that have least; without compression at most 1.03, with JPEG of quality 60 1.3 to 1.6."""

LEAST_STEP, MOST_STEP = 0.01, 0.1
"""Mean height of steps, as a share of the range, from which on decisions change by percents, and
above which it is squares of a specimen that are sharp in all planes."""


@dataclass(frozen=True)
class CodedBlocks:
    """Blocks in which planes were compressed.

    Attributes
    ----------
    side_px : int
        Their side.
    step : float
        Mean height of the steps between them, as a share of the range of the stack.
    """

    side_px: int
    step: float

    @property
    def note(self) -> str:
        """Say what was found, and what to do."""
        return (
            f"planes were compressed in blocks of {self.side_px} px, as JPEG and video are: steps "
            f"of {100 * self.step:.1f} % between them may pass for detail. Better take TIFF or "
            "PNG, or JPEG of higher quality"
        )

    def describe(self) -> dict[str, float | int]:
        """Return them as JSON values."""
        return {"side_px": self.side_px, "step": round(self.step, 5)}


def find_coded_blocks(
    tiles: FloatMap, starts: tuple[Sequence[int], Sequence[int]], span: float
) -> CodedBlocks | None:
    """Return the blocks that all planes show, in both directions; None without any.

    Parameters
    ----------
    tiles : ndarray of shape (T, N, Y, X), float32
        Grey images of T tiles of a lattice, row by row, each in N sampled planes.
    starts : tuple of sequence of int
        First row, and first column, of the tiles of the lattice.
    span : float
        Range of the stack in grey levels.
    """
    if len(tiles) == 0 or tiles.shape[1] < LEAST_PLANES:
        return None
    chosen = np.arange(len(tiles))[:: -(-len(tiles) // MOST_TILES)]
    down, along = np.divmod(chosen, len(starts[1]))
    places = np.take(starts[0], down), np.take(starts[1], along)
    steps = [_steps(tiles[chosen], axis) for axis in (0, 1)]
    for side in SIDES_PX:
        both = [_between_blocks(*one, side) for one in zip(steps, places, strict=True)]
        steeper, height = (min(values) for values in zip(*both, strict=True))
        if steeper > STEEPER and LEAST_STEP * span < height < MOST_STEP * span:
            return CodedBlocks(side, height / span)
    return None


def _steps(tiles: FloatMap, axis: int) -> Table:
    """Return how much each row (axis 0) or column steps off the slope around; (T, N, rows)."""
    slopes = np.diff(tiles, axis=2 + axis)
    if axis:
        slopes = slopes.swapaxes(2, 3)
    off = np.abs(slopes[:, :, 1:-1] - (slopes[:, :, :-2] + slopes[:, :, 2:]) / 2)
    return np.asarray(off.mean(axis=3), np.float64)


def _between_blocks(steps: Table, starts: Table, side: int) -> tuple[float, float]:
    """Return how much higher steps are at one place of each block, relatively and in all."""
    # The first step lies before the third row of a tile.
    phases = (np.add.outer(starts, np.arange(steps.shape[2])) + 2) % side
    sums = [np.where(phases[:, None] == one, steps, 0).sum(axis=2) for one in range(side)]
    counts = np.array([(phases == one).sum(axis=1) for one in range(side)])
    means = np.stack(sums, axis=2) / np.maximum(counts.T[:, None], 1)
    usual = np.median(means, axis=0)  # of planes, at places of a block
    relative = np.median(means / np.maximum(means.mean(axis=2, keepdims=True), 1e-9), axis=0)
    place = int(np.median(relative, axis=0).argmax())
    ratio = relative[:, place] / np.maximum(np.delete(relative, place, axis=1).max(axis=1), 1e-9)
    higher = usual[:, place] - np.delete(usual, place, axis=1).mean(axis=1)
    return float(np.quantile(ratio, 0.1)), float(np.median(higher))
