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

_NARROWING = 1.6
"""By which the width within which shifts count fully shrinks with each round."""

_MIN_SPREAD_PX = 0.02
"""Of shifts; they are measured no finer."""


@dataclass(frozen=True, slots=True, eq=False)
class TransformFit:
    """A transform and how well it is known.

    Attributes
    ----------
    transform : ndarray of shape (2, 3)
        Of points of one image to those of the other.
    error_px : float
        Standard error where it is largest, in the corners.
    """

    transform: Transform
    error_px: float


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
    trust = np.sqrt(measured.weights / measured.weights.mean())
    design = _design(model, centres - centre_of(shape))
    agreeing = _agreeing(design, shifts, trust, tolerance_px)
    if agreeing.sum() < MIN_TILES or (trust**2)[agreeing].sum() < _MIN_SHARE * len(centres):
        return None
    rows = np.repeat(trust[agreeing], 2)
    chosen, wanted = design[np.repeat(agreeing, 2)] * rows[:, None], shifts[agreeing].ravel() * rows
    parameters, *_ = np.linalg.lstsq(chosen, wanted, rcond=None)
    matrix = np.eye(2) + _matrix(model, parameters)
    error_px = _error_px(model, chosen, wanted - chosen @ parameters, shape)
    return TransformFit(about_centre(matrix, parameters[:2], shape), error_px)


def _agreeing(
    design: Design, shifts: Points, trust: NDArray[np.float64], tolerance_px: float
) -> NDArray[np.bool_]:
    """Return which shifts lie near a fit that most of them share."""
    apart, width = np.zeros(len(shifts)), np.inf
    while width > tolerance_px:
        weights = trust / (1 + (apart / width) ** 2)  # the root of Geman and McClure's
        rows = np.repeat(weights, 2)
        parameters, *_ = np.linalg.lstsq(design * rows[:, None], shifts.ravel() * rows, rcond=None)
        apart = np.linalg.norm(shifts - (design @ parameters).reshape(-1, 2), axis=1)
        width = max(tolerance_px, min(width / _NARROWING, 2 * float(apart.max())))
    return apart < tolerance_px


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
    model: TransformModel, design: Design, residuals: NDArray[np.float64], shape: tuple[int, ...]
) -> float:
    """Return the standard error of the shift in the worst corner."""
    free = max(1, len(residuals) - design.shape[1])
    spread = max(float(residuals @ residuals) / free, _MIN_SPREAD_PX**2)
    covariance = spread * np.linalg.pinv(design.T @ design)
    corners = _design(model, corners_of(shape) - centre_of(shape))
    variances = np.einsum("ij,jk,ik->i", corners, covariance, corners).reshape(-1, 2)
    return float(np.sqrt(variances.sum(axis=1).max()))
