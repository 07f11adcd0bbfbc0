"""The transform of a layer from data to world, and that of a part of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float64Array


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Transform from data to world: ``affine @ (rotate @ shear @ scale @ x + translate)``.

    The order of its parts is napari's.

    Attributes
    ----------
    scale, translate : ndarray of shape (N,)
        World units per index, and world coordinates of index 0.
    rotate, shear : ndarray of shape (N, N)
        Identity by default.
    affine : ndarray of shape (N + 1, N + 1)
        Applied last.
    """

    scale: Float64Array
    translate: Float64Array
    rotate: Float64Array
    shear: Float64Array
    affine: Float64Array

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
        """Make one from a layer's attributes, with the identity for those that are None.

        Raises
        ------
        ConfigError
            If an attribute does not fit `ndim` axes.
        """
        return cls(
            np.ones(ndim) if scale is None else _sized("scale", scale, (ndim,)),
            np.zeros(ndim) if translate is None else _sized("translate", translate, (ndim,)),
            np.eye(ndim) if rotate is None else _sized("rotate", rotate, (ndim, ndim)),
            np.eye(ndim) if shear is None else _shear_matrix(shear, ndim),
            np.eye(ndim + 1) if affine is None else _affine_matrix(affine, ndim),
        )

    def part(self, keep: Sequence[int], offset: ArrayLike, extent: ArrayLike) -> Self:
        """Return the placement of an array that shows a part of this one.

        Parameters
        ----------
        keep : sequence of int
            Axes of the part, in order.
        offset : array-like of shape (N,)
            Index in this array, or a fraction between two, of the part's index 0; along axes that
            the part lacks, the index that represents them.
        extent : array-like of shape (N,)
            Number of indices of this array that one index of the part covers.

        Returns
        -------
        Placement
            Exact along the kept axes; a rotation that mixes kept axes with others becomes an
            affine.
        """
        kept = np.ix_(keep, keep)
        scale = self.scale * np.asarray(extent, np.float64)
        translate = self.translate + self._linear(self.scale) @ np.asarray(offset, np.float64)
        linear = self._linear(scale)
        # Of the kept axes alone: right unless rotation or shear mixes them with dropped ones.
        apart = Placement(
            scale[list(keep)],
            translate[list(keep)],
            self.rotate[kept],
            self.shear[kept],
            self.affine[np.ix_([*keep, -1], [*keep, -1])],
        )
        dropped = [axis for axis in range(len(self.scale)) if axis not in keep]
        is_rotation = np.allclose(apart.rotate @ apart.rotate.T, np.eye(len(keep)))
        is_exact = np.allclose(apart._linear(apart.scale), linear[kept])
        if is_rotation and is_exact and not np.any(self.affine[np.ix_(keep, dropped)]):
            return type(self)(*(getattr(apart, name) for name in self.__slots__))
        # All else becomes one affine; the scale stays, as it is the size of a pixel.
        world = self.affine[:-1, :-1] @ linear
        origin = self.affine[:-1, :-1] @ translate + self.affine[:-1, -1]
        affine = np.eye(len(keep) + 1)
        affine[:-1, :-1] = world[kept] / apart.scale
        affine[:-1, -1] = origin[list(keep)]
        return type(self).of(len(keep), scale=apart.scale, affine=affine)

    def attributes(self) -> dict[str, Any]:
        """Return the attributes with which a layer is created."""
        return {name: getattr(self, name) for name in self.__slots__}

    def _linear(self, scale: Float64Array) -> Float64Array:
        return np.asarray(self.rotate @ self.shear @ np.diag(scale))


def _sized(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Float64Array:
    array = np.array(value, np.float64)  # a copy: the attribute belongs to the layer
    if array.shape != shape:
        msg = f"{name} has shape {array.shape}; accepted is {shape}, that of the layer."
        raise ConfigError(msg)
    return array


def _shear_matrix(shear: ArrayLike, ndim: int) -> Float64Array:
    """Return the shear as a matrix; a vector holds the values above its diagonal."""
    array = np.asarray(shear, np.float64)
    if array.ndim == 2:
        return _sized("shear", array, (ndim, ndim))
    matrix = np.eye(ndim)
    above = np.triu_indices(ndim, 1)
    matrix[above] = _sized("shear", array, above[0].shape)
    return matrix


def _affine_matrix(affine: Any, ndim: int) -> Float64Array:
    # napari hands out its own Affine, which holds the matrix as an attribute.
    return _sized("affine", getattr(affine, "affine_matrix", affine), (ndim + 1, ndim + 1))
