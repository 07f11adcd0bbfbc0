"""Parts of maps: grown, opened, numbered, boxed; and maps, blurred.

As `scipy.ndimage` does, whose import takes longer than to look at the index map of a small stack.
"""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.focus_measure import gaussian_taps, smooth
from napari_umis_fusion.runtime import BoolMap, FloatMap

Labels = NDArray[np.int32]
Box = tuple[slice, slice]


def blurred_by(image: FloatMap, sigma_px: float) -> FloatMap:
    """Return an image (Y, X), float32, blurred by a Gaussian; mirrored beyond its border."""
    taps = gaussian_taps(sigma_px)
    return smooth(np.pad(image, taps.size - 1, mode="symmetric"), taps)


def grown(part: BoolMap, pixels: int) -> BoolMap:
    """Return a part with what is up to so many steps around it, along rows and columns."""
    wide = part.copy()
    for _ in range(pixels):
        last = wide.copy()
        wide[1:] |= last[:-1]
        wide[:-1] |= last[1:]
        wide[:, 1:] |= last[:, :-1]
        wide[:, :-1] |= last[:, 1:]
    return wide


def opened(part: BoolMap) -> BoolMap:
    """Return a part without what is too narrow to hold a pixel and its four neighbours."""
    core = np.zeros_like(part)
    inner = part[1:-1, 1:-1] & part[:-2, 1:-1] & part[2:, 1:-1] & part[1:-1, :-2] & part[1:-1, 2:]
    core[1:-1, 1:-1] = inner
    return grown(core, 1)


def labelled(part: BoolMap) -> tuple[Labels, int]:
    """Return a number for each connected piece, from 1 in reading order, and how many there are.

    Rows are cut into runs of pixels; runs that touch those of the row below are one piece.
    """
    width = part.shape[1] + 2  # so that no run goes on in the next row
    framed = np.pad(part, ((0, 0), (1, 1))).ravel()
    edges = np.flatnonzero(framed[1:] != framed[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    first = np.searchsorted(ends - width, starts, "right")
    touching = np.maximum(np.searchsorted(starts - width, ends, "left") - first, 0)
    above = np.repeat(np.arange(len(starts)), touching)
    below = np.arange(len(above)) - np.repeat(np.cumsum(touching) - touching, touching)
    roots = _roots(above, below + first[above], len(starts))
    pieces, numbers = np.unique(roots, return_inverse=True)
    steps = np.zeros(framed.size, np.int32)
    steps[starts] = numbers + 1
    steps[ends] -= (numbers + 1).astype(np.int32)
    labels = np.cumsum(steps, dtype=np.int32).reshape(part.shape[0], width)[:, 1:-1]
    return np.ascontiguousarray(labels), len(pieces)


def _roots(one: NDArray[np.intp], other: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return, for so many things of which pairs belong together, the first that each is with."""
    root = np.arange(count)
    while (unlike := root[one] != root[other]).any():
        one, other = one[unlike], other[unlike]
        pair = root[one], root[other]
        np.minimum.at(root, np.maximum(*pair), np.minimum(*pair))
        while (root[root] != root).any():
            root = root[root]
    return root


def boxes_of(labels: Labels, count: int) -> list[Box]:
    """Return the smallest rectangle around each of so many pieces, none of which is empty."""
    places = np.flatnonzero(labels)
    numbers = labels.ravel()[places]
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(1, count + 1))
    lines = np.divmod(places[order], labels.shape[1])
    if not count:
        return []
    tops, lefts = (np.minimum.reduceat(line, starts) for line in lines)
    bottoms, rights = (np.maximum.reduceat(line, starts) + 1 for line in lines)
    corners = zip(tops.tolist(), bottoms.tolist(), lefts.tolist(), rights.tolist(), strict=True)
    return [(slice(top, bottom), slice(left, right)) for top, bottom, left, right in corners]


def medians_of(values: NDArray[np.int32], labels: Labels, count: int) -> NDArray[np.int64]:
    """Return the median of values in each of so many pieces, rounded; 0 for what is none."""
    places = np.flatnonzero(labels)
    numbers, found = labels.ravel()[places], values.ravel()[places]
    ordered = found[np.lexsort((found, numbers))]
    sizes = np.bincount(numbers, minlength=count + 1)[1:]
    ends = np.cumsum(sizes)
    middles = [ordered[ends - sizes + place] for place in ((sizes - 1) // 2, sizes // 2)]
    return np.append(0, np.rint(np.mean(middles, axis=0))).astype(np.int64)
