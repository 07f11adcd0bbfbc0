"""Decide whether planes differ by more than shifts, with a jackknife over parts of the planes.

Where focus travels over a slope, the sharp region travels with it, and tiles measure that as
motion. Such errors are the same in plane after plane: they neither average out along a stack nor
show in the residuals of its tiles. But they depend on the place. So the transforms of the whole
stack are estimated again without each part of the planes in turn (delete-a-group jackknife [1]_),
and magnification and rotation are accepted if they are many times as large as the differences
between these estimates.

References
----------
.. [1] F. M. T. A. Busing, E. Meijer and R. van der Leeden, "Delete-m jackknife for unequal m",
   Statistics and Computing 9, 1999. https://doi.org/10.1023/A:1008800423698
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment._fit import TransformModel, matrix_of
from napari_umis_fusion.alignment._links import Link
from napari_umis_fusion.alignment._tile_shifts import ramp
from napari_umis_fusion.alignment._transforms import centre_of

PARTS_PER_SIDE = 3
"""Planes are divided into this number of parts per side: each is large enough to contain errors
that neighbouring tiles share, and without it the others still determine the magnification."""

_CERTAINTY = (4.6, 5.2)
"""Standard errors over which confidence in magnification and rotation grows from 0 to 1. Stacks
that only shake come near 4, because the errors are estimated from only nine jackknife samples."""

_REACH_PX = (0.5, 0.75)
"""The same for the largest corner displacement that they cause in any plane."""

_SHARED_PX = 0.03
"""Systematic corner error per plane that all parts share, where focus travels alike everywhere: the
jackknife does not reveal it, and it accumulates along a stack."""

_MIN_ERROR_PX = 0.1
"""Minimum standard error of corners: by chance, nine samples may agree more closely than the
precision of tile shifts allows."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Logarithms of the matrices of all planes, and their uncertainty.

    Attributes
    ----------
    values : ndarray of shape (Z, 4)
        Estimated from all tiles.
    without : ndarray of shape (N, Z, 4)
        The jackknife samples: estimated from all tiles but those in one part of the planes.
    errors_px : ndarray of shape (Z,)
        Standard errors of the corners, propagated from those of the links.
    reference : int
        Index of the reference plane.
    """

    values: NDArray[np.float64]
    without: NDArray[np.float64]
    errors_px: NDArray[np.float64]
    reference: int


def matrices_without_parts(
    link: Link, model: TransformModel, shape: tuple[int, ...]
) -> list[NDArray[np.float64]]:
    """Return the matrix of a link, then its jackknife samples without each part of the planes."""
    whole, points = link.transform[:, :2], link.correspondences
    if points is None or link.confidence == 0:
        return [whole] * (1 + PARTS_PER_SIDE**2)
    places = points.here - centre_of(shape)
    thirds = np.clip(PARTS_PER_SIDE * points.here / shape[:2], 0, PARTS_PER_SIDE - 1).astype(int)
    parts = PARTS_PER_SIDE * thirds[:, 0] + thirds[:, 1]
    fits = (
        matrix_of(model, places, points.there - points.here, points.weights * (parts != part))
        for part in range(PARTS_PER_SIDE**2)
    )
    return [whole, *(link.confidence * fit + (1 - link.confidence) * np.eye(2) for fit in fits)]


def model_confidence(found: Estimate, shape: tuple[int, ...]) -> float:
    """Return the confidence in magnification and rotation: 0, 1, or between in a narrow range.

    With a hard limit, chance or the rounding of a processor would choose the model of a stack
    that is close to it.
    """
    px = float(np.hypot(*centre_of(shape))) / 2**0.5
    reaches_px = px * np.linalg.norm(found.values, axis=1)
    parts = len(found.without)
    deviations = px * np.linalg.norm(found.without - found.without.mean(axis=0), axis=2)
    between = (parts - 1) / parts * (deviations**2).sum(axis=0)
    within = found.errors_px**2 / 2  # in corners; the other half is that of the shift
    shared = _SHARED_PX * np.abs(np.arange(len(found.values)) - found.reference)
    errors_px = np.sqrt(np.maximum(between, within) + shared**2 + _MIN_ERROR_PX**2)
    farthest = max(float(reaches_px.max()), _MIN_ERROR_PX)
    # that of the plane with the largest motion, unless a similar one is known more precisely
    certainty = float((reaches_px / errors_px * reaches_px / farthest).max())
    return float(ramp(certainty, *_CERTAINTY) * ramp(farthest, *_REACH_PX))
