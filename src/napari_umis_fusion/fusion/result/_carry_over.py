"""Carry overrides over in time: what was painted at two time points, to those between."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import ConfigError


def carry_over(overrides: Any, axis: int = 0) -> NDArray[Any]:
    """Fill in overrides between the time points at which a pixel has some.

    Parameters
    ----------
    overrides : array-like of whole numbers
        Overrides of all time points: 0 as decided, k + 1 for plane k.
    axis : int
        Axis of time.

    Returns
    -------
    ndarray
        A copy, in which each pixel without override that has one earlier and one later has the
        plane of both; where they differ, a plane between, linear in time and rounded. What was
        painted stays, and before the first and after the last nothing is carried.

    Raises
    ------
    ConfigError
        If they are not whole numbers from 0 on, or lack the axis.

    Examples
    --------
    >>> carry_over([[1, 3], [0, 0], [0, 0], [0, 9]]).tolist()
    [[1, 3], [0, 5], [0, 7], [0, 9]]
    """
    given = np.asarray(overrides)
    if given.dtype.kind not in "iu" or not -given.ndim <= axis < given.ndim or (given < 0).any():
        raise ConfigError(
            f"overrides of shape {given.shape} and dtype {given.dtype}, axis={axis}; accepted are "
            "whole numbers (0 as decided, k + 1 for plane k), and one of their axes."
        )
    found = given.copy()
    series = np.moveaxis(found, axis, 0)  # a view: what is set here is set in `found`
    before = np.full(series.shape[1:], -1, np.int32)
    for now, frame in enumerate(series):
        painted = np.nonzero(frame)
        _fill_gap(series, before, painted, now)
        before[painted] = now
    return found


def _fill_gap(
    series: NDArray[Any], before: NDArray[Any], painted: tuple[NDArray[Any], ...], now: int
) -> None:
    """Fill in what lies between the frame `now` and the one before that was painted."""
    starts = before[painted]
    gap = (starts >= 0) & (starts < now - 1)
    places, starts = tuple(part[gap] for part in painted), starts[gap]
    if not starts.size:
        return
    first = series[(starts, *places)].astype(np.float64)
    step = (series[(np.full_like(starts, now), *places)] - first) / (now - starts)
    for time in range(int(starts.min()) + 1, now):
        inside = starts < time
        value = first[inside] + step[inside] * (time - starts[inside])
        chosen = tuple(part[inside] for part in places)
        series[(np.full(value.shape, time), *chosen)] = np.floor(value + 0.5)
