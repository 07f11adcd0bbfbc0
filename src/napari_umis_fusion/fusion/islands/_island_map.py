"""Islands of the index map: parts whose plane is far from that of the edges around them.

Islands are looked for on working maps of at most about a megapixel, whatever the size of the
planes: what matters is their morphology, not their last pixel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.focus_measure import gaussian_taps, smooth
from napari_umis_fusion.fusion.islands._shapes import (
    Labels,
    boxes_of,
    grown,
    labelled,
    medians_of,
    opened,
)
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import BoolMap, FloatMap
from napari_umis_fusion.stack import Plane

WORKING_PX = 2**20
"""Pixels of a working map at most."""

RIM_SIGMA_PX = 24.0
"""Sigma of the window in which edges vote for a plane, in pixels of the working map."""

RIM_GRID_PX = 4
"""Grid on which votes are counted: the window is far wider."""

FAR_PLANES = 2
"""Islands are more planes than this from their rim."""

SMALLEST_PX = 40
"""Pixels of the smallest island, of the working map."""

RING_PX = (6, 24)
"""Least and greatest width of the ring around an island; between, half the side of the island."""

ENCLOSED = 0.95
"""Share of the edges around an island that are of the planes of its rim.

In rendered smears, inverted islands have 0.97 or more. Cells beside sharp things on another height
have 0.9 or less: they have edges of their own.
"""

STRIP_ROWS = 64
"""Rows of the working map that are converted to grey at a time."""

Planes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Islands:
    """Islands on working maps of shape (Y, X).

    Attributes
    ----------
    labels : ndarray of shape (Y, X), int32
        Number of the island, from 1; 0 elsewhere.
    rim : ndarray of shape (Y, X), int32
        The plane that most edges around each pixel are chosen from.
    own_planes, rim_planes, areas_px : ndarray of int, one for each number of an island
        Its median plane, the median of its rim, and its size; those of number 0 mean nothing.
    """

    labels: Labels
    rim: Planes
    own_planes: NDArray[np.int64]
    rim_planes: NDArray[np.int64]
    areas_px: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.areas_px) - 1


def working_step(shape: tuple[int, ...]) -> int:
    """Return how many pixels of the planes, along each axis, make one of the working map."""
    return max(1, int(np.ceil(np.sqrt(shape[0] * shape[1] / WORKING_PX))))


def reduce_grey(plane: Plane, to_grey: GreyConverter, step: int) -> FloatMap:
    """Return the grey levels of a plane, averaged over squares of `step` pixels."""
    if step == 1:
        return to_grey(plane)
    # In strips, so that a grey image of a large plane is never whole in memory.
    strips = range(0, plane.shape[0], STRIP_ROWS * step)
    return np.concatenate(
        [block_mean(to_grey(plane[top : top + STRIP_ROWS * step]), step) for top in strips]
    )


def reduce_index(index_map: NDArray[np.uint16], step: int) -> Planes:
    """Return the index in the middle of squares of `step` pixels; means would invent planes."""
    rows, columns = (
        np.minimum(np.arange(0, side, step) + step // 2, side - 1) for side in index_map.shape
    )
    return np.asarray(index_map[np.ix_(rows, columns)], np.int32)


def block_mean(image: NDArray[Any], side: int) -> FloatMap:
    """Average squares of `side` pixels; those at the border are filled with the last pixels."""
    full = _whole_blocks(image, side)
    total = np.zeros([length // side for length in full.shape], np.float32)
    # Pixel by pixel of all squares: numpy takes several times as long for many short sums.
    for row, column in np.ndindex(side, side):
        total += full[row::side, column::side]
    total /= side * side
    return total


def _whole_blocks(image: NDArray[Any], side: int) -> NDArray[Any]:
    """Return an image of whole squares of `side` pixels, filled with the last pixels."""
    missing = [(0, -length % side) for length in image.shape]
    return np.pad(image, missing, mode="edge") if any(after for _, after in missing) else image


def block_any(mask: BoolMap, side: int) -> BoolMap:
    """Return which squares of `side` pixels have a pixel that is set."""
    rows, columns = (np.arange(0, length, side) for length in mask.shape)
    covered = np.logical_or.reduceat(mask, rows, axis=0)
    return np.asarray(np.logical_or.reduceat(covered, columns, axis=1))


def find_islands(index: Planes, grey: FloatMap) -> Islands:
    """Find the islands of an index map that are enclosed by edges of their rim's planes.

    Parameters
    ----------
    index : ndarray of shape (Y, X), int32
        The index map, reduced.
    grey : ndarray of shape (Y, X), float32
        The all-in-focus image, reduced.
    """
    votes = edge_votes(grey)
    rim = find_rim(index, votes)
    # Opened, since borders between planes are frayed.
    labels, count = labelled(opened(is_far(index, rim)))
    kept = np.bincount(labels.ravel(), minlength=count + 1) >= SMALLEST_PX
    kept[0] = False
    if kept.any():
        around = medians_of(rim, labels, count)
        kept &= _enclosed(index, votes, labels, np.where(kept, around, -1))
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    labels, count = numbers[labels], int(kept.sum())
    own, around = (medians_of(planes, labels, count) for planes in (index, rim))
    return Islands(labels, rim, own, around, np.bincount(labels.ravel(), minlength=count + 1))


def _enclosed(
    index: Planes, votes: FloatMap, labels: Labels, rim_planes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which islands have edges of their rim's planes all around; -1 for what is none."""
    enclosed = np.zeros(len(rim_planes), np.bool_)
    for number, box in enumerate(boxes_of(labels, len(rim_planes) - 1), start=1):
        if rim_planes[number] < 0:
            continue
        inside = labels[box] == number
        width = int(np.clip(np.sqrt(inside.sum()) / 2, *RING_PX))
        wide = tuple(slice(max(part.start - width, 0), part.stop + width) for part in box)
        ring = grown(labels[wide] == number, width) & (labels[wide] == 0)
        weights = votes[wide][ring]
        same = np.abs(index[wide][ring] - rim_planes[number]) <= FAR_PLANES
        enclosed[number] = weights[same].sum() >= ENCLOSED * weights.sum()
    return enclosed


