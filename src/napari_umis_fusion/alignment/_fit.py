"""A transform fitted to the shifts of many tiles, of which some are wrong."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment._tile_shifts import Shifts
from napari_umis_fusion.alignment._transforms import (
    Points,
    Transform,
    about_centre,
    centre_of,
    corners_of,
)

TransformModel = Literal["translation", "similarity", "affine"]

PARAMETERS: dict[TransformModel, int] = {"translation": 2, "similarity": 4, "affine": 6}

MIN_TILES = 4
"""Fewer agreeing tiles are no evidence."""

Design = NDArray[np.float64]

_MIN_SHARE = 0.3
"""Of the tiles that must agree: fewer do so by chance."""

_HALF_WAY = 0.25
"""What a shift that is as far from the fit as is tolerated counts."""

_NARROWING = 1.6
"""By which the width within which shifts count fully shrinks with each round."""

_ROUNDS = 8
"""At the last width: what still moves after so many is no more than rounding."""

_MIN_SPREAD_PX = 0.02
"""Of shifts; they are measured no finer."""

_OVERLAP = (4 / 3) ** 2
"""By which variances grow because neighbouring tiles share pixels: noise under two Hann windows
that overlap by half is correlated by 1/6, on both sides and along both axes."""


@dataclass(frozen=True, slots=True, eq=False)
class TransformFit:
    """A transform and how well it is known.

    Attributes
    ----------
    transform : ndarray of shape (2, 3)
        Of points of one image to those of the other.
    error_px : float
        Standard error where it is largest, in the corners.
    weights : ndarray of shape (N,)
        How much each shift counted.
    """

    transform: Transform
    error_px: float
    weights: NDArray[np.float64]


def fit_shifts(
    measured: Shifts, model: TransformModel, shape: tuple[int, ...], tolerance_px: float
) -> TransformFit | None:
    """Fit a model to shifts, and leave out those that do not agree with it.

    All shifts count at first, and with each round those that are far from the fit count less
    (graduated non-convexity [1]_ with weights of Geman and McClure): no random draws, and up to
    nearly half of them may be wrong.

    Parameters
    ----------
    measured : Shifts
        Of tiles, with their weights.
    model : {"translation", "similarity", "affine"}
        What is fitted.
    shape : tuple of int
        (Y, X) of the images.
    tolerance_px : float
        How far from the fit a shift may be.

    Returns
    -------
    Fit or None
        None where too few agree.

    References
    ----------
    .. [1] H. Yang et al., "Graduated Non-Convexity for Robust Spatial Perception", IEEE RA-L 5(2),
       2020. https://doi.org/10.1109/LRA.2020.2965893
    """
    if len(measured.centres) < MIN_TILES:
        return None
    centres, shifts = measured.centres, measured.shifts
    trust = measured.weights / measured.weights.mean()
    design = _design(model, centres - centre_of(shape))
    factors = _agreement(design, shifts, trust, tolerance_px)
    agreeing = factors > _HALF_WAY
    if agreeing.sum() < MIN_TILES or trust[agreeing].sum() < _MIN_SHARE * len(centres):
        return None
    parameters = _solved(design, shifts, trust * factors)
    matrix = np.eye(2) + _matrix(model, parameters)
    residuals = shifts - (design @ parameters).reshape(-1, 2)
    free = max(1.0, 2 * float(factors.sum()) - design.shape[1])
    spread = float(trust * factors @ (residuals**2).sum(axis=1)) / free
    error_px = _error_px(model, design, trust * factors, spread, shape)
    return TransformFit(about_centre(matrix, parameters[:2], shape), error_px, trust * factors)


def shift_of(
    shifts: Points, weights: NDArray[np.float64], tolerance_px: float
) -> TransformFit | None:
    """Fit one shift to all, as `fit_shifts` does; `None` where too few agree."""
    return fit_shifts(Shifts(shifts, shifts, weights), "translation", (1, 1), tolerance_px)


def matrix_of(
    model: TransformModel, places: Points, shifts: Points, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the matrix (2, 2) that fits weighted shifts at places about the centre best."""
    matrix = np.eye(2) + _matrix(model, _solved(_design(model, places), shifts, weights))
    return np.asarray(matrix, np.float64)


def _agreement(
    design: Design, shifts: Points, trust: NDArray[np.float64], tolerance_px: float
) -> NDArray[np.float64]:
    """Return how well each shift agrees with a fit that most of them share: 0 to 1.

    None is thrown out at a limit: where it counts a little less for being a little farther away,
    what is fitted does not jump.
    """
    factors, width, rounds = np.ones(len(shifts)), np.inf, 0
    while rounds < _ROUNDS:
        parameters = _solved(design, shifts, trust * factors)
        apart = np.linalg.norm(shifts - (design @ parameters).reshape(-1, 2), axis=1)
        width = max(tolerance_px, min(width / _NARROWING, 2 * float(apart.max())))
        rounds += width == tolerance_px
        factors = 1 / (1 + (apart / width) ** 2) ** 2  # Geman and McClure's
    return factors


def _solved(design: Design, shifts: Points, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the parameters of weighted least squares."""
    weighted = design * np.repeat(weights, 2)[:, None]
    parameters, *_ = np.linalg.lstsq(weighted.T @ design, weighted.T @ shifts.ravel(), rcond=None)
    return np.asarray(parameters)


def _design(model: TransformModel, places: Points) -> Design:
    """Return how shifts (row, column after one another) at places depend on the parameters."""
    count = len(places)
    design = np.zeros((count, 2, PARAMETERS[model]))
    design[:, 0, 0] = design[:, 1, 1] = 1
    rows, columns = places.T
    if model == "similarity":
        design[:, 0, 2], design[:, 1, 2] = rows, columns
        design[:, 0, 3], design[:, 1, 3] = -columns, rows
    elif model == "affine":
        design[:, 0, 2], design[:, 0, 3] = rows, columns
        design[:, 1, 4], design[:, 1, 5] = rows, columns
    return design.reshape(2 * count, -1)


def _matrix(model: TransformModel, parameters: NDArray[Any]) -> NDArray[Any]:
    """Return the matrix of a transform, less that of no motion."""
    if model == "translation":
        return np.zeros((2, 2))
    if model == "affine":
        return parameters[2:].reshape(2, 2)
    stretch, turn = parameters[2:]
    return np.array([[stretch, -turn], [turn, stretch]])


def _error_px(
    model: TransformModel,
    design: Design,
    weights: NDArray[np.float64],
    spread: float,
    shape: tuple[int, ...],
) -> float:
    """Return the standard error of the shift in the worst corner."""
    spread = _OVERLAP * max(spread, _MIN_SPREAD_PX**2)
    covariance = spread * np.linalg.pinv(design.T @ (design * np.repeat(weights, 2)[:, None]))
    corners = _design(model, corners_of(shape) - centre_of(shape))
    variances = np.einsum("ij,jk,ik->i", corners, covariance, corners).reshape(-1, 2)
    return float(np.sqrt(variances.sum(axis=1).max()))
