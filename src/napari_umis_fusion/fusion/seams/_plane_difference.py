"""Difference between a new plane and the composite so far, in detail and in brightness.

A focus measure that compares only the planes of one pixel does not say how much its decision
matters: if two planes do not differ, it does not.
"""

from collections.abc import Generator

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure import TiledMeasure, gaussian_taps, laplacian, smooth
from napari_umis_fusion.runtime import (
    FloatMap,
    ScratchMemory,
    Tile,
    Workers,
    kernel,
    tiles_of,
    with_halo,
)
from napari_umis_fusion.stack import Plane

DETAIL_SIGMA_PX = 2.0
"""Sigma of the window over which the difference in detail is averaged."""

BRIGHTNESS_SIGMA_PX = 3.0
"""Sigma of the window over which brightness is compared."""

BRIGHTNESS_TOLERANCE = 1.5
"""Difference of brightness, in grey levels, at which agreement is one half without noise."""

NOISE_STANDARD_ERRORS = 2.0
"""The same with noise, in standard errors of the mean over the window."""


class PlaneDifference:
    """Measures the difference between a new plane and the composite so far.

    Attributes
    ----------
    detail : ndarray of shape (Y, X), float32
        Detail of the difference, measured with 'laplacian' in grey levels.
    agreement : ndarray of shape (Y, X), float32
        Agreement in local brightness, 0 to 1: less than 1/2 where they differ by more than noise
        can explain.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        config: FusionConfig,
        workers: Workers,
        workspace: ScratchMemory,
    ) -> None:
        self.detail: FloatMap = workspace.full(shape, np.float32, 0)
        self.agreement: FloatMap = workspace.full(shape, np.float32, 1)
        self._difference: FloatMap = workspace.full(shape, np.float32, 0)
        self._workers = workers
        # Without the median, which is meant for the focus of planes, not for their difference.
        plain = config.replace(median_filter=False)
        self._measure = TiledMeasure(laplacian(1.0, DETAIL_SIGMA_PX), workers, plain)
        self._taps = gaussian_taps(BRIGHTNESS_SIGMA_PX)
        self._tiles = tiles_of(self.detail, config.tile_px)

    def iter_measure(self, grey: FloatMap, chosen: FloatMap, plane: Plane) -> Generator[None]:
        """Fill `detail` and `agreement` for a new plane, its grey levels and the composite's."""
        difference = self._difference
        yield from self._workers.result(self._workers.submit(np.subtract, grey, chosen, difference))
        yield from self._measure.iter_fill(difference, plane, self.detail)
        yield from self._workers.each(lambda tile: self._agree(difference, tile), self._tiles)

    def _agree(self, difference: FloatMap, tile: Tile) -> None:
        halo = with_halo(difference, tile, self._taps.size - 1)
        mean, power = smooth(halo, self._taps), smooth(halo * halo, self._taps)
        _fill_agreement(mean, power, self.agreement[tile.window])


@kernel
def _fill_agreement(mean: FloatMap, power: FloatMap, agreement: FloatMap) -> None:
    """Fill `agreement` from the local mean of a difference and of its square."""
    one, zero, least = np.float32(1), np.float32(0), np.float32(BRIGHTNESS_TOLERANCE**2)
    # A Gaussian mean of white noise has the variance of a mean over this many pixels.
    pixels = 4 * np.pi * BRIGHTNESS_SIGMA_PX**2
    noise = np.float32(NOISE_STANDARD_ERRORS**2 / pixels)
    for y in range(mean.shape[0]):
        for x in range(mean.shape[1]):
            offset = mean[y, x] * mean[y, x]
            # Measured on the difference, so that it includes the noise of both planes.
            variance = max(power[y, x] - offset, zero)
            excess = offset / (least + noise * variance)
            agreement[y, x] = one / (one + excess * excess)
