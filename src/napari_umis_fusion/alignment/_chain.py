"""Combine the links between planes to one transform for each plane, with drift corrected.

Errors of links between neighbours accumulate along the stack. Links over several planes limit this
drift: a robust least-squares fit to all links weights each by the inverse of its variance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_umis_fusion.alignment._fit import TransformModel, shift_of
from napari_umis_fusion.alignment._links import Link
from napari_umis_fusion.alignment._model_evidence import (
    Estimate,
    matrices_without_parts,
    model_confidence,
)
from napari_umis_fusion.alignment._transforms import (
    about_centre,
    apply,
    centre_of,
    nearest_similarity,
)

TransformArray = NDArray[np.float64]
Values = NDArray[np.float64]

_ROUNDS = 8
"""Iterations of the reweighting that makes links with large residuals lose weight."""

_TOLERANCE_PX = 1.0
"""Residual, in compared pixels, that inlier tiles may have from a shift, with the matrix fixed."""


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Transforms of all planes, fitted to the links between them.

    Attributes
    ----------
    transforms : ndarray of float64, shape (Z, 2, 3)
        From points of the reference plane to those of each plane.
    model : {"translation", "similarity", "affine"}
        The kind of the transforms.
    """

    transforms: TransformArray
    model: TransformModel


def solve_chain(
    links: Sequence[Link],
    planes: int,
    reference: int,
    shape: tuple[int, ...],
    model: TransformModel,
    *,
    may_simplify: bool = False,
) -> Chain:
    """Fit one transform per plane to all links.

    Parameters
    ----------
    links : sequence of Link
        At least those between neighbours.
    planes, reference : int
        Number of planes, and the index of the reference plane.
    shape : tuple of int
        (Y, X) of the planes.
    model : {"translation", "similarity", "affine"}
        The model of the links.
    may_simplify : bool
        Return translations unless magnification and rotation are significant.
    """
    matrices = np.broadcast_to(np.eye(2), (planes, 2, 2))
    if model != "translation":
        found = _logarithms(links, planes, reference, shape, model)
        share = model_confidence(found, shape) if may_simplify else 1.0
        model = model if share else "translation"
        if share:
            from scipy.linalg import expm  # here, since fusions without alignment need not load it

            matrices = np.array([expm(share * one.reshape(2, 2)) for one in found.values])
    relative = [matrices[link.other] @ np.linalg.inv(matrices[link.first]) for link in links]
    steps, errors_px = _shifts(links, relative, shape)
    system = _LinkSystem(links, planes, reference, errors_px)
    shifts = system.solve(steps, np.array(relative))
    moves = zip(matrices, shifts, strict=True)
    return Chain(np.array([about_centre(*move, shape) for move in moves]), model)


def _logarithms(
    links: Sequence[Link],
    planes: int,
    reference: int,
    shape: tuple[int, ...],
    model: TransformModel,
) -> Estimate:
    """Return the logarithm of each plane's matrix, from all tiles and for each jackknife sample."""
    system = _LinkSystem(links, planes, reference, [link.error_px for link in links])
    carried = np.broadcast_to(np.eye(4), (len(links), 4, 4))
    found = [matrices_without_parts(link, model, shape) for link in links]
    whole, *parts = (
        system.solve(np.array([_logarithm(one, model).ravel() for one in matrices]), carried)
        for matrices in zip(*found, strict=True)
    )
    # errors of the measurement alone: the confidence in a link sets its weight, not its scatter
    measured = [
        one.correspondences.error_px if one.correspondences else one.error_px for one in links
    ]
    errors_px = _LinkSystem(links, planes, reference, measured).errors_px()
    return Estimate(whole, np.array(parts), errors_px, reference)


