"""What the peak of focus between planes is fitted to, and how noise changes it.

The share of a plane says how much better it is than the others, not how sharp: through three
shares, a parabola finds their middle, which is nearly always the chosen plane itself. Depths then
climb in steps (on a tilted plane, 92 % of them within 0.05 of a whole number). So a network
chooses the plane, and the sharpness of it and its neighbours says how far the peak is from it.
"""

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure import (
    CLASSICAL,
    gaussian_taps,
    laplacian,
    laplacian_detail,
    smooth,
)
from napari_umis_fusion.fusion.decision import INVALID, PeakModel
from napari_umis_fusion.runtime import FloatMap, ScratchMemory, Tile, with_halo

DETAIL_SIGMA_PX, WINDOW_SIGMA_PX = 0.85, 2.5
"""Of 'laplacian'. Of the sigmas tried on both renderers, clean and noisy, these had the least
errors of depth: narrower windows follow noise, wider ones blur slopes."""

NARROW_SIGMA_PX = 1.0
"""Window of detail that says where a surface ends: wider ones reach over its edge."""


def peak_model(config: FusionConfig, *, is_share: bool) -> PeakModel | None:
    """Return the model of the peaks of a config; None where focus is in unknown units.

    Parameters
    ----------
    config : FusionConfig
        Options of the fusion.
    is_share : bool
        Whether focus is a share, so that peaks are fitted to `PeakSharpness`.
    """
    if is_share:
        fitted = laplacian(DETAIL_SIGMA_PX, WINDOW_SIGMA_PX)
    elif config.focus_measure in CLASSICAL:
        fitted = CLASSICAL[config.focus_measure](config.detail_sigma_px, config.window_sigma_px)
    else:
        return None
    return PeakModel(fitted.window_sigma_px, fitted.noise_gain)


class PeakSharpness:
    """Measures sharpness, whose logarithm near focus is a parabola along z.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the planes.
    workspace : ScratchMemory
        Memory for the maps.
    with_detail : bool
        Whether `detail` is filled, too.

    Attributes
    ----------
    sharpness : ndarray of shape (Y, X), float32
        In grey levels; negative where a plane is invalid.
    detail : ndarray of shape (Y, X), float32
        The same in a narrower window; 0 where a plane is invalid.
    """

    def __init__(
        self, shape: tuple[int, int], workspace: ScratchMemory, *, with_detail: bool = False
    ) -> None:
        self._detail, self._reach_px = laplacian_detail(DETAIL_SIGMA_PX)
        self._taps, self._narrow = gaussian_taps(WINDOW_SIGMA_PX), gaussian_taps(NARROW_SIGMA_PX)
        self.sharpness: FloatMap = workspace.full(shape, np.float32, 0)
        self.detail: FloatMap = workspace.full(shape if with_detail else (0, 0), np.float32, 0)

    def measure(self, grey: FloatMap, focus: FloatMap, tile: Tile) -> FloatMap:
        """Measure a tile of a plane, invalid where `focus` is negative; return `sharpness`."""
        window, radius = tile.window, self._taps.size - 1
        detail = self._detail(with_halo(grey, tile, self._reach_px + radius))
        invalid = focus[window] < 0
        found = smooth(detail, self._taps)
        self.sharpness[window] = np.where(invalid, np.float32(INVALID), found)
        if self.detail.size:
            cut = self._taps.size - self._narrow.size
            found = smooth(np.ascontiguousarray(detail[cut:-cut, cut:-cut]), self._narrow)
            self.detail[window] = np.where(invalid, np.float32(0), found)
        return self.sharpness
