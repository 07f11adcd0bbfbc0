"""Where images lie on one another: true, estimated, and found afterwards for those of peers."""

import math
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray
from skimage.registration import phase_cross_correlation

from napari_umis_fusion.alignment import (
    Transform,
    apply,
    centre_of,
    compose,
    corners_of,
    inverse,
    rescaled,
)

Grey = NDArray[np.float32]

_COARSEST_PX = 40  # the shorter side on which a registration starts
_MAX_STEPS = 40
_ENOUGH_PX = 1e-3


def moved_by(start: tuple[float, float]) -> Transform:
    """Return the transform to the frame of a cut that starts there."""
    return np.column_stack([np.eye(2), -np.asarray(start, np.float64)])


def worst_error_px(
    estimated: NDArray[np.float64],
    true: NDArray[np.float64],
    reference: int,
    shape: tuple[int, ...],
) -> float:
    """Return how far estimated transforms lead astray, at most, in the corners and the centre.

    Both are taken relative to the reference plane first.
    """
    points = np.vstack([corners_of(shape), centre_of(shape)])
    worst = 0.0
    for found, known in zip(estimated, true, strict=True):
        places = (
            apply(compose(one, inverse(all_[reference])), points)
            for one, all_ in ((found, estimated), (known, true))
        )
        worst = max(worst, float(np.hypot(*np.subtract(*places).T).max()))
    return worst


def covered(transforms: NDArray[np.float64], shape: tuple[int, ...], inset_px: float) -> NDArray:
    """Return which pixels (Y, X) of the reference frame every plane has, away from borders."""
    grid = np.stack(np.mgrid[: shape[0], : shape[1]], axis=-1)
    last = np.array(shape[:2]) - 1 - inset_px
    inside = np.ones(shape[:2], bool)
    for transform in transforms:
        places = apply(transform, grid)
        inside &= ((places >= inset_px) & (places <= last)).all(axis=-1)
    return inside


def pulled(
    image: Grey, transform: Transform, shape: tuple[int, int], order: int = 1
) -> NDArray[np.float32]:
    """Return what an image has at the points of a frame; not a number outside of it."""
    return scipy.ndimage.affine_transform(
        image, transform[:, :2], transform[:, 2], shape, np.float32, order, cval=np.nan
    )


def register(image: Grey, frame: Grey, finest: int = 1) -> Transform:
    """Return where an image has the points of a frame, by least squares of grey levels.

    An affine transform, a gain of second degree in the place and an offset are fitted from
    coarse to fine (Gauss-Newton), from two starts: centre upon centre, and where the phase
    correlates.

    Parameters
    ----------
    image, frame : ndarray of shape (Y, X)
        Grey, of any two sizes that show much the same.
    finest : int
        Shrink by so much at the last step.
    """
    factor = max(1, min(*image.shape, *frame.shape) // _COARSEST_PX)
    factor = max(finest, 2 ** int(math.log2(factor)))
    small, still = _shrunk(image, factor), _shrunk(frame, factor)
    fits = [_fit(small, still, start) for start in _starts(small, still)]
    found = rescaled(min(fits, key=lambda fit: fit[1])[0], 1 / factor)
    while factor > finest:
        factor //= 2
        start = rescaled(found, factor)
        found = rescaled(_fit(_shrunk(image, factor), _shrunk(frame, factor), start)[0], 1 / factor)
    return found


def second_degree(rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
    """Return the terms (N, 6) of a polynomial at N places, about 1 in size."""
    ones = np.ones_like(rows)
    return np.stack([ones, rows, columns, rows**2, rows * columns, columns**2], axis=1)


def _starts(image: Grey, frame: Grey) -> list[Transform]:
    centred = moved_by(tuple(centre_of(frame.shape) - centre_of(image.shape)))
    there = np.nan_to_num(pulled(image, centred, frame.shape), nan=float(image.mean()))
    shift = phase_cross_correlation(frame, there, normalization=None)[0]
    return [centred, compose(centred, moved_by(tuple(shift)))]


def _fit(image: Grey, frame: Grey, start: Transform) -> tuple[Transform, float]:
    """Return the transform and the mean square that is left."""
    found, middle = start.copy(), centre_of(frame.shape)
    places = (np.stack(np.mgrid[: frame.shape[0], : frame.shape[1]], -1) - middle) / middle
    ways = np.concatenate([places, np.ones((*frame.shape, 1))], axis=2)  # of rows, columns, shift
    left = math.inf
    for _ in range(_MAX_STEPS):
        moved = pulled(image, found, frame.shape, order=3)
        slopes = np.gradient(moved)
        known = np.isfinite(moved + slopes[0] + slopes[1])
        if known.mean() < 0.2:
            return start, math.inf
        parts = [slope[known][:, None] * ways[known] for slope in slopes]
        lamp = second_degree(*np.moveaxis(places[known], -1, 0))
        light = np.column_stack([moved[known][:, None] * lamp, np.ones(known.sum())])
        normal = np.concatenate([*parts, light], axis=1)
        step, *_ = np.linalg.lstsq(normal.T @ normal, normal.T @ frame[known], rcond=None)
        gain = step[6] if abs(step[6]) > 0.1 else 0.1
        left = float(np.mean((frame[known] - light @ step[6:]) ** 2))
        # The slopes are of the moved image: its step comes before what moved it.
        rows = (step[:6] / gain).reshape(2, 3)
        matrix = np.eye(2) + rows[:, :2] / middle
        found = compose(found, np.column_stack([matrix, middle + rows[:, 2] - matrix @ middle]))
        if np.abs(rows).max() < _ENOUGH_PX:
            break
    return found, left


def _shrunk(image: Grey, factor: int) -> Grey:
    height, width = (n // factor * factor for n in image.shape)
    blocks = image[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float32)
