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
TILES_PER_SIDE = 8
"""At most; of larger planes parts are left out, as more tiles would not tell much more."""

_MIN_CORRELATION = 0.35
"""Of a tile that is believed; in pure noise chance gives less."""

_MIN_CONTRAST = 0.4
"""Root mean square of the detail in a tile, in grey levels of 0 to 255, that is not just dark."""

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
        How sharply correlation falls off around its peak, in squared pixels: what is in focus in
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
        self._size = min(TILE_PX, max(1, rows // 2)), min(TILE_PX, max(1, columns // 2))
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
            return TilePairs(self, other.spectra, np.ones(len(self.centres), np.bool_))
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

    def _spectra_moved(self, transform: Transform) -> tuple[Spectra, NDArray[np.bool_]]:
        """Return spectra of tiles as they lie where a transform says, and which are in sight."""
        tiles = np.zeros((len(self._origins), *self._size), np.float32)
        seen = np.zeros(len(self._origins), np.bool_)
        _cut_tiles(np.ascontiguousarray(self._image), transform, self._origins, tiles, seen)
        return self.detail(tiles), seen


class TilePairs:
    """The tiles of one image beside those of another.

    Parameters
    ----------
    tiles : Tiles
        Of the one.
    spectra : ndarray
        Of the other.
    seen : ndarray of shape (N,), bool
        Which tiles the other shows.

    Attributes
    ----------
    correlations : ndarray of shape (N,), float64
        Of the detail of each tile, -1 to 1; NaN where it is not seen in both images.
    """

    def __init__(self, tiles: Tiles, spectra: Spectra, seen: NDArray[np.bool_]) -> None:
        self._tiles = tiles
        here = tiles.spectra
        powers = tiles.powers, _powers(spectra, tiles.size[1])
        least = (_MIN_CONTRAST * np.prod(tiles.size)) ** 2  # spectra are sums over pixels
        usable = seen & (np.minimum(*powers) >= least)
        norms = np.sqrt(np.where(usable, powers[0] * powers[1], np.nan)) / np.prod(tiles.size)
        surfaces = scipy.fft.irfft2(spectra * here.conj(), tiles.size)
        self._surfaces = surfaces / norms[:, None, None]
        self.correlations: NDArray[np.float64] = np.asarray(self._surfaces[:, 0, 0], np.float64)

    @property
    def weights(self) -> NDArray[np.float64]:
        """How sharply correlation falls off around where it is, of each tile; see `Shifts`."""
        every = np.arange(len(self._surfaces))
        still = np.zeros((len(every), 2), np.intp)
        return np.minimum(*(self._parabola(every, still, axis)[1] for axis in (0, 1)))

    def shifts(self) -> Shifts:
        """Return how far what tiles show is shifted, of those that look alike."""
        flat = self._surfaces.reshape(len(self._surfaces), -1)
        usable = np.flatnonzero(np.isfinite(self.correlations))
        peaks = flat[usable].argmax(axis=1)
        usable, peaks = (one[flat[usable, peaks] >= _MIN_CORRELATION] for one in (usable, peaks))
        places = np.stack(np.unravel_index(peaks, self._tiles.size), axis=1)
        size = np.array(self._tiles.size)
        shifts = (places + size // 2) % size - size // 2
        tops, bends = zip(*(self._parabola(usable, places, axis) for axis in (0, 1)), strict=True)
        shifts = shifts + np.stack(tops, axis=1)
        near = np.all(4 * np.abs(shifts) < size, axis=1)
        weights = np.minimum(*bends)[near]
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
    tiles: NDArray[Any],
    seen: NDArray[Any],
) -> None:
    """Fill tiles as they lie where a transform says, and tell which lie in the image whole."""
    bottom, right = image.shape[0] - 1, image.shape[1] - 1
    for number in range(tiles.shape[0]):
        seen[number] = True
        for row in range(tiles.shape[1]):
            for column in range(tiles.shape[2]):
                r, c = origins[number, 0] + row, origins[number, 1] + column
                y = transform[0, 0] * r + transform[0, 1] * c + transform[0, 2]
                x = transform[1, 0] * r + transform[1, 1] * c + transform[1, 2]
                if y < 0 or x < 0 or y > bottom or x > right:
                    seen[number] = False
                y, x = min(max(y, 0.0), bottom), min(max(x, 0.0), right)
                top, left = min(int(y), bottom - 1), min(int(x), right - 1)
                down, along = y - top, x - left
                above = image[top, left] * (1 - along) + image[top, left + 1] * along
                below = image[top + 1, left] * (1 - along) + image[top + 1, left + 1] * along
                tiles[number, row, column] = above * (1 - down) + below * down
