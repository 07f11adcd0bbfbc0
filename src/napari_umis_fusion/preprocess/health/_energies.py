"""The detail of a plane at some places: how strong it is by period and direction, and where."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Energies = NDArray[np.float64]
Spectra = NDArray[np.complex64]
Parts = NDArray[np.float32]

SIDE_PX, MAX_PLACES = 32, 8
"""Side of the places that are looked at, and how many there are at most along each side; in small
planes they overlap by half."""

RINGS = (2.5, 4.5, 7.5, 11.5, 16.6)
"""Cycles per place that bound the rings of the spectrum: periods of 13, 7, 4, 2.8 and 1.9 px."""

SECTORS = 6
"""Directions that are told apart in each ring; the lines of a sensor lie in one of them."""

BANDS = (1.5, 2.9, 4.5, 6.3, 8.5)
"""Likewise, of the bands in which planes are compared coefficient by coefficient: periods of 21,
11, 7, 5 and 3.8 px. No usual defocus turns the first one into its inverse."""

MIN_ALONG = 3
"""Places in a row or column from which on they tell what they share."""

SPECK = 8.0
"""A pixel that differs from those next to it by so many times what is usual there is a speck, which
others look for; it would count as detail of all periods."""

SQUARES = (1e-150, 1e150)
"""Between these, a number and its square are neither zero nor infinite."""


@dataclass(frozen=True, slots=True, eq=False)
class Detail:
    """The detail of a plane.

    Attributes
    ----------
    energies : ndarray of shape (places, rings * sectors)
        Energies of the mean of its channels.
    spectra : ndarray of shape (places, coefficients), complex64
        Of the spectra of that mean, the coefficients within `BANDS`, one band after the other, less
        what places in one row or column share: light may flicker while a sensor is read, line by
        line.
    size : float
        What they are multiplied with: squares of large values are too large.
    rounding : float
        Energy of a coefficient that the rounding of values makes.
    levels : ndarray of shape (coefficients,)
        Logarithms of their energies, rounding included, in the middle of all places.
    """

    energies: Energies
    spectra: Spectra
    size: float
    rounding: float
    levels: Energies

    def scaled(self, gain: float) -> "Detail":
        """Return the detail of the plane divided by a gain."""
        size = abs(self.size / gain)
        levels = self.levels - 2 * np.log(abs(gain))
        return Detail(self.energies / gain**2, self.spectra, size, self.rounding / gain**2, levels)


def detail_of(values: Array) -> Detail | None:
    """Return the detail of a plane.

    Parameters
    ----------
    values : ndarray of shape (Y, X, C)
        A plane, all of which counts.

    Returns
    -------
    Detail or None
        None if it is smaller than a place, or not finite.
    """
    places = [_starts(size) for size in values.shape[:2]]
    if not all(places):
        return None
    parts = np.stack(
        [values[y : y + SIDE_PX, x : x + SIDE_PX] for y in places[0] for x in places[1]]
    )
    with np.errstate(over="ignore", invalid="ignore"):
        grey = sum(parts[..., c].astype(np.float32) for c in range(parts.shape[3]))
        grey = np.asarray(grey / np.float32(parts.shape[3]))
        grey -= grey.mean(axis=(1, 2), keepdims=True)
    size = float(np.abs(grey).max())
    if not SQUARES[0] < size < SQUARES[1]:
        return None
    flat = _even(_without_specks(grey / np.float32(size)))  # squares of large values are too large
    window, weights, order, starts = _window_and_bins()
    all_of_it = np.fft.rfft2(flat * window).reshape(len(flat), -1)
    spectra = all_of_it[:, order]
    energies = (spectra.real**2 + spectra.imag**2) * weights
    # Not a product of matrices, for which threads of BLAS would wait for each other.
    found = np.add.reduceat(energies, starts, axis=1).astype(np.float64)
    # Values are rounded to whole numbers: below that, nothing is known of their detail.
    least = 1 / 12 if values.dtype.kind in "iu" else 1e-9 * size**2
    rounding = least * float((window**2).sum())
    known = found * size**2 + rounding * np.add.reduceat(weights, starts).astype(np.float64)
    compared = all_of_it[:, frequencies_in_bands()[0]].astype(np.complex64)
    compared = _without_lines(compared.reshape(len(places[0]), len(places[1]), -1))
    compared = compared.reshape(len(flat), -1)
    each = compared.real**2 + compared.imag**2 + np.float32(rounding / size**2)
    levels = np.log(np.maximum(each, np.float32(1e-30))).mean(axis=0, dtype=np.float64)
    return Detail(known, compared, size, rounding, levels + 2 * np.log(size))


def _without_lines(spectra: Spectra) -> Spectra:
    """Return spectra (rows, columns, coefficients) without what rows and columns share."""
    for axis in (0, 1):
        if spectra.shape[axis] >= MIN_ALONG:
            spectra = spectra - spectra.mean(axis=axis, keepdims=True)
    return spectra


def _starts(size: int) -> list[int]:
    count = min(MAX_PLACES, 2 * size // SIDE_PX - 1)
    return np.linspace(0, size - SIDE_PX, count).astype(int).tolist() if count > 0 else []


def _without_specks(parts: Parts) -> Parts:
    """Return places whose specks are as the pixels next to them."""
    inner = parts[:, 1:-1, 1:-1]
    near = parts[:, :-2, 1:-1], parts[:, 2:, 1:-1], parts[:, 1:-1, :-2], parts[:, 1:-1, 2:]
    low, high = np.minimum.reduce(near), np.maximum.reduce(near)
    beside = (near[0] + near[1] + near[2] + near[3] - low - high) / 2
    off = np.abs(inner - beside)
    usual = off.mean(axis=(1, 2), keepdims=True)
    found = parts.copy()
    found[:, 1:-1, 1:-1] = np.where(off > SPECK * usual, beside, inner)
    return found


def _even(parts: Parts) -> Parts:
    """Return places without their mean and their slope, whose steps at the ends are no detail."""
    places = np.linspace(-1, 1, SIDE_PX, dtype=np.float32)
    total = float((places**2).sum()) * SIDE_PX
    down = np.einsum("nyx,y->n", parts, places) / total
    along = np.einsum("nyx,x->n", parts, places) / total
    slopes = down[:, None, None] * places[:, None] + along[:, None, None] * places
    return np.asarray(parts - parts.mean(axis=(1, 2), keepdims=True) - slopes)


@lru_cache(1)
def frequencies_in_bands() -> tuple[Array, Array, Array, Array]:
    """Return which coefficients lie in `BANDS`, and where each begins.

    That is their indices, their cycles per place along y and x, and the first of each band.
    """
    down, along = _frequencies()
    # One half of the spectrum is that of real values; its first column stands for itself twice.
    band = np.digitize(np.hypot(down, along), BANDS) - 1
    band[(along == 0) & (down <= 0)] = -1
    band[band == len(BANDS) - 1] = -1
    order = np.argsort(band, axis=None, kind="stable")[(band < 0).sum() :]
    starts = np.searchsorted(band.ravel()[order], np.arange(len(BANDS) - 1))
    return order, down.ravel()[order], along.ravel()[order], starts


def _frequencies() -> tuple[Array, Array]:
    down = np.fft.fftfreq(SIDE_PX)[:, None] * SIDE_PX
    along = np.fft.rfftfreq(SIDE_PX)[None] * SIDE_PX
    return down + 0 * along, along + 0 * down


@lru_cache(1)
def _window_and_bins() -> tuple[Parts, Parts, Array, Array]:
    """Return the window of a place, and how coefficients of its spectrum belong together.

    That is the weight of each, their order by ring and sector, and where these begin.
    """
    down, along = _frequencies()
    ring = np.digitize(np.hypot(down, along), RINGS) - 1
    turn = np.arctan2(down, along) % np.pi / (np.pi / SECTORS)
    sector = np.round(turn).astype(int) % SECTORS
    label = np.where((ring >= 0) & (ring < len(RINGS) - 1), ring * SECTORS + sector, -1).ravel()
    # The first and the last column stand for themselves alone, the others for their mirror, too.
    weights = np.where((along == 0) | (along == SIDE_PX // 2), 0.5, 1.0).ravel()
    order = np.argsort(label, kind="stable")[(label < 0).sum() :]
    starts = np.searchsorted(label[order], np.arange((len(RINGS) - 1) * SECTORS))
    hann = np.hanning(SIDE_PX + 2)[1:-1]
    return np.outer(hann, hann).astype(np.float32), weights[order].astype(np.float32), order, starts
