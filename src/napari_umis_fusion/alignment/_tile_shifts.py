"""Tiles of an image, and how far what they show is shifted in another.

The cross-correlation of two tiles by their spectra, as in phase correlation, but all tiles of an
image in one call, and with the amplitudes kept: what has no detail then has no say.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.alignment._transforms import Points, Transform, identity, is_identity

Grey = NDArray[np.float32]
Spectra = NDArray[np.complex64]

TILE_PX = 96
"""Largest side of tiles."""

_SMALL_TILE_PX, _TILE_SHARE = 48, 0.25
"""Of planes that hold few tiles of the largest side: many small ones see more of the plane, as each
window hides what is at its border, and agree less by chance."""

TILES_PER_SIDE = 8
"""At most; of larger planes parts are left out, as more tiles would not tell much more."""

_CORRELATION = (0.35, 0.45)
"""From where to where trust in a tile grows; in pure noise chance gives less."""

_ALWAYS_UNLIKE = 0.05
"""Share of the power of tiles that is taken for unlike in addition to what is: a place is known the
better the more of the power is alike, but no tile is to outweigh all others."""

_MIN_CONTRAST = 0.4
"""Root mean square of the detail in a tile, in grey levels of 0 to 255, that is not just dark."""

_CONTRAST = (1.0, 1.25)
"""From where to where trust in a tile grows, in multiples of the least contrast."""

_SEEN = (0.8, 0.95)
"""The same for the share of a tile, as its window weighs it, that the other image shows. Tiles on
the border would come and go with a hundredth of a pixel if all of each had to be in sight."""

_DETAIL_SIGMA_PX = (1.5, 10.0)
"""Detail that is compared: finer is noise, and coarser light that falls off to the corners."""


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """How far what tiles show is shifted in another image.

    Attributes
    ----------
    centres : ndarray of shape (N, 2)
        Of the tiles, in pixels.
    shifts : ndarray of shape (N, 2)
        In pixels.
    weights : ndarray of shape (N,)
        How sharply correlation falls off around its peak, and how high that is: what is in focus in
        both images says where it lies, an edge that is blurred here and more blurred there hardly.
    """

    centres: Points
    shifts: Points
    weights: NDArray[np.float64]


class Tiles:
    """The tiles of an image, of which neighbours overlap by half.

    Parameters
    ----------
    image : ndarray of shape (Y, X), float32
        At least 4 x 4 px.

    Attributes
    ----------
    centres : ndarray of shape (N, 2)
        Of the tiles, in pixels.
    """

    def __init__(self, image: Grey) -> None:
        self._image = image
        rows, columns = image.shape
        self._size = _tile_side(rows), _tile_side(columns)
        places = [_starts(side, tile) for side, tile in zip(image.shape, self._size, strict=True)]
        self._origins = np.stack(np.meshgrid(*places, indexing="ij"), axis=-1).reshape(-1, 2)
        self.centres: Points = self._origins + (np.array(self._size) - 1) / 2

    @cached_property
    def spectra(self) -> Spectra:
        """Of the detail of each tile, (N, Y, X // 2 + 1)."""
        return self._spectra_moved(identity())[0]

    @cached_property
    def powers(self) -> NDArray[np.float64]:
        """Of the detail of each tile, of shape (N,)."""
        return _powers(self.spectra, self._size[1])

    def paired_with(self, other: "Tiles", transform: Transform) -> "TilePairs":
        """Compare each tile with what another image of this shape shows where a transform says."""
        if is_identity(transform):  # which every plane is asked for, also by the next one
            return TilePairs(self, other.spectra, np.ones(len(self.centres)))
        return TilePairs(self, *other._spectra_moved(transform))

    def detail(self, tiles: Grey) -> Spectra:
        """Return spectra of what is neither noise nor light that falls off."""
        centred = tiles - tiles.mean(axis=(1, 2), keepdims=True)
        spectra: Spectra = scipy.fft.rfft2(centred * _window(self._size))
        return spectra * _pass_band(self._size)

    @property
    def size(self) -> tuple[int, int]:
        """(Y, X) of each tile."""
        return self._size

    def _spectra_moved(self, transform: Transform) -> tuple[Spectra, NDArray[np.float64]]:
        """Return spectra of tiles as they lie where a transform says, and how much is in sight."""
        tiles = np.zeros((len(self._origins), *self._size), np.float32)
        seen = np.zeros(len(self._origins))
        window, image = _window(self._size), np.ascontiguousarray(self._image)
        _cut_tiles(image, transform, self._origins, window, tiles, seen)
        return self.detail(tiles), seen


class TilePairs:
    """The tiles of one image beside those of another.

    Parameters
    ----------
    tiles : Tiles
        Of the one.
    spectra : ndarray
        Of the other.
    seen : ndarray of shape (N,), float64
        What share of each tile the other shows.

    Attributes
    ----------
    correlations : ndarray of shape (N,), float64
        Of the detail of each tile, -1 to 1; NaN where it is not seen in both images.
    trust : ndarray of shape (N,), float64
        0 to 1: less where a tile is nearly dark or partly out of sight; 0 where not seen.
    """

    def __init__(self, tiles: Tiles, spectra: Spectra, seen: NDArray[np.float64]) -> None:
        self._tiles = tiles
        here = tiles.spectra
        powers = tiles.powers, _powers(spectra, tiles.size[1])
        least = _MIN_CONTRAST * float(np.prod(tiles.size))  # spectra are sums over pixels
        contrasts = np.sqrt(np.minimum(*powers)) / least
        self.trust: NDArray[np.float64] = ramp(contrasts, *_CONTRAST) * ramp(seen, *_SEEN)
        usable = self.trust > 0
        norms = np.sqrt(np.where(usable, powers[0] * powers[1], np.nan)) / np.prod(tiles.size)
        surfaces = scipy.fft.irfft2(spectra * here.conj(), tiles.size)
        self._surfaces = surfaces / norms[:, None, None]
        self.correlations: NDArray[np.float64] = np.asarray(self._surfaces[:, 0, 0], np.float64)

    @property
    def sharpness(self) -> NDArray[np.float64]:
        """How sharply correlation falls off around where it is, of each tile; see `Shifts`."""
        every = np.arange(len(self._surfaces))
        still = np.zeros((len(every), 2), np.intp)
        return np.minimum(*(self._parabola(every, still, axis)[1] for axis in (0, 1)))

    def shifts(self) -> Shifts:
        """Return how far what tiles show is shifted, of those that look alike."""
        flat = self._surfaces.reshape(len(self._surfaces), -1)
        usable = np.flatnonzero(np.isfinite(self.correlations))
        peaks = flat[usable].argmax(axis=1)
        trust = self.trust[usable] * ramp(flat[usable, peaks], *_CORRELATION)
        usable, peaks, trust = (one[trust > 0] for one in (usable, peaks, trust))
        places = np.stack(np.unravel_index(peaks, self._tiles.size), axis=1)
        size = np.array(self._tiles.size)
        shifts = (places + size // 2) % size - size // 2
        tops, bends = zip(*(self._parabola(usable, places, axis) for axis in (0, 1)), strict=True)
        shifts = shifts + np.stack(tops, axis=1)
        near = np.all(4 * np.abs(shifts) < size, axis=1)
        alike = np.minimum(flat[usable, peaks].astype(np.float64) ** 2, 1.0)
        certainty = alike / (1 - alike + _ALWAYS_UNLIKE)
        weights = (np.minimum(*bends) * certainty * trust)[near]
        return Shifts(self._tiles.centres[usable[near]], shifts[near], weights)

    def _parabola(
        self, usable: NDArray[Any], places: NDArray[Any], axis: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the top of a parabola through three values, and how sharply it bends.

        The top is exact where the peak is on a pixel, to which each round comes nearer.
        """
        step = np.eye(2, dtype=int)[axis]
        size = self._tiles.size
        before, at, after = (
            self._surfaces[usable, *((places + by * step) % size).T].astype(np.float64)
            for by in (-1, 0, 1)
        )
        bend = np.maximum(2 * at - before - after, 1e-6)
        return np.clip((after - before) / (2 * bend), -0.5, 0.5), bend


def shift_of_all(here: Grey, there: Grey) -> NDArray[np.float64]:
    """Return by how many whole pixels what `here` shows is shifted `there`, as a whole."""
    window, band = _window(here.shape), _pass_band(here.shape)
    one, other = (
        scipy.fft.rfft2((image - image.mean()) * window) * band for image in (here, there)
    )
    surface = scipy.fft.irfft2(other * one.conj(), here.shape)
    place = np.array(np.unravel_index(surface.argmax(), here.shape))
    size = np.array(here.shape)
    return np.asarray((place + size // 2) % size - size // 2, np.float64)


def ramp(values: Any, low: float, high: float) -> Any:
    """Return what grows steadily from 0 at `low` to 1 at `high`, and stays there.

    What is decided by it changes by no more than a little where values do.
    """
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _tile_side(side: int) -> int:
    """Return the side of tiles along a side of the plane."""
    small = min(_SMALL_TILE_PX, max(1, side // 2))
    return min(TILE_PX, max(small, round(_TILE_SHARE * side)))


def _starts(side: int, tile: int) -> NDArray[np.intp]:
    """Return where tiles begin: half overlapping, or spread out where there would be many."""
    count = min(TILES_PER_SIDE, 2 * -(-side // tile) - 1)
    return np.unique(np.linspace(0, side - tile, count).round().astype(np.intp))


def _window(shape: tuple[int, ...]) -> Grey:
    rows, columns = (np.hanning(side + 2)[1:-1] for side in shape)
    return np.asarray(rows[:, None] * columns, np.float32)


def _pass_band(shape: tuple[int, ...]) -> Grey:
    """Return the response of a difference of two Gaussians, of shape (Y, X // 2 + 1)."""
    down, along = 2 * np.pi * np.fft.fftfreq(shape[0]), 2 * np.pi * np.fft.rfftfreq(shape[1])
    square = down[:, None] ** 2 + along**2
    fine, coarse = (np.exp(-0.5 * square * sigma**2) for sigma in _DETAIL_SIGMA_PX)
    return np.asarray(fine - coarse, np.float32)


def _powers(spectra: Spectra, width: int) -> NDArray[np.float64]:
    """Return the power of each whole spectrum, of which one half is given."""
    twice = np.full(spectra.shape[2], 2.0)
    twice[0] = 1
    if width % 2 == 0:
        twice[-1] = 1
    squares = spectra.real.astype(np.float64) ** 2 + spectra.imag.astype(np.float64) ** 2
    return np.asarray((squares.sum(axis=1) * twice).sum(axis=1))


@njit(nogil=True, cache=True)
def _cut_tiles(
    image: NDArray[Any],
    transform: NDArray[Any],
    origins: NDArray[Any],
    window: NDArray[Any],
    tiles: NDArray[Any],
    seen: NDArray[Any],
) -> None:
    """Fill tiles as they lie where a transform says, and tell how much lies in the image."""
    bottom, right = image.shape[0] - 1, image.shape[1] - 1
    whole = window.sum()
    for number in range(tiles.shape[0]):
        hidden = 0.0
        for row in range(tiles.shape[1]):
            for column in range(tiles.shape[2]):
                r, c = origins[number, 0] + row, origins[number, 1] + column
                y = transform[0, 0] * r + transform[0, 1] * c + transform[0, 2]
                x = transform[1, 0] * r + transform[1, 1] * c + transform[1, 2]
                if y < 0 or x < 0 or y > bottom or x > right:
                    hidden += window[row, column]
                y, x = min(max(y, 0.0), bottom), min(max(x, 0.0), right)
                top, left = min(int(y), bottom - 1), min(int(x), right - 1)
                down, along = y - top, x - left
                above = image[top, left] * (1 - along) + image[top, left + 1] * along
                below = image[top + 1, left] * (1 - along) + image[top + 1, left + 1] * along
                tiles[number, row, column] = above * (1 - down) + below * down
        seen[number] = 1 - hidden / whole
