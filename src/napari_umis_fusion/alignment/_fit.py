"""Robust fit of a transform to the shifts of many tiles, some of which are outliers."""

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
"""Fewer inliers are not enough evidence for a transform."""

Design = NDArray[np.float64]

_MIN_SHARE = 0.3
"""Minimum share of inliers: a smaller share may agree by chance."""

_INLIER_WEIGHT = 0.25
"""Weight of a shift whose residual equals the tolerance; shifts with more are inliers."""

_SHRINKING = 1.6
"""Factor by which the width of the weight function shrinks in each iteration."""

_ROUNDS = 8
"""Iterations at the final width: after so many, the fit changes only by rounding."""

_MIN_SPREAD_PX = 0.02
"""Minimum standard deviation of shifts: they are not measured more precisely."""

_OVERLAP = (4 / 3) ** 2
"""Factor on variances, because neighbouring tiles share pixels: the noise of two Hann windows that
overlap by half has a correlation of 1/6, with the neighbours on both sides and along both axes."""


@dataclass(frozen=True, slots=True, eq=False)
class TransformFit:
    """A transform and its uncertainty.

    Attributes
    ----------
    transform : ndarray of shape (2, 3)
        From points of one image to those of the other.
    error_px : float
        Standard error in the corner where it is largest.
    weights : ndarray of shape (N,)
        Weight of each shift in the fit.
    """

    transform: Transform
    error_px: float
    weights: NDArray[np.float64]


def fit_shifts(
    measured: Shifts, model: TransformModel, shape: tuple[int, ...], tolerance_px: float
) -> TransformFit | None:
    """Fit a model to shifts robustly.

    All shifts have full weight at first, and with each iteration those with large residuals lose
    weight (graduated non-convexity [1]_ with the weights of Geman and McClure). This is
    deterministic, unlike RANSAC, and tolerates nearly half of the shifts as outliers.

    Parameters
    ----------
    measured : Shifts
        Shifts of tiles, with their weights.
    model : {"translation", "similarity", "affine"}
        The model to fit.
    shape : tuple of int
        (Y, X) of the images.
    tolerance_px : float
        Final width of the weight function: residuals beyond it make a shift an outlier.

    Returns
    -------
    TransformFit or None
        None if there are too few inliers.

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
    factors = _robust_weights(design, shifts, trust, tolerance_px)
    agreeing = factors > _INLIER_WEIGHT
    if agreeing.sum() < MIN_TILES or trust[agreeing].sum() < _MIN_SHARE * len(centres):
        return None
    parameters = _solve(design, shifts, trust * factors)
    matrix = np.eye(2) + _matrix(model, parameters)
    residuals = shifts - (design @ parameters).reshape(-1, 2)
    free = max(1.0, 2 * float(factors.sum()) - design.shape[1])
    spread = float(trust * factors @ (residuals**2).sum(axis=1)) / free
    error_px = _error_px(model, design, trust * factors, spread, shape)
    return TransformFit(about_centre(matrix, parameters[:2], shape), error_px, trust * factors)


def shift_of(
    shifts: Points, weights: NDArray[np.float64], tolerance_px: float
) -> TransformFit | None:
    """Fit one common shift as `fit_shifts` does; None if there are too few inliers."""
    return fit_shifts(Shifts(shifts, shifts, weights), "translation", (1, 1), tolerance_px)


def matrix_of(
    model: TransformModel, places: Points, shifts: Points, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit a matrix (2, 2) to weighted shifts at places relative to the centre (least squares)."""
    matrix = np.eye(2) + _matrix(model, _solve(_design(model, places), shifts, weights))
    return np.asarray(matrix, np.float64)


def _robust_weights(
    design: Design, shifts: Points, trust: NDArray[np.float64], tolerance_px: float
) -> NDArray[np.float64]:
    """Return the robust weight of each shift, 0 to 1.

    Weights fall gradually with the residual rather than at a hard limit, so that the fit does not
    jump when a residual changes a little.
    """
    factors, width, rounds = np.ones(len(shifts)), np.inf, 0
    while rounds < _ROUNDS:
        parameters = _solve(design, shifts, trust * factors)
        residuals = np.linalg.norm(shifts - (design @ parameters).reshape(-1, 2), axis=1)
        width = max(tolerance_px, min(width / _SHRINKING, 2 * float(residuals.max())))
        rounds += width == tolerance_px
        factors = 1 / (1 + (residuals / width) ** 2) ** 2  # Geman and McClure
    return factors


def _solve(design: Design, shifts: Points, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve weighted least squares."""
    weighted = design * np.repeat(weights, 2)[:, None]
    parameters, *_ = np.linalg.lstsq(weighted.T @ design, weighted.T @ shifts.ravel(), rcond=None)
    return np.asarray(parameters)


def _design(model: TransformModel, places: Points) -> Design:
    """Return the design matrix of shifts (row, column alternating) at places."""
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
    """Return the matrix of a transform minus the identity."""
    if model == "translation":
        return np.zeros((2, 2))
    if model == "affine":
        return parameters[2:].reshape(2, 2)
    stretch, rotation = parameters[2:]
    return np.array([[stretch, -rotation], [rotation, stretch]])


def _error_px(
    model: TransformModel,
    design: Design,
    weights: NDArray[np.float64],
    spread: float,
    shape: tuple[int, ...],
) -> float:
    """Return the standard error of the displacement in the worst corner."""
    spread = _OVERLAP * max(spread, _MIN_SPREAD_PX**2)
    covariance = spread * np.linalg.pinv(design.T @ (design * np.repeat(weights, 2)[:, None]))
    corners = _design(model, corners_of(shape) - centre_of(shape))
    variances = np.einsum("ij,jk,ik->i", corners, covariance, corners).reshape(-1, 2)
    return float(np.sqrt(variances.sum(axis=1).max()))
