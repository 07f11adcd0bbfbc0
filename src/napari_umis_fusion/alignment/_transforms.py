"""Transforms of planes, as arrays.

A transform is an array of float64, shape (2, 3), (matrix | offset), in (row, column) of pixels:
a point `p` of the reference plane corresponds to ``matrix @ p + offset`` in the other. This is the
direction that `scipy.ndimage.affine_transform` takes. Pixel centres have integer coordinates.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Transform = NDArray[np.float64]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TransformParts:
    """The components of a transform about the centre of a plane.

    Attributes
    ----------
    shift_px : tuple of float
        Displacement of the centre, along rows and columns.
    scale : float
        Magnification relative to the reference plane.
    rotation_deg : float
        Rotation as displayed, counter-clockwise.
    shear : float
        Deviation from a similarity: half the difference of the singular values of the matrix.
    """

    shift_px: tuple[float, float]
    scale: float
    rotation_deg: float
    shear: float


def identity() -> Transform:
    """Return the identity transform."""
    return np.eye(2, 3)


def is_identity(transform: Transform) -> bool:
    """Return whether a transform is exactly the identity."""
    return bool(np.array_equal(transform, identity()))


def is_even_shift(transform: Transform, step: int = 2) -> bool:
    """Return whether a transform moves by multiples of `step` pixels, and does nothing else."""
    still = np.array_equal(transform[:, :2], np.eye(2))
    return bool(still and not np.any(transform[:, 2] % step))


def apply(transform: Transform, points: ArrayLike) -> Points:
    """Transform points (..., 2)."""
    moved: Points = np.asarray(points, np.float64) @ transform[:, :2].T + transform[:, 2]
    return moved


def compose(after: Transform, before: Transform) -> Transform:
    """Return the transform that applies `before`, then `after`."""
    matrix = after[:, :2] @ before[:, :2]
    return np.column_stack([matrix, after[:, :2] @ before[:, 2] + after[:, 2]])


def inverse(transform: Transform) -> Transform:
    """Return the inverse of a transform."""
    back = np.linalg.inv(transform[:, :2])
    return np.column_stack([back, -back @ transform[:, 2]])


def about_centre(matrix: NDArray[Any], shift: ArrayLike, shape: tuple[int, ...]) -> Transform:
    """Return the transform with a matrix that moves the centre of planes (Y, X) by a shift."""
    centre = centre_of(shape)
    return np.column_stack([matrix, centre + np.asarray(shift) - matrix @ centre])


def centre_of(shape: tuple[int, ...]) -> Points:
    """Return the centre of planes (Y, X)."""
    return (np.asarray(shape[:2], np.float64) - 1) / 2


def corners_of(shape: tuple[int, ...]) -> Points:
    """Return the centres of the pixels in the corners of planes (Y, X), of shape (4, 2)."""
    height, width = shape[:2]
    return np.array([(row, column) for row in (0.0, height - 1) for column in (0.0, width - 1)])


def max_displacement_px(transform: Transform, shape: tuple[int, ...]) -> float:
    """Return the largest displacement of a corner of planes (Y, X)."""
    corners = corners_of(shape)
    return float(np.hypot(*(apply(transform, corners) - corners).T).max())


def decompose(transform: Transform, shape: tuple[int, ...]) -> TransformParts:
    """Decompose a transform of planes (Y, X) into shift, scale, rotation and shear."""
    matrix, centre = transform[:, :2], centre_of(shape)
    similarity = nearest_similarity(matrix)
    shift = apply(transform, centre) - centre
    stretches = np.linalg.svd(matrix, compute_uv=False)
    return TransformParts(
        shift_px=(float(shift[0]), float(shift[1])),
        scale=float(np.sqrt(np.linalg.det(similarity))),
        rotation_deg=float(np.rad2deg(np.arctan2(similarity[1, 0], similarity[0, 0]))),
        shear=float(stretches[0] - stretches[1]) / 2,
    )


def nearest_similarity(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix of rotation and scale that is nearest to another."""
    along = (matrix[0, 0] + matrix[1, 1]) / 2
    across = (matrix[1, 0] - matrix[0, 1]) / 2
    return np.array([[along, -across], [across, along]])


def rescaled(transform: Transform, factor: float) -> Transform:
    """Return the transform in the pixels of an image whose pixels are `factor` times as wide."""
    shift = (factor - 1) / 2  # between the centres of the first pixels
    matrix = transform[:, :2]
    offset = (matrix @ np.full(2, shift) + transform[:, 2] - shift) / factor
    return np.column_stack([matrix, offset])
