"""Divide an image into tiles, and measure the shift of each in another image.

Tiles are cross-correlated by their spectra, as in phase correlation, but all tiles of an image in
one call, and with the amplitudes kept, so that frequencies without detail have no influence.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment._transforms import Points, Transform, identity, is_identity
from napari_umis_fusion.runtime import kernel

Grey = NDArray[np.float32]
Spectra = NDArray[np.complex64]

TILE_PX = 96
"""Largest side of tiles."""

_SMALL_TILE_PX, _TILE_SHARE = 48, 0.25
"""Side of tiles of smaller planes, at least in pixels and as a share of the plane's side: many
small tiles use more of the plane, as each window hides its border, and agree less by chance."""

TILES_PER_SIDE = 8
"""Largest number: larger planes are sampled with gaps, as more tiles would add little evidence."""

_CORRELATION = (0.35, 0.45)
"""Range of peak correlation over which trust in a tile grows from 0 to 1; pure noise gives less."""

_MIN_UNCORRELATED = 0.05
"""Share of a tile's power that is counted as uncorrelated in addition to what is: a shift is more
precise the larger the correlated share, but no tile shall outweigh all others."""

_MIN_CONTRAST = 0.4
"""Minimum root mean square of the detail in a tile, in grey levels of 0 to 255: less is empty."""

_CONTRAST = (1.0, 1.25)
"""The same range for the contrast of a tile, in multiples of the least contrast."""

_COVERAGE = (0.8, 0.95)
"""The same range for the share of a tile, weighted by its window, that the other image covers. If
full overlap were required, a hundredth of a pixel would decide about tiles at the border."""

_DETAIL_SIGMA_PX = (1.5, 10.0)
"""Band of the detail that is compared: finer is noise, coarser is vignetting."""


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """Shifts of the tiles of an image in another image.

    Attributes
    ----------
    centres : ndarray of shape (N, 2)
        Of the tiles, in pixels.
    shifts : ndarray of shape (N, 2)
        In pixels.
    weights : ndarray of shape (N,)
        From the sharpness and height of the correlation peak: detail that is in focus in both
        images is located precisely, but hardly an edge that is blurred differently in each.
    """

    centres: Points
    shifts: Points
    weights: NDArray[np.float64]


class Tiles:
    """The tiles of an image; neighbours overlap by half where the image is small enough.

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
        """Spectrum of the detail of each tile, (N, Y, X // 2 + 1)."""
        return self._spectra_moved(identity())[0]

    @cached_property
    def powers(self) -> NDArray[np.float64]:
        """Power of the detail of each tile, of shape (N,)."""
        return _powers(self.spectra, self._size[1])

    def paired_with(self, other: "Tiles", transform: Transform) -> "TilePairs":
        """Pair each tile with its transformed counterpart in another image of the same shape."""
        if is_identity(transform):  # these spectra are cached: several comparisons use them
            return TilePairs(self, other.spectra, np.ones(len(self.centres)))
        return TilePairs(self, *other._spectra_moved(transform))

    def detail(self, tiles: Grey) -> Spectra:
        """Return spectra of the detail, without noise and vignetting."""
        from scipy.fft import rfft2  # here, since fusions without alignment need not load it

        centred = tiles - tiles.mean(axis=(1, 2), keepdims=True)
        spectra: Spectra = rfft2(centred * _window(self._size))
        return spectra * _pass_band(self._size)

    @property
    def size(self) -> tuple[int, int]:
        """(Y, X) of each tile."""
        return self._size

    def _spectra_moved(self, transform: Transform) -> tuple[Spectra, NDArray[np.float64]]:
        """Return spectra of transformed tiles, and the share of each that the image covers."""
        tiles = np.zeros((len(self._origins), *self._size), np.float32)
        coverage = np.zeros(len(self._origins))
        window, image = _window(self._size), np.ascontiguousarray(self._image)
        _cut_tiles(image, transform, self._origins, window, tiles, coverage)
        return self.detail(tiles), coverage