def _shifts(
    links: Sequence[Link], relative: Sequence[NDArray[np.float64]], shape: tuple[int, ...]
) -> tuple[Values, Values]:
    """Return the shift of the centre of planes by each link, given its matrix, and its error."""
    centre, steps, errors_px = centre_of(shape), [], []
    for link, matrix in zip(links, relative, strict=True):
        step, error_px = apply(link.transform, centre) - centre, link.error_px
        points = link.correspondences
        if points is not None and link.confidence > 0:
            residuals = points.there - centre - (points.here - centre) @ matrix.T
            fit = shift_of(residuals, points.weights, _TOLERANCE_PX * points.pixel_px)
            if fit is not None:
                step = link.confidence * fit.transform[:, 2]
                extra_px = math.sqrt(max(0.0, error_px**2 - points.error_px**2))
                error_px = math.hypot(extra_px, fit.error_px)
        steps.append(step)
        errors_px.append(error_px)
    return np.array(steps), np.array(errors_px)


class _LinkSystem:
    """The system of least squares for values of planes that are connected by links."""

    def __init__(
        self, links: Sequence[Link], planes: int, reference: int, errors_px: ArrayLike
    ) -> None:
        self._first = np.array([link.first for link in links])
        self._other = np.array([link.other for link in links])
        self._errors_px = np.asarray(errors_px, np.float64)
        self._planes, self._reference = planes, reference

    def solve(self, steps: NDArray[np.float64], carried: NDArray[np.float64]) -> Values:
        """Return values (Z, N) that fit all links; those of the reference plane are 0.

        A link predicts the values of `other` as `carried` (links, N, N) times those of `first`,
        plus `steps` (links, N). Links with large residuals lose weight (Huber).
        """
        from scipy.sparse.linalg import spsolve

        size = steps.shape[1]
        design = self._design(carried, size)
        weights = 1 / self._errors_px
        values = np.zeros((self._planes, size))
        for _ in range(_ROUNDS):
            square = np.repeat(weights, size) ** 2
            found = spsolve(_normal(design, square), design.T @ (square * steps.ravel()))
            residuals = np.linalg.norm((steps.ravel() - design @ found).reshape(-1, size), axis=1)
            values[np.arange(self._planes) != self._reference] = found.reshape(-1, size)
            off = residuals / self._errors_px
            typical = max(float(np.median(off)), 1e-12)
            weights = 1 / self._errors_px / np.sqrt(np.maximum(1, off / (3 * typical)))
        return values

    def errors_px(self) -> Values:
        """Return the standard error of each plane's values (Z,), in corner pixels."""
        one = np.ones((len(self._errors_px), 1, 1))
        normal = _normal(self._design(one, 1), 1 / self._errors_px**2)
        variances = np.diag(np.linalg.inv(normal.toarray()))
        return np.insert(np.sqrt(variances), self._reference, 0.0)

    def _design(self, carried: NDArray[np.float64], size: int) -> Any:
        """Return the sparse design matrix (links * size, free planes * size) of the steps."""
        from scipy.sparse import csr_matrix

        count = len(self._first)
        columns = np.arange(self._planes) - (np.arange(self._planes) > self._reference)
        rows, places, entries = [], [], []
        blocks = (
            (self._other, np.broadcast_to(np.eye(size), carried.shape)),
            (self._first, -carried),
        )
        for planes, block in blocks:
            free = planes != self._reference
            link, down, along = np.nonzero(np.ones((count, size, size)) * free[:, None, None])
            rows.append(link * size + down)
            places.append(columns[planes[link]] * size + along)
            entries.append(block[link, down, along])
        shape = (count * size, (self._planes - 1) * size)
        parts = (np.concatenate(part) for part in (entries, rows, places))
        values, down, along = parts
        return csr_matrix((values, (down, along)), shape)


def _normal(design: Any, weights: NDArray[np.float64]) -> Any:
    """Return the normal matrix of weighted least squares."""
    from scipy.sparse import diags

    return (design.T @ diags(weights) @ design).tocsc()


def _logarithm(matrix: Values, model: TransformModel) -> NDArray[np.float64]:
    """Return the logarithm of a matrix: those of matrices that nearly commute add up in a chain."""
    if model == "affine":
        from scipy.linalg import logm

        return np.asarray(np.real(logm(matrix)))
    similarity = nearest_similarity(matrix)
    stretch = math.log(np.linalg.det(similarity)) / 2
    angle = math.atan2(similarity[1, 0], similarity[0, 0])
    return np.array([[stretch, -angle], [angle, stretch]])
