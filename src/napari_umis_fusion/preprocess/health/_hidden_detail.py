"""Planes in which other detail lies over what the planes before and after show both.

Focus makes detail weaker and stronger, and does not move it: a plane resembles one of the planes
next to it more than these resemble each other, since it is nearer to either. A second exposure, a
reflection, waves, clouds of noise and a wobble spoil that. It is looked for in detail so coarse
that no usual defocus turns it into its inverse, as that of a round aperture does with finer detail.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._energies import SIDE_PX, Spectra, coarse_frequencies
from napari_umis_fusion.preprocess.health._neighbours import Side, nearest_two
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, Table

MIN_LESS = 0.035
"""By so much less a plane is like one of them, as a coherence, in half of the places..."""

MANY_LESS, MANY_LESS_END = 3.0, 10.0
"""...and what it lacks of 1 is so many times what they do; of a first or last plane, the next two.
Most that was seen of sound planes that lay between two was 0.027, with thin layers in coarse steps;
first and last ones lacked up to 7 times as much as the next two."""

MIN_ALIKE, MIN_ALIKE_END = 0.7, 0.95
"""Coherence of those two planes from which on a place tells what the plane should show."""

MAX_LESS_ENERGY, MAX_RATIO, MAX_RATIO_END = 4.0, 2.0, 1.6
"""Nor does a place tell where the plane shows so many times less detail than both, or more, as in
focus; in a first or last plane, where that of the next two differs by so much already."""

MIN_PLACES, MIN_SHARE = 6, 0.3
"""Fewer such places, or a smaller share of them, tell nothing."""

MAX_SHIFT_PX, STEP_PX = 2.0, 0.25
"""Shift that is no other detail, and how finely it is measured; motion is looked for elsewhere."""

ROUNDING = 1e-3
"""Of a coherence: planes that are the same to this share lack nothing."""


def hides_detail(plane: PlaneStatistics, before: Side, after: Side) -> bool:
    """Whether a plane is less like those next to it than they are like each other.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane, in the light of those around it.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.
    """
    is_end = not (before and after)
    near = nearest_two(before, after)
    known = [one.detail.coarse for one in (plane, *near) if one.detail is not None]
    if len(known) < 3 or len({one.shape for one in known}) > 1:
        return False
    if near[0].equals(near[1]):  # what no camera records twice does not tell what is usual
        return False
    size = max(float(np.abs(one).max()) for one in known)
    if not size > 0:
        return False
    own, first, second = (one / size for one in known)
    alike = _coherence(first, second)
    nearest = _coherence(own, first)
    if not is_end:
        nearest = np.maximum(nearest, _coherence(own, second))
    tells = _tells((own, first, second), is_end=is_end)
    tells &= alike > (MIN_ALIKE_END if is_end else MIN_ALIKE)
    if tells.sum() < max(MIN_PLACES, MIN_SHARE * len(tells)):
        return False
    less = (alike - nearest)[tells]
    many = ((1 - nearest) / (1 - alike + ROUNDING))[tells]
    least = MANY_LESS_END if is_end else MANY_LESS
    return bool(np.median(less) > MIN_LESS and np.median(many) > least)


def _tells(spectra: Sequence[Spectra], *, is_end: bool) -> NDArray[np.bool_]:
    """Whether a plane shows about as much detail as two others, by place."""
    own, first, second = (_energy(one) for one in spectra)
    low, high = (first, first) if is_end else (np.minimum(first, second), np.maximum(first, second))
    tells = (own * MAX_LESS_ENERGY > low) & (own < high * MAX_RATIO)
    if is_end:
        tells &= (first < second * MAX_RATIO_END) & (second < first * MAX_RATIO_END)
    return np.asarray(tells)


def _energy(spectra: Spectra) -> Table:
    return np.asarray((spectra.real**2 + spectra.imag**2).sum(axis=1))


def _coherence(one: Spectra, other: Spectra) -> Table:
    """Return how alike two planes are at each place, -1 to 1, after the shift that suits most."""
    product = one * other.conj()
    turns = _turns()
    best = turns[(turns * product.sum(axis=0)).real.sum(axis=1).argmax()]
    size = np.sqrt(_energy(one) * _energy(other))
    return np.asarray((product * best).real.sum(axis=1) / np.maximum(size, 1e-300))


@lru_cache(1)
def _turns() -> Spectra:
    """Return what small shifts do to coarse coefficients: (shifts, coefficients)."""
    _, down, along = coarse_frequencies()
    steps = np.arange(-MAX_SHIFT_PX, MAX_SHIFT_PX + STEP_PX, STEP_PX)
    places = (steps[:, None, None] * down + steps[:, None] * along).reshape(-1, down.size)
    return np.asarray(np.exp(2j * np.pi / SIDE_PX * places))