class TilePairs:
    """The tiles of one image and their counterparts in another.

    Parameters
    ----------
    tiles : Tiles
        Tiles of the first image.
    spectra : ndarray
        Spectra of the counterparts.
    coverage : ndarray of shape (N,), float64
        Share of each tile that the other image covers.

    Attributes
    ----------
    correlations : ndarray of shape (N,), float64
        Of the detail of each tile, -1 to 1; NaN if one image lacks it.
    trust : ndarray of shape (N,), float64
        0 to 1: less for a tile that is nearly empty or partly outside; 0 for unusable tiles.
    """

    def __init__(self, tiles: Tiles, spectra: Spectra, coverage: NDArray[np.float64]) -> None:
        from scipy.fft import irfft2

        self._tiles = tiles
        here = tiles.spectra
        powers = tiles.powers, _powers(spectra, tiles.size[1])
        least = _MIN_CONTRAST * float(np.prod(tiles.size))  # spectra are sums over pixels
        contrasts = np.sqrt(np.minimum(*powers)) / least
        self.trust: NDArray[np.float64] = ramp(contrasts, *_CONTRAST) * ramp(coverage, *_COVERAGE)
        usable = self.trust > 0
        norms = np.sqrt(np.where(usable, powers[0] * powers[1], np.nan)) / np.prod(tiles.size)
        surfaces = irfft2(spectra * here.conj(), tiles.size)
        self._surfaces = surfaces / norms[:, None, None]
        self.correlations: NDArray[np.float64] = np.asarray(self._surfaces[:, 0, 0], np.float64)

    @property
    def sharpness(self) -> NDArray[np.float64]:
        """Curvature of the correlation of each tile at zero shift; see `Shifts`."""
        every = np.arange(len(self._surfaces))
        still = np.zeros((len(every), 2), np.intp)
        return np.minimum(*(self._parabola(every, still, axis)[1] for axis in (0, 1)))

    def shifts(self) -> Shifts:
        """Return the shifts of the tiles that correlate well enough."""
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
        certainty = alike / (1 - alike + _MIN_UNCORRELATED)
        weights = (np.minimum(*bends) * certainty * trust)[near]
        return Shifts(self._tiles.centres[usable[near]], shifts[near], weights)

    def _parabola(
        self, usable: NDArray[Any], places: NDArray[Any], axis: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fit a parabola through three values; return the place of its peak and its curvature.

        The peak is exact if it is on a pixel, which the iterations of registration approach.
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
    """Return the shift from image `here` to image `there`, in whole pixels."""
    from scipy.fft import irfft2, rfft2

    window, band = _window(here.shape), _pass_band(here.shape)
    one, other = (rfft2((image - image.mean()) * window) * band for image in (here, there))
    surface = irfft2(other * one.conj(), here.shape)
    place = np.array(np.unravel_index(surface.argmax(), here.shape))
    size = np.array(here.shape)
    return np.asarray((place + size // 2) % size - size // 2, np.float64)


def ramp(values: Any, low: float, high: float) -> Any:
    """Return a linear ramp from 0 at `low` to 1 at `high`, constant outside.

    Unlike a hard limit, it changes only a little when values do.
    """
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _tile_side(side: int) -> int:
    """Return the length of tiles along a side of the plane."""
    small = min(_SMALL_TILE_PX, max(1, side // 2))
    return min(TILE_PX, max(small, round(_TILE_SHARE * side)))


def _starts(side: int, tile: int) -> NDArray[np.intp]:
    """Return where tiles begin: overlapping by half, or spread out if there were too many."""
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
    """Return the power of each full spectrum, given the half of a real transform."""
    twice = np.full(spectra.shape[2], 2.0)
    twice[0] = 1
    if width % 2 == 0:
        twice[-1] = 1
    squares = spectra.real.astype(np.float64) ** 2 + spectra.imag.astype(np.float64) ** 2
    return np.asarray((squares.sum(axis=1) * twice).sum(axis=1))


@kernel
def _cut_tiles(
    image: NDArray[Any],
    transform: NDArray[Any],
    origins: NDArray[Any],
    window: NDArray[Any],
    tiles: NDArray[Any],
    coverage: NDArray[Any],
) -> None:
    """Fill tiles by bilinear interpolation, and `coverage` with the share inside the image."""
    bottom, right = image.shape[0] - 1, image.shape[1] - 1
    whole = np.float32(0)
    for row in range(window.shape[0]):
        for column in range(window.shape[1]):
            whole += window[row, column]
    for number in range(tiles.shape[0]):
        outside = 0.0
        for row in range(tiles.shape[1]):
            for column in range(tiles.shape[2]):
                r, c = origins[number, 0] + row, origins[number, 1] + column
                y = transform[0, 0] * r + transform[0, 1] * c + transform[0, 2]
                x = transform[1, 0] * r + transform[1, 1] * c + transform[1, 2]
                if y < 0 or x < 0 or y > bottom or x > right:
                    outside += window[row, column]
                y, x = min(max(y, 0.0), bottom), min(max(x, 0.0), right)
                top, left = min(int(y), bottom - 1), min(int(x), right - 1)
                down, along = y - top, x - left
                above = image[top, left] * (1 - along) + image[top, left + 1] * along
                below = image[top + 1, left] * (1 - along) + image[top + 1, left + 1] * along
                tiles[number, row, column] = above * (1 - down) + below * down
        coverage[number] = 1 - outside / whole
