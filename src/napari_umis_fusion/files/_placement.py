"""Where a layer lies in the world, and where a part of it lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_umis_fusion.errors import ConfigError

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """From data to world as napari does it: ``affine @ (rotate @ shear @ scale @ x + translate)``.

    Attributes
    ----------
    scale, translate : ndarray of shape (N,)
        World units per index, and world coordinates of index 0.
    rotate, shear : ndarray of shape (N, N)
        Identity where there is none.
    affine : ndarray of shape (N + 1, N + 1)
        Applied last.
    """

    scale: Matrix
    translate: Matrix
    rotate: Matrix
    shear: Matrix
    affine: Matrix

    @classmethod
    def of(
        cls,
        ndim: int,
        *,
        scale: ArrayLike | None = None,
        translate: ArrayLike | None = None,
        rotate: ArrayLike | None = None,
        shear: ArrayLike | None = None,
        affine: Any = None,
    ) -> Self:
        """Complete what a layer's attributes leave out.

        Raises
        ------
        ConfigError
            If one of them does not fit `ndim` axes.
        """
        return cls(
            np.ones(ndim) if scale is None else _sized("scale", scale, (ndim,)),
            np.zeros(ndim) if translate is None else _sized("translate", translate, (ndim,)),
            np.eye(ndim) if rotate is None else _sized("rotate", rotate, (ndim, ndim)),
            np.eye(ndim) if shear is None else _shear_matrix(shear, ndim),
            np.eye(ndim + 1) if affine is None else _affine_matrix(affine, ndim),
        )

    def part(self, keep: Sequence[int], offset: ArrayLike, extent: ArrayLike) -> Self:
        """Place an array that shows a part of this one, perhaps along fewer axes.

        Parameters
        ----------
        keep : sequence of int
            Axes that are left, in order.
        offset : array-like of shape (N,)
            Index in this array, a fraction where it lies between two, of the part's index 0; of
            axes that are left out the place that stands for all.
        extent : array-like of shape (N,)
            How many indices of this array one of the part's covers.

        Returns
        -------
        Placement
            Exact for all that is kept; a rotation that mixes kept axes with others becomes an
            affine.
        """
        kept = np.ix_(keep, keep)
        scale = self.scale * np.asarray(extent, np.float64)
        translate = self.translate + self._linear(self.scale) @ np.asarray(offset, np.float64)
        linear = self._linear(scale)
        apart = Placement(
            scale[list(keep)],
            translate[list(keep)],
            self.rotate[kept],
            self.shear[kept],
            self.affine[np.ix_([*keep, -1], [*keep, -1])],
        )
        dropped = [axis for axis in range(len(self.scale)) if axis not in keep]
        turned = np.allclose(apart.rotate @ apart.rotate.T, np.eye(len(keep)))
        alike = np.allclose(apart._linear(apart.scale), linear[kept])
        if turned and alike and not np.any(self.affine[np.ix_(keep, dropped)]):
            return type(self)(*(getattr(apart, name) for name in self.__slots__))
        world = self.affine[:-1, :-1] @ linear
        origin = self.affine[:-1, :-1] @ translate + self.affine[:-1, -1]
        affine = np.eye(len(keep) + 1)
        affine[:-1, :-1] = world[kept] / apart.scale
        affine[:-1, -1] = origin[list(keep)]
        return type(self).of(len(keep), scale=apart.scale, affine=affine)

    def attributes(self) -> dict[str, Any]:
        """Return what a layer is made with."""
        return {name: getattr(self, name) for name in self.__slots__}

    def _linear(self, scale: Matrix) -> Matrix:
        return np.asarray(self.rotate @ self.shear @ np.diag(scale))


def _sized(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Matrix:
    array = np.array(value, np.float64)  # the layer keeps its own
    if array.shape != shape:
        msg = f"{name} is of shape {array.shape}; accepted is {shape}, as the layer has it."
        raise ConfigError(msg)
    return array


def _shear_matrix(shear: ArrayLike, ndim: int) -> Matrix:
    """Return a matrix from one, or from the values above the diagonal of one."""
    array = np.asarray(shear, np.float64)
    if array.ndim == 2:
        return _sized("shear", array, (ndim, ndim))
    matrix = np.eye(ndim)
    above = np.triu_indices(ndim, 1)
    matrix[above] = _sized("shear", array, above[0].shape)
    return matrix


def _affine_matrix(affine: Any, ndim: int) -> Matrix:
    return _sized("affine", getattr(affine, "affine_matrix", affine), (ndim + 1, ndim + 1))
