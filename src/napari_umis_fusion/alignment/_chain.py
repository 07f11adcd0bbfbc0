"""From links between planes to one transform for each: the chain, with its drift corrected.

Errors of links between neighbours add up along the stack. Links over several planes hold the
chain together: all are met as well as they can be, each weighted by how well it is known.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm, logm
from scipy.sparse.linalg import spsolve

from napari_umis_fusion.alignment._fit import TransformModel, shift_of
from napari_umis_fusion.alignment._links import Link
from napari_umis_fusion.alignment._model_evidence import (
    Estimate,
    believed_share,
    matrices_without_parts,
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
"""In which links that fit badly come to count less."""

_TOLERANCE_PX = 1.0
"""How far from a plane's shift tiles may be that are believed, once its matrix is settled."""


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Transforms of all planes that fit the links between them.

    Attributes
    ----------
    transforms : ndarray of float64, shape (Z, 2, 3)
        Where each plane has the points of the reference plane.
    model : {"translation", "similarity", "affine"}
        What they are.
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
    """Find the transforms that meet all links best.

    Parameters
    ----------
    links : sequence of Link
        Between neighbours at least.
    planes, reference : int
        How many planes there are, and which of them does not move.
    shape : tuple of int
        (Y, X) of the planes.
    model : {"translation", "similarity", "affine"}
        Of the links.
    may_simplify : bool
        Return translations where nothing else is beyond doubt.
    """
    matrices = np.broadcast_to(np.eye(2), (planes, 2, 2))
    if model != "translation":
        found = _logarithms(links, planes, reference, shape, model)
        share = believed_share(found, shape) if may_simplify else 1.0
        model = model if share else "translation"
        if share:
            matrices = np.array([expm(share * one.reshape(2, 2)) for one in found.values])
    relative = [matrices[link.other] @ np.linalg.inv(matrices[link.first]) for link in links]
    steps, errors_px = _shifts(links, relative, shape)
    net = _Net(links, planes, reference, errors_px)
    shifts = net.solve(steps, np.array(relative))
    moves = zip(matrices, shifts, strict=True)
    return Chain(np.array([about_centre(*move, shape) for move in moves]), model)


def _logarithms(
    links: Sequence[Link],
    planes: int,
    reference: int,
    shape: tuple[int, ...],
    model: TransformModel,
) -> Estimate:
    """Return the logarithm of each plane's matrix, of all tiles and without each part of them."""
    net = _Net(links, planes, reference, [link.error_px for link in links])
    carried = np.broadcast_to(np.eye(4), (len(links), 4, 4))
    found = [matrices_without_parts(link, model, shape) for link in links]
    whole, *parts = (
        net.solve(np.array([_logarithm(one, model).ravel() for one in matrices]), carried)
        for matrices in zip(*found, strict=True)
    )
    # of what was measured: how far a link is doubted says how much it counts, not how it scatters
    measured = [one.sightings.error_px if one.sightings else one.error_px for one in links]
    errors_px = _Net(links, planes, reference, measured).errors_px()
    return Estimate(whole, np.array(parts), errors_px, reference)


def _shifts(
    links: Sequence[Link], relative: Sequence[NDArray[np.float64]], shape: tuple[int, ...]
) -> tuple[Values, Values]:
    """Return how far each link moves the centre of planes, given its matrix, and the error."""
    centre, steps, errors_px = centre_of(shape), [], []
    for link, matrix in zip(links, relative, strict=True):
        step, error_px, seen = apply(link.transform, centre) - centre, link.error_px, link.sightings
        if seen is not None and link.belief > 0:
            apart = seen.there - centre - (seen.here - centre) @ matrix.T
            fit = shift_of(apart, seen.weights, _TOLERANCE_PX * seen.pixel_px)
            if fit is not None:
                step = link.belief * fit.transform[:, 2]
                doubt_px = math.sqrt(max(0.0, error_px**2 - seen.error_px**2))
                error_px = math.hypot(doubt_px, fit.error_px)
        steps.append(step)
        errors_px.append(error_px)
    return np.array(steps), np.array(errors_px)


class _Net:
    """Planes, held in place by links."""

    def __init__(
        self, links: Sequence[Link], planes: int, reference: int, errors_px: ArrayLike
    ) -> None:
        self._first = np.array([link.first for link in links])
        self._other = np.array([link.other for link in links])
        self._errors_px = np.asarray(errors_px, np.float64)
        self._planes, self._reference = planes, reference

    def solve(self, steps: NDArray[np.float64], carried: NDArray[np.float64]) -> Values:
        """Return values (Z, N), with that of the reference plane 0.

        The values of `other` are those of `first`, times `carried` (links, N, N), plus `steps`
        (links, N), as nearly as all links allow; links that fit badly count less (Huber).
        """
        size = steps.shape[1]
        design = self._design(carried, size)
        weights = 1 / self._errors_px
        values = np.zeros((self._planes, size))
        for _ in range(_ROUNDS):
            square = np.repeat(weights, size) ** 2
            found = spsolve(_normal(design, square), design.T @ (square * steps.ravel()))
            apart = np.linalg.norm((steps.ravel() - design @ found).reshape(-1, size), axis=1)
            values[np.arange(self._planes) != self._reference] = found.reshape(-1, size)
            off = apart / self._errors_px
            typical = max(float(np.median(off)), 1e-12)
            weights = 1 / self._errors_px / np.sqrt(np.maximum(1, off / (3 * typical)))
        return values

    def errors_px(self) -> Values:
        """Return the standard error of each plane's place (Z,), in the corners."""
        one = np.ones((len(self._errors_px), 1, 1))
        normal = _normal(self._design(one, 1), 1 / self._errors_px**2)
        variances = np.diag(np.linalg.inv(normal.toarray()))
        return np.insert(np.sqrt(variances), self._reference, 0.0)

    def _design(self, carried: NDArray[np.float64], size: int) -> Any:
        """Return the sparse matrix (links * size, free planes * size) from values to steps."""
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
        return scipy.sparse.csr_matrix((values, (down, along)), shape)


def _normal(design: Any, weights: NDArray[np.float64]) -> Any:
    """Return the normal matrix of weighted least squares."""
    return (design.T @ scipy.sparse.diags(weights) @ design).tocsc()


def _logarithm(matrix: Values, model: TransformModel) -> NDArray[np.float64]:
    """Return the logarithm of a matrix: along a chain, logarithms add up."""
    if model == "affine":
        return np.asarray(np.real(logm(matrix)))
    turn = nearest_similarity(matrix)
    stretch, angle = math.log(np.linalg.det(turn)) / 2, math.atan2(turn[1, 0], turn[0, 0])
    return np.array([[stretch, -angle], [angle, stretch]])
