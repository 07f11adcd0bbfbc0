"""Blocks of planes that are fused one after the other, each with a margin."""

from dataclasses import dataclass
from itertools import product

from napari_umis_fusion.runtime import bands

GRID_PX = 32
"""Blocks begin on multiples of it, the grid of the network's coarsest scale at half resolution."""


_Span = tuple[slice, slice]
"""What is kept of a side, and what is seen."""


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of the planes, and the larger one that it is computed from.

    Attributes
    ----------
    kept, seen : tuple of slice
        Rows and columns of the planes.
    """

    kept: tuple[slice, slice]
    seen: tuple[slice, slice]

    @property
    def inner(self) -> tuple[slice, slice]:
        """Rows and columns that are kept, counted from the first that are seen."""
        rows, columns = (
            slice(kept.start - seen.start, kept.stop - seen.start)
            for kept, seen in zip(self.kept, self.seen, strict=True)
        )
        return rows, columns

    @property
    def pixels(self) -> int:
        """Pixels that are computed."""
        rows, columns = (part.stop - part.start for part in self.seen)
        return int(rows * columns)


def divide(height: int, width: int, room_px: int, margin: int) -> tuple[Block, ...]:
    """Divide planes into the blocks that compute least, none of more than `room_px` if possible."""
    cuts = [_ways_to_cut(side, margin) for side in (height, width)]

    def cost(pair: tuple[_Way, ...]) -> tuple[bool, int]:
        (_, tallest, all_rows), (_, widest, all_columns) = pair
        largest = tallest * widest
        is_too_large = largest > room_px
        return is_too_large, largest if is_too_large else all_rows * all_columns

    chosen = min(product(*cuts), key=cost)
    sides = zip((height, width), chosen, strict=True)
    return blocks_of(*(_cut(side, count, margin) for side, (count, *_) in sides))


def blocks_of(rows: list[_Span], columns: list[_Span]) -> tuple[Block, ...]:
    """Return the blocks of all pairs of spans, row by row."""
    return tuple(
        Block((row[0], column[0]), (row[1], column[1])) for row, column in product(rows, columns)
    )


def span(start: int, stop: int, side: int, margin: int) -> _Span:
    """Return what is kept of a side, and what is seen: with a margin, on the grid."""
    reach, stop = -(-margin // GRID_PX) * GRID_PX, min(stop, side)
    return slice(start, stop), slice(max(start - reach, 0), min(stop + reach, side))


_Way = tuple[int, int, int]
"""Number of spans of a side, the longest, and all of them together, in pixels seen."""


def _ways_to_cut(side: int, margin: int) -> list[_Way]:
    ways = []
    for count in range(1, max(1, side // max(margin, GRID_PX)) + 1):
        lengths = [seen.stop - seen.start for _, seen in _cut(side, count, margin)]
        ways.append((count, max(lengths), sum(lengths)))
    return ways


def _cut(side: int, count: int, margin: int) -> list[_Span]:
    """Cut a side into spans on the grid."""
    cells = -(-side // GRID_PX)
    parts = bands(cells, min(count, cells))
    return [span(first * GRID_PX, last * GRID_PX, side, margin) for first, last in parts]