def is_far(index: NDArray[Any], rim: Planes) -> BoolMap:
    """Return where an index map is far from the planes of the rims."""
    return np.asarray(np.abs(index.astype(np.int32) - rim) > FAR_PLANES)


def edge_votes(grey: FloatMap) -> FloatMap:
    """Return how much each pixel counts where the plane of edges is looked for.

    The square of the gradient: outlines are sharp in one plane only, whereas soft shades are found
    in many.
    """
    soft = np.pad(_smoothed(grey, 1.0), 1, mode="symmetric")
    across, down = soft[:, 2:] - soft[:, :-2], soft[2:] - soft[:-2]
    x = across[:-2] + 2 * across[1:-1] + across[2:]
    y = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    return np.asarray(x * x + y * y)


def _smoothed(image: FloatMap, sigma_px: float) -> FloatMap:
    """Return an image smoothed by a Gaussian, mirrored at its borders."""
    taps = gaussian_taps(sigma_px)
    return smooth(np.pad(image, taps.size - 1, mode="symmetric"), taps)


def _votes_by_plane(index: Planes, votes: FloatMap) -> Iterator[tuple[int, FloatMap]]:
    """Yield each plane with the mean of its votes in squares of `RIM_GRID_PX`."""
    planes, weights = (_whole_blocks(one, RIM_GRID_PX) for one in (index, votes))
    height, width = (side // RIM_GRID_PX for side in planes.shape)
    rows, columns = (np.arange(side) // RIM_GRID_PX for side in planes.shape)
    squares = (rows[:, None] * width + columns).ravel()
    # Sorted once, so that each pixel is counted once, however many planes there are.
    order = planes.astype(np.uint16).ravel().argsort(kind="stable")
    squares, weights = squares[order], weights.ravel()[order]
    ends = np.cumsum(np.bincount(planes.ravel()))
    for z in np.flatnonzero(np.diff(ends, prepend=0)):
        part = slice(ends[z - 1] if z else 0, ends[z])
        total = np.bincount(squares[part], weights[part], minlength=height * width)
        yield int(z), (total.reshape(height, width) / RIM_GRID_PX**2).astype(np.float32)


def find_rim(index: Planes, votes: FloatMap) -> Planes:
    """Return the plane that most edges around each pixel are chosen from, of shape (Y, X).

    The median of the index map in a wide window, in which each pixel counts by its votes.
    """
    sigma = RIM_SIGMA_PX / RIM_GRID_PX
    half = _smoothed(block_mean(votes, RIM_GRID_PX), sigma) / 2
    so_far = np.zeros_like(half)
    rim = np.full(half.shape, -1, np.int32)
    for z, counted in _votes_by_plane(index, votes):
        so_far = so_far + _smoothed(counted, sigma)
        rim[(rim < 0) & (so_far >= half)] = z
    # Rounding may leave the last votes just below the half.
    rim[rim < 0] = index.max()
    full = rim.repeat(RIM_GRID_PX, 0).repeat(RIM_GRID_PX, 1)
    return np.ascontiguousarray(full[: index.shape[0], : index.shape[1]])
