"""See from three planes whether a stack moves, before anybody asks for an alignment."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from napari_umis_fusion.alignment._links import assess_links
from napari_umis_fusion.alignment._match import match_planes
from napari_umis_fusion.alignment._pyramid import Pyramid
from napari_umis_fusion.alignment._tile_shifts import Grey
from napari_umis_fusion.alignment._transforms import (
    Transform,
    compose,
    identity,
    max_displacement_px,
)
from napari_umis_fusion.preprocess import percentile_limits
from napari_umis_fusion.stack import Plane

COMPARED_PX = 384
"""Longest side of the planes as they are compared: less misses small specimens, more takes time."""

LEAST_COMPARED_PX = 1.5
"""Motion, in compared pixels, from which it is told: shorter ones may come of the focus itself."""

LEAST_CONFIDENCE = 0.5
"""Confidence in a link from which it counts, as in an alignment."""


def reduced_plane(plane: Plane) -> tuple[Grey, int]:
    """Return means of blocks of a plane, and the width of a block in pixels.

    Parameters
    ----------
    plane : ndarray of shape (Y, X) or (Y, X, C)
        Of any dtype. Channels are averaged; blocks with values that are not finite are 0.

    Returns
    -------
    grey : ndarray of shape (rows, columns), float32
        Relative to its mean, at most `COMPARED_PX` wide and high.
    factor : int
        Width of its pixels.
    """
    size = plane.shape[:2]
    factor = min(max(1, -(-max(size) // COMPARED_PX)), min(size))
    rows, columns = (side // factor for side in size)
    cut = plane[: rows * factor, : columns * factor]
    # Without a copy of the plane, which may be large.
    with np.errstate(over="ignore", invalid="ignore"):
        means = cut.reshape(rows, factor, columns, factor, -1).mean((1, 3, 4), np.float64)
    is_known = np.isfinite(means)
    means -= means[is_known].mean() if is_known.any() else 0.0
    limit = np.finfo(np.float32).max / 4
    return np.clip(np.where(is_known, means, 0.0), -limit, limit).astype(np.float32), factor


def glimpse_motion(planes: Sequence[Grey], factor: int = 1) -> float:
    """Return by how much the content of planes moves from the first to the last.

    Each plane is compared with the next as an alignment would. Focus that changes is no motion.

    Parameters
    ----------
    planes : sequence of ndarray of shape (Y, X)
        A few planes, in focal order, such as the first, the middle and the last.
    factor : int
        Width of their pixels, in pixels of the stack.

    Returns
    -------
    float
        Longest path of a corner between any two of them, in pixels of the stack; 0 without
        evidence.
    """
    shape = planes[0].shape
    low, high = percentile_limits(planes[len(planes) // 2])
    if not high > low or min(shape) < 2:
        return 0.0
    unit = np.float32(255 / (high - low))
    pyramids = [Pyramid.of((plane - np.float32(low)) * unit) for plane in planes]
    places = [identity()]
    for z, (here, there) in enumerate(pairwise(pyramids)):
        link = assess_links(z, z + 1, match_planes(here, there, "similarity"), shape)
        is_sure = link.confidence >= LEAST_CONFIDENCE
        places.append(compose(link.measured, places[-1]) if is_sure else places[-1])
    way = _longest_way(places, shape)
    return factor * way if way >= LEAST_COMPARED_PX else 0.0


def _longest_way(places: Sequence[Transform], shape: tuple[int, ...]) -> float:
    """Return the longest way of a corner between two places, in compared pixels."""
    apart = [one - other + identity() for one in places for other in places]
    return max(max_displacement_px(transform, shape) for transform in apart)
