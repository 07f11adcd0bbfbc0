"""Metrics of a depth map relative to the truth."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import ArrayLike, NDArray

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.metrics._grey_levels import check_finite, check_same_shape

BORDER_STEP_PLANES = 1.0
"""Depths of neighbouring pixels that differ by more are the border of an object."""

BORDER_PX = 4
"""Width of the strip along borders, on either side."""

WHOLE_PLANES = 0.05
"""Distance from a whole number within which a depth lies on a step of a staircase."""


@dataclass(frozen=True, slots=True)
class DepthDeviation:
    """Deviation of a sub-plane map from the true depth, in planes.

    Attributes
    ----------
    mean_planes : float
        Mean absolute error.
    rms_planes : float
        Root of the mean squared error.
    share_within : float
        Share of pixels, 0 to 1, that deviate by at most one plane.
    border_planes : float
        Mean signed error along the borders of objects: positive where their nearer side spreads,
        if depth 0 is the farthest. Not a number if there are no borders.
    staircase : float
        Share of pixels, 0 to 1, that lie on a whole plane though the true depth does not: 1 for an
        index map. Not a number if all true depths are whole.
    """

    mean_planes: float
    rms_planes: float
    share_within: float
    border_planes: float
    staircase: float


def depth_error(
    sub_plane_map: ArrayLike, truth: ArrayLike, *, where: ArrayLike | None = None
) -> DepthDeviation:
    """Return how far a sub-plane map is from the true depth.

    Rewards wrongly: smooth maps. Without texture any depth is as good as another, yet counts as an
    error: leave such pixels out with `where`.

    Parameters
    ----------
    sub_plane_map : array-like of shape (Y, X)
        Depth in planes: a sub-plane map, or an index map.
    truth : array-like of shape (Y, X)
        True depth in planes, which may be fractions.
    where : array-like of bool, shape (Y, X), optional
        The pixels to count; by default all.

    Raises
    ------
    StackError
        If shapes differ, values are not finite, or no pixel is left to count.
    """
    depth, known = np.asarray(sub_plane_map, np.float64), np.asarray(truth, np.float64)
    check_same_shape("sub_plane_map", depth.shape, "truth", known.shape)
    counted = np.ones(known.shape, bool) if where is None else np.asarray(where, bool)
    check_same_shape("where", counted.shape, "truth", known.shape)
    if not counted.any():
        raise StackError("no pixel is left to count; accepted is at least one in `where`.")
    error = depth - known
    check_finite("sub_plane_map or truth", error[counted])
    deviation = np.abs(error[counted])
    between = counted & ~_is_whole(known)
    return DepthDeviation(
        float(deviation.mean()),
        float(np.sqrt((deviation**2).mean())),
        float((deviation <= 1).mean()),
        _mean(error[counted & _borders(known)]),
        _mean(_is_whole(depth[between])),
    )


def _is_whole(depth: NDArray[np.float64]) -> NDArray[np.bool_]:
    whole: NDArray[np.bool_] = np.abs(depth - np.rint(depth)) < WHOLE_PLANES
    return whole


def _borders(depth: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the strip (Y, X) along the borders of objects."""
    jump = scipy.ndimage.maximum_filter(depth, 3) - scipy.ndimage.minimum_filter(depth, 3)
    steps = jump > BORDER_STEP_PLANES
    return np.asarray(scipy.ndimage.binary_dilation(steps, iterations=BORDER_PX), bool)


def _mean(values: NDArray[np.bool_] | NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
