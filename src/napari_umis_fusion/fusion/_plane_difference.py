"""How a new plane differs from those chosen so far, where focus is a share of belief."""

from collections.abc import Generator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure import TiledMeasure, gaussian_taps, laplacian, smooth
from napari_umis_fusion.runtime import ScratchMemory, Tile, Workers, tiles_of, with_halo
from napari_umis_fusion.stack import Plane

Map = NDArray[np.float32]

DETAIL_SIGMA_PX = 2.0
"""Window over which the detail is averaged that two planes differ by."""

BRIGHTNESS_SIGMA_PX = 3.0
"""Window over which brightness is compared."""

BRIGHTNESS_TOLERANCE = 1.5
"""Brightness that differs by so many grey levels counts half."""

NOISE_STANDARD_ERRORS = 2.0
"""... or by so many standard errors of the mean over the window."""


class PlaneDifference:
    """Measures how a plane differs from the choice so far.

    Attributes
    ----------
    detail : ndarray of shape (Y, X), float32
        The detail by which they differ, in grey levels of the default focus measure.
    agreement : ndarray of shape (Y, X), float32
        How far they agree in local brightness, 0 to 1: less than 1/2 where it differs by more
        than noise explains.
    chosen : ndarray of shape (Y, X), float32
        Grey levels of the choice so far; kept by whoever takes pixels over.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        config: FusionConfig,
        workers: Workers,
        workspace: ScratchMemory,
    ) -> None:
        self.detail: Map = workspace.full(shape, np.float32, 0)
        self.agreement: Map = workspace.full(shape, np.float32, 1)
        self.chosen: Map = workspace.full(shape, np.float32, 0)
        self._workers = workers
        plain = config.replace(median_filter=False)
        self._measure = TiledMeasure(laplacian(1.0, DETAIL_SIGMA_PX), workers, plain)
        self._taps = gaussian_taps(BRIGHTNESS_SIGMA_PX)
        self._tiles = tiles_of(self.chosen, config.tile_px)

    def iter_measure(self, grey: Map, plane: Plane) -> Generator[None]:
        """Fill `detail` and `agreement` for a new plane with these grey levels."""
        job = self._workers.submit(np.subtract, grey, self.chosen)
        difference = yield from self._workers.result(job)
        yield from self._measure.iter_fill(difference, plane, self.detail)
        yield from self._workers.each(lambda tile: self._agree(difference, tile), self._tiles)

    def _agree(self, difference: Map, tile: Tile) -> None:
        halo = with_halo(difference, tile, self._taps.size - 1)
        mean, power = smooth(halo, self._taps), smooth(halo * halo, self._taps)
        _fill_agreement(mean, power, self.agreement[tile.window])


@njit(nogil=True, cache=True, error_model="numpy")
def _fill_agreement(mean: Map, power: Map, agreement: Map) -> None:
    """Fill `agreement` from the local mean of a difference and of its square."""
    one, zero, least = np.float32(1), np.float32(0), np.float32(BRIGHTNESS_TOLERANCE**2)
    pixels = 4 * np.pi * BRIGHTNESS_SIGMA_PX**2  # a Gaussian mean of white noise averages so many
    noise = np.float32(NOISE_STANDARD_ERRORS**2 / pixels)
    for y in range(mean.shape[0]):
        for x in range(mean.shape[1]):
            offset = mean[y, x] * mean[y, x]
            variance = max(power[y, x] - offset, zero)
            excess = offset / (least + noise * variance)
            agreement[y, x] = one / (one + excess * excess)
