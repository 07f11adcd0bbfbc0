"""Find waves: sharp peaks in the spectrum of each plane, while focus changes all around them.

Blur weakens a frequency, whatever draws it: a grating of the specimen is as strong in all planes
only where all else at its frequency is, too. So what is as strong where all else changes is none.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.fixed_pattern._evidence import lowest_and_usual
from napari_umis_fusion.preprocess.fixed_pattern._tiles import Table
from napari_umis_fusion.preprocess.fixed_pattern._waves import Wave
from napari_umis_fusion.runtime import FloatMap

MOST_TILES, LEAST_TILES = 16, 4
"""Tiles that are looked at: what lies over all of a plane is in each."""

LEAST_PLANES = 4
"""Of fewer, all may be as much in focus."""

SHORTEST_PX, LONGEST_PX = 2.15, 10.5
"""Length of waves. Shorter ones are columns, or a mosaic; longer ones hardly mislead."""

PROMINENT = 10.0
"""Energy of a peak relative to that around it, in the planes that have least. Of 12 real stacks and
rendered ones, at most 7 are reached without a wave."""

ALONG = 10
"""Frequencies along an axis that tell what is beside a peak there."""

SPREAD = 0.01
"""Energy of a peak, relative to the strongest, that the window does not spread of that."""

NEAR, AROUND = 1, 4
"""Neighbours in the spectrum that belong to a peak, and that tell what is around; those between
belong to neither."""

ALIKE, LEAST_ALIKE = 0.65, 0.45
"""Energy of a wave in the planes that have least, relative to the usual; specimens that come into
focus reach it in few tiles. The less is enough where all else changes `MUCH`."""

CHANGES = 0.75
"""What planes that have least keep of all else at that frequency, relative to what they keep of the
wave: 1 for specimens, more in noise."""

MUCH = 0.1
"""The same where all else changes much; peaks of specimens have 0.2 and more."""

EVEN = 0.52
"""Energy of a wave in the tiles that show least of it, relative to the usual; peaks of specimens
reach 0.48 where the others do not tell."""

STILL = 0.5
"""Share of its energy that is the same in all planes, of a wave that stands still."""

BESIDE = 0.6
"""What is asked of a peak beside a wave, relative to what is asked of one alone."""

MOST_WAVES, MOST_ON_AXIS = 9, 2
"""More peaks, or more along one axis, are those of a grid, or of lines, which are no waves."""

Spectra = NDArray[np.complexfloating]


def find_waves(tiles: FloatMap, floor: float) -> list[Wave]:
    """Return waves that lie over planes, amplitudes in grey levels; none if there are too many.

    Parameters
    ----------
    tiles : ndarray of shape (T, N, Y, X), float32
        Grey images of T square tiles of a lattice, each in N sampled planes.
    floor : float
        Variance, in squared grey levels, that counts at least.
    """
    some = tiles[:: -(-len(tiles) // MOST_TILES)]
    some = some[np.ptp(some, axis=(2, 3)).all(axis=1)]
    if len(some) < LEAST_TILES or some.shape[1] < LEAST_PLANES:
        return []
    # A window, without which edges of tiles draw lines into the spectrum.
    shape = np.hanning(some.shape[-1] + 2)[1:-1].astype(np.float32)
    window = shape[:, None] * shape
    spectra = np.fft.fft2((some - some.mean(axis=(2, 3), keepdims=True)) * window)
    energy = np.abs(spectra) ** 2
    # Of a wave, a quarter of the squared amplitude at its frequency and at the opposite one.
    unit = float((window**2).sum()) * window.size / 4
    peaks = [(place, _Peak.at(energy, place)) for place in _prominent(energy)]
    found: list[Wave] = []
    for demand in (1.0, BESIDE):
        squares = [peak.squared_of_wave(demand) / unit for _, peak in peaks]
        kept = [(*one, square) for one, square in zip(peaks, squares, strict=True) if square]
        found = [_wave_at(spectra, *one) for one in kept if one[-1] / 2 > floor]
        if not found:
            return []
    return found if len(found) <= MOST_WAVES else []


def _prominent(energy: Table) -> Iterator[tuple[int, int]]:
    """Yield where peaks are that most tiles of all planes show, the most prominent first."""
    lowest, _ = lowest_and_usual(np.median(energy, axis=0), energy.shape[1])
    prominence, cycles = _prominence_of(lowest), np.fft.fftfreq(len(lowest))
    is_short = np.abs(cycles) > 1 / SHORTEST_PX
    prominence[np.hypot(cycles[:, None], cycles) < 1 / LONGEST_PX] = 0
    prominence[is_short] = 0
    prominence[:, is_short | (cycles < 0)] = 0
    while prominence.max() > PROMINENT:
        down, along = np.unravel_index(prominence.argmax(), prominence.shape)
        yield int(down), int(along)
        for sign in (1, -1):
            # As far as a window spreads a strong one.
            rows, columns = _near(sign * int(down), sign * int(along), AROUND, len(lowest))
            prominence[rows, columns] = 0


def _prominence_of(energy: Table) -> Table:
    """Return the energy of a spectrum relative to that around; nothing for lines along an axis."""
    reach = np.arange(-AROUND, AROUND + 1)
    shifts = [(y, x) for y in reach for x in reach if max(abs(y), abs(x)) > NEAR + 1]
    around = np.median([np.roll(energy, shift, (0, 1)) for shift in shifts], axis=0)
    prominence = np.asarray(energy / np.maximum(around, 1e-12))
    near, whole = np.arange(-NEAR, NEAR + 1), np.arange(len(energy))
    steps = [by for by in range(-ALONG, ALONG + 1) if abs(by) > NEAR + 1]
    for axis, strip in enumerate((np.ix_(near, whole), np.ix_(whole, near))):
        line = energy[strip].max(axis=axis)
        # Columns and rows that differ have a ridge along an axis, with peaks by chance.
        beside = np.maximum(np.median([np.roll(line, by) for by in steps], axis=0), 1e-12)
        prominence[strip] = np.minimum(prominence[strip], np.expand_dims(line / beside, axis))
        if _peaks_along(prominence[strip].max(axis=axis), line) > MOST_ON_AXIS:
            prominence[strip] = 0
    return prominence


def _peaks_along(prominence: Table, energy: Table) -> int:
    """Return how many peaks lie along an axis of a spectrum, in one direction."""
    # What the window spreads of a strong one is far weaker.
    energy = np.where(prominence > PROMINENT, energy, 0)
    prominence = np.where(energy > SPREAD * energy.max(), prominence, 0)
    highest = np.max([np.roll(prominence, by) for by in range(-AROUND + 1, AROUND)], axis=0)
    is_peak = (prominence > PROMINENT) & (prominence == highest)
    return int(is_peak[: len(is_peak) // 2].sum())


def _near(
    down: int, along: int, reach: int, side: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of a spectrum around a place, to index the last axes by."""
    steps = np.arange(-reach, reach + 1)
    return (down + steps[:, None]) % side, (along + steps) % side


