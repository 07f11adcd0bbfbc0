"""Whether planes differ by more than shifts: what one part of them tells must hold for the rest.

Where focus travels over a slope, what is sharp travels with it, and tiles see that as motion.
Such errors are the same in plane after plane: they neither average out along a stack nor show in
how well its tiles agree. But they are of places. So the whole stack is looked at anew without each
part of the planes in turn (delete-a-group jackknife [1]_), and magnification and turn are believed
where they are many times as large as the differences between these looks.

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
"""Into which planes are cut: each is large enough to hold what tiles next to one another share,
and without it the others still see magnification."""

_CERTAINTY = (4.6, 5.2)
"""Standard errors, from where to where belief in magnification and turn grows from none to all.
Stacks that only shake come near 4, as errors are known from no more than nine looks."""

_REACH_PX = (0.5, 0.75)
"""The same for how far they move the corners of the plane that they move farthest."""

_SHARED_PX = 0.03
"""By which corners are misled from plane to plane in the same way in all parts, where focus travels
alike everywhere: no part tells, and along a stack it adds up."""

_MIN_ERROR_PX = 0.1
"""Of corners: no more than nine looks may agree by chance better than tiles are measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Logarithms of the matrices of all planes, and how well they are known.

    Attributes
    ----------
    values : ndarray of shape (Z, 4)
        Of all tiles.
    without : ndarray of shape (N, Z, 4)
        Of all tiles but those in each part of the planes.
    errors_px : ndarray of shape (Z,)
        Standard errors of the corners as errors of single links explain them.
    reference : int
        The plane that does not move.
    """

    values: NDArray[np.float64]
    without: NDArray[np.float64]
    errors_px: NDArray[np.float64]
    reference: int


def matrices_without_parts(
    link: Link, model: TransformModel, shape: tuple[int, ...]
) -> list[NDArray[np.float64]]:
    """Return the matrix of a link, then what it were without each part of the planes (Y, X)."""
    whole, seen = link.transform[:, :2], link.sightings
    if seen is None or link.belief == 0:
        return [whole] * (1 + PARTS_PER_SIDE**2)
    places = seen.here - centre_of(shape)
    thirds = np.clip(PARTS_PER_SIDE * seen.here / shape[:2], 0, PARTS_PER_SIDE - 1).astype(int)
    parts = PARTS_PER_SIDE * thirds[:, 0] + thirds[:, 1]
    fits = (
        matrix_of(model, places, seen.there - seen.here, seen.weights * (parts != part))
        for part in range(PARTS_PER_SIDE**2)
    )
    return [whole, *(link.belief * fit + (1 - link.belief) * np.eye(2) for fit in fits)]


def believed_share(found: Estimate, shape: tuple[int, ...]) -> float:
    """Return how much of magnification and turn is believed: 0, 1, or between in narrow limits.

    A limit between two models would let a stack that lies at it fall on either side by chance,
    or by how a processor rounds.
    """
    px = float(np.hypot(*centre_of(shape))) / 2**0.5
    reaches_px = px * np.linalg.norm(found.values, axis=1)
    parts = len(found.without)
    apart = px * np.linalg.norm(found.without - found.without.mean(axis=0), axis=2)
    between = (parts - 1) / parts * (apart**2).sum(axis=0)
    within = found.errors_px**2 / 2  # in corners: the other half is of the shift
    shared = _SHARED_PX * np.abs(np.arange(len(found.values)) - found.reference)
    errors_px = np.sqrt(np.maximum(between, within) + shared**2 + _MIN_ERROR_PX**2)
    farthest = max(float(reaches_px.max()), _MIN_ERROR_PX)
    # of the plane that is moved farthest, unless one nearly as far is known better
    certainty = float((reaches_px / errors_px * reaches_px / farthest).max())
    return float(ramp(certainty, *_CERTAINTY) * ramp(farthest, *_REACH_PX))
