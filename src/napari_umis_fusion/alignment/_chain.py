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
from numpy.typing import NDArray
from scipy.linalg import expm, logm
from scipy.sparse.linalg import spsolve

from napari_umis_fusion.alignment._fit import TransformModel
from napari_umis_fusion.alignment._links import Link
from napari_umis_fusion.alignment._transforms import (
    about_centre,
    apply,
    centre_of,
    nearest_similarity,
)

TransformArray = NDArray[np.float64]
Values = NDArray[np.float64]

_ROUNDS = 4
"""In which links that fit badly come to count less."""

_MIN_MATRIX_PX = 0.5
"""What magnification and turn must move the corners by, for `auto` to correct them."""

_MIN_CERTAINTY = 4.0
"""Standard errors that magnification or turn must differ from none by, for the same."""


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
    net = _Net(links, planes, reference)
    matrices = np.broadcast_to(np.eye(2), (planes, 2, 2))
    if model != "translation":
        steps = np.array([_logarithm(link, model).ravel() for link in links])
        logarithms = net.solve(steps, np.broadcast_to(np.eye(4), (len(links), 4, 4)))
        if may_simplify and not _is_beyond_doubt(net, logarithms, shape):
            model = "translation"
        else:
            matrices = np.array([expm(one.reshape(2, 2)) for one in logarithms])
    centre = centre_of(shape)
    shifts = np.array([apply(link.transform, centre) - centre for link in links])
    relative = [matrices[link.other] @ np.linalg.inv(matrices[link.first]) for link in links]
    shifts = net.solve(shifts, np.array(relative))
    moves = zip(matrices, shifts, strict=True)
    return Chain(np.array([about_centre(*move, shape) for move in moves]), model)


class _Net:
    """Planes, held in place by links."""

    def __init__(self, links: Sequence[Link], planes: int, reference: int) -> None:
        self._first = np.array([link.first for link in links])
        self._other = np.array([link.other for link in links])
        self._errors_px = np.array([link.error_px for link in links])
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

    def error_px(self, plane: int) -> float:
        """Return the standard error of a plane's place, in the corners."""
        one = np.ones((len(self._errors_px), 1, 1))
        wanted = np.zeros(self._planes)
        wanted[plane] = 1
        wanted = np.delete(wanted, self._reference)
        normal = _normal(self._design(one, 1), 1 / self._errors_px**2)
        return math.sqrt(wanted @ spsolve(normal, wanted))

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


def _logarithm(link: Link, model: TransformModel) -> NDArray[np.float64]:
    """Return the logarithm of a link's matrix: along a chain, logarithms add up."""
    matrix = link.transform[:, :2]
    if model == "affine":
        return np.asarray(np.real(logm(matrix)))
    turn = nearest_similarity(matrix)
    stretch, angle = math.log(np.linalg.det(turn)) / 2, math.atan2(turn[1, 0], turn[0, 0])
    return np.array([[stretch, -angle], [angle, stretch]])


def _is_beyond_doubt(net: _Net, logarithms: Values, shape: tuple[int, ...]) -> bool:
    """Tell whether magnification or turn of some plane is larger than what errors explain."""
    half_diagonal = float(np.hypot(*centre_of(shape)))
    max_displacement_px = np.linalg.norm(logarithms, axis=1) / 2**0.5 * half_diagonal
    farthest = int(max_displacement_px.argmax())
    least_px = max(_MIN_MATRIX_PX, _MIN_CERTAINTY * net.error_px(farthest))
    return bool(max_displacement_px[farthest] > least_px)