def _cut(energy: Table, place: tuple[int, int], reach: int) -> Table:
    rows, columns = _near(*place, reach, energy.shape[-1])
    return np.asarray(energy[..., rows, columns])


class _Peak(NamedTuple):
    """Energy at a peak beyond that around it, of (tiles, planes, Y, X), and around it."""

    own: Table
    around: Table

    @classmethod
    def at(cls, energy: Table, place: tuple[int, int]) -> "_Peak":
        wide = _cut(energy, place, AROUND)
        is_around = np.ones(wide.shape[2:], np.bool_)
        inner = slice(AROUND - NEAR - 1, AROUND + NEAR + 2)
        is_around[inner, inner] = False
        around = np.median(wide[..., is_around], axis=-1)
        own = np.maximum(_cut(energy, place, NEAR) - around[..., None, None], 0)
        return cls(own, around)

    def squared_of_wave(self, demand: float) -> float:
        """Return the energy in most tiles if it is that of a wave; else 0.

        Of `demand`, 0 to 1, so much of what is asked of one alone is enough.
        """
        own = self.own.sum(axis=(2, 3))
        least, usual = lowest_and_usual(own.T, own.shape[1])
        alike = float(np.median(least / np.maximum(usual, 1e-12)))
        keeps, changes = _kept(own), _kept(self.around)
        is_alike = alike > demand * (LEAST_ALIKE if changes < MUCH * keeps else ALIKE)
        is_even = np.quantile(usual, 0.1) > demand * EVEN * np.median(usual)
        is_wave = is_alike and is_even and changes < CHANGES * keeps
        return float(np.median(usual)) if is_wave else 0.0

    def off_place(self) -> tuple[float, float]:
        """Return how far the peak lies off the frequency where it is highest, along y and x."""
        weights = np.median(self.own, axis=(0, 1))
        steps = np.arange(-NEAR, NEAR + 1) / max(float(weights.sum()), 1e-12)
        return float(weights.sum(axis=1) @ steps), float(weights.sum(axis=0) @ steps)


def _wave_at(spectra: Spectra, place: tuple[int, int], peak: _Peak, squared: float) -> Wave:
    side, planes = spectra.shape[-1], spectra.shape[1]
    middle = spectra[..., place[0], place[1]]
    together = np.abs(middle.sum(axis=1)) ** 2 / (planes * (np.abs(middle) ** 2).sum(axis=1))
    cycles = np.fft.fftfreq(side)[list(place)]
    down, along = (float(at) + off / side for at, off in zip(cycles, peak.off_place(), strict=True))
    return Wave(down, along, squared**0.5, bool(np.median(together) > STILL))


def _kept(energy: Table) -> float:
    """Return what planes that have least keep of that of those that have most, in most tiles."""
    least, most = np.quantile(energy, (0.1, 0.9), axis=1)
    return float(np.median(least / np.maximum(most, 1e-12)))
