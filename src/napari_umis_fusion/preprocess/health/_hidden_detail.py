"""Planes in which other detail lies over what the planes before and after show both.

Focus makes detail weaker and stronger, and neither moves nor adds it: within a band of periods, a
plane shows what one of the planes next to it shows, times a factor. What is left over is their
noise, times that factor, or what lies at other depths, of which there is more between planes that
are two steps apart. A second exposure, a reflection, fringes, noise of any colour and a wobble
leave more. A plane that alone shows a layer does so, too, but then those next to it, which are at
least as far from focus as their distance, do not both show anything in that band.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._energies import (
    SIDE_PX,
    Detail,
    Spectra,
    frequencies_in_bands,
)
from napari_umis_fusion.preprocess.health._neighbours import Side, nearest_two
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, Table

MIN_ALIKE = 0.7
"""Coherence of two planes from which on a place tells, in a band, what one between shows."""

MIN_PLACES, MIN_SHARE = 6, 0.3
"""Fewer such places, or a smaller share of them, tell nothing."""

MORE, MORE_END = 1.35, 1.75
"""Of other detail, a plane shows so many times what it may, in half of the places, from where on it
is told; the second of a first or last plane. Most of 523 sound planes between two was 0.8, with
layers in coarse steps; it was 1.2 in three of 711 others, and 1.3 where a plane jumps by 0.7 px."""

MUCH_MORE, MUCH_MORE_END = 1.55, 8.0
"""Likewise, from where on it is left out. First and last planes of real stacks that move have up to
5.2; noise and fringes that cost 1 dB and more have 9 to 36 there, else 2.7 to 35; a second exposure
of half the light has 1.3 to 3.1."""

DULLER, MAX_DULL = 4.0, 0.1
"""Nor does a plane that shows so many times less than both, or than it usually does of what they
show, in more than this share of places and bands: of other detail, none does in more than 0.03; of
planes far from their order, in 0.14."""

MIN_SHARPER, MAX_SHARPER = 0.35, 1.35
"""Nor do bands tell in which a plane shows less, or more, of what the next one does, or finer
ones: there, detail may be in focus that others lost."""

UNEVEN, TURNING = 0.2, 0.12
"""What focus changes is not one factor for all of a band, nor does it end where a place does: that
leaves such shares of what is explained, times the logarithm of the factor and times its square."""

WAVE = 6.0
"""By so many times, a wave is stronger everywhere than focus may make it: what blurs a plane by one
step leaves a share of each period that the logarithm of what it leaves of coarser ones, times the
square of how much finer it is, tells, as of a Gaussian. Layers that are nearer to focus blur less
from plane to plane than those farther away."""

MAX_SHIFT_PX, STEP_PX = 2.0, 0.25
"""Shift that is no other detail, and how finely it is measured; motion is looked for elsewhere."""

LEAST = 1e-300

ROUNDING = 1e-3
"""Of the energy of a place: planes that are the same to this share lack nothing."""


def other_detail(plane: PlaneStatistics, before: Side, after: Side) -> float:
    """Return how much detail a plane shows that those next to it, which show the same, do not.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.

    Returns
    -------
    float
        Relative to what focus and noise leave; 0 where nothing tells.
    """
    is_between = bool(before and after)
    pairs = [nearest_two(before, after)]
    if is_between:  # the next plane may be spoilt as this one
        pairs += [[before[-1], one] for one in after[1:2]]
        pairs += [[one, after[0]] for one in before[-2:-1]]
    pairs = [pair for pair in pairs if len(pair) == 2 and not pair[0].equals(pair[1])]
    near = {one.z: one for pair in pairs for one in pair}
    details = {z: one.detail for z, one in near.items() if one.detail is not None}
    shapes = {one.spectra.shape for one in (*details.values(), plane.detail) if one is not None}
    if not pairs or plane.detail is None or len(details) < len(near) or len(shapes) > 1:
        return 0.0
    size = max(plane.detail.size, *(one.size for one in details.values()))
    own = plane.detail.spectra * np.float32(plane.detail.size / size)
    beside = {z: _Beside.of(one, own, size) for z, one in details.items()}
    energy = _product(own, own)
    return max(
        _excess(plane.detail, energy, [beside[one.z] for one in pair], is_end=not is_between)
        for pair in pairs
    )


def least_other(before: Side, after: Side) -> tuple[float, float]:
    """Return from how much `other_detail` on a plane is told, and from how much it is left out."""
    return (MORE, MUCH_MORE) if before and after else (MORE_END, MUCH_MORE_END)


@dataclass(frozen=True, slots=True, eq=False)
class _Beside:
    """A plane next to one: what it shows in place, and what of that plane it explains.

    Energies, and what rounding adds to them, are of shape (places, bands).
    """

    spectra: Spectra
    energy: Table
    shared: Table
    rounding: Table
    levels: Table

    @classmethod
    def of(cls, detail: Detail, own: Spectra, size: float) -> "_Beside":
        spectra = _in_place(detail.spectra * np.float32(detail.size / size), own)
        energy, shared = _product(spectra, spectra), _product(own, spectra)
        return cls(spectra, energy, shared, detail.rounding / size**2 * _counts(), detail.levels)

    def rest(self, energy: Table, shared: Table) -> Table:
        """Return what is left of the energy of a plane with which this one shares something."""
        return np.maximum(energy - shared**2 / np.maximum(self.energy, LEAST), 0)


def _excess(plane: Detail, own: Table, pair: Sequence[_Beside], *, is_end: bool) -> float:
    """Return how many times as much other detail a plane shows as it may; 0 if nothing tells."""
    first, second = pair
    shared = _product(first.spectra, second.spectra)
    tells = shared > MIN_ALIKE * np.sqrt(first.energy * second.energy)
    enough = tells.sum(axis=0) >= max(MIN_PLACES, MIN_SHARE * len(tells))
    # It may be in focus elsewhere, as planes that are out of order are.
    part = (own / np.maximum(np.minimum(first.energy, second.energy), LEAST))[tells]
    if not enough.any() or (part * DULLER < min(1.0, np.median(part))).mean() > MAX_DULL:
        return 0.0
    usual = np.maximum(first.rest(second.energy, shared), second.rest(first.energy, shared))
    usual += ROUNDING * np.maximum(first.energy, second.energy) + first.rounding
    rests = [one.rest(own, one.shared) for one in pair]
    is_first = rests[0] < rests[1]
    rest = np.minimum(*rests)
    factor = np.where(is_first, *(one.shared / np.maximum(one.energy, LEAST) for one in pair))
    found = [_waves(plane, pair, shared, tells, enough, is_end=is_end)]
    for k in np.flatnonzero(enough):
        here = tells[:, k]
        sharper = float(np.median(factor[here, k]))
        if not MIN_SHARPER < sharper < MAX_SHARPER:
            break  # what is finer comes into focus all the more
        may = (1 + factor[here, k] ** 2) * usual[here, k]
        change = abs(np.log(sharper))
        may += (UNEVEN * change + TURNING * change**2) * (own[here, k] - rest[here, k])
        found.append(float(np.median(rest[here, k] / np.maximum(may, LEAST))))
    return max(found)


def _waves(
    plane: Detail,
    pair: Sequence[_Beside],
    shared: Table,
    tells: NDArray[np.bool_],
    enough: NDArray[np.bool_],
    *,
    is_end: bool,
) -> float:
    """Return how many times as strong a wave a plane shows everywhere, as focus may make it."""
    first, second = pair
    _, down, along, starts = frequencies_in_bands()
    square = down**2 + along**2
    middles = np.add.reduceat(square, starts) / _counts()
    most = np.full(square.size, np.inf)
    for k in np.flatnonzero(enough):
        here = tells[:, k]
        steps = [first.shared[here, k] / first.energy[here, k]]
        steps.append(
            shared[here, k] / first.energy[here, k]
            if is_end
            else second.shared[here, k] / second.energy[here, k]
        )
        factors = [float(np.median(one)) for one in steps]
        if factors[0] > MAX_SHARPER or min(factors) <= 0:
            break
        grown = 2 * max(abs(np.log(one)) for one in factors)
        last = starts[k + 2] if k + 2 < len(starts) else square.size
        most[:last] = np.minimum(most, grown * square / middles[k])[:last]
    beside = np.maximum(first.levels, second.levels)
    return float(np.exp((plane.levels - beside - most).max()) / WAVE)


def _product(one: Spectra, other: Spectra) -> Table:
    """Return what two planes share in each band, by place; of a plane and itself, its energy."""
    products = one.real * other.real + one.imag * other.imag
    return np.asarray(np.add.reduceat(products, frequencies_in_bands()[3], axis=1), np.float64)


def _counts() -> NDArray[np.float64]:
    """Return how many coefficients each band has."""
    _, down, _, starts = frequencies_in_bands()
    return np.diff([*starts, down.size]).astype(np.float64)


def _in_place(spectra: Spectra, like: Spectra) -> Spectra:
    """Return a plane after the small shift by which it suits another one most."""
    coarse = slice(frequencies_in_bands()[3][1])
    product = (like[:, coarse] * spectra[:, coarse].conj()).sum(axis=0)
    best = (_turns()[:, coarse].conj() * product).real.sum(axis=1).argmax()
    return np.asarray(spectra * _turns()[best])


@lru_cache(1)
def _turns() -> Spectra:
    """Return what small shifts do to the coefficients: (shifts, coefficients)."""
    _, down, along, _ = frequencies_in_bands()
    steps = np.arange(-MAX_SHIFT_PX, MAX_SHIFT_PX + STEP_PX, STEP_PX)
    places = (steps[:, None, None] * down + steps[:, None] * along).reshape(-1, down.size)
    return np.exp(2j * np.pi / SIDE_PX * places).astype(np.complex64)
