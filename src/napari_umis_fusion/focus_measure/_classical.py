"""Classical focus measures: local energy of detail, averaged by a Gaussian window.

All are in grey levels (the root is taken of energies that are squares), so that the strength of a
decision means the same for each of them.

References
----------
.. [1] Pertuz, S., Puig, D., Garcia, M. A., "Analysis of focus measure operators for
   shape-from-focus", Pattern Recognition 46(5), 2013. https://doi.org/10.1016/j.patcog.2012.11.011
.. [2] Nayar, S. K., Nakagawa, Y., "Shape from focus", IEEE TPAMI 16(8), 1994.
   https://doi.org/10.1109/34.308479
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from napari_umis_fusion.focus_measure import _convolution as convolution
from napari_umis_fusion.focus_measure import _energy as energy
from napari_umis_fusion.runtime import FloatMap


@dataclass(frozen=True, slots=True)
class ClassicalFocusMeasure:
    """A focus measure that depends only on the neighbourhood of a pixel.

    Attributes
    ----------
    halo_px : int
        Width of the border around the input.
    measure : callable
        From grey (H + 2 halo_px, W + 2 halo_px) to the focus map (H, W).
    window_sigma_px : float
        Sigma of the window over which detail is averaged.
    noise_gain : float
        Standard deviation of focus, where there is detail, per standard deviation of white noise.
        Measured on photographs and on fractal noise, which agree within a factor of 1.5.
    """

    halo_px: int
    measure: Callable[[FloatMap], FloatMap]
    window_sigma_px: float
    noise_gain: float

    def __call__(self, grey: FloatMap) -> FloatMap:
        """Measure the focus of a tile with its halo."""
        return self.measure(grey)


def laplacian(detail_sigma_px: float, window_sigma_px: float) -> ClassicalFocusMeasure:
    """Return the mean of |Laplacian of Gaussian|: sensitive to detail, little to brightness."""
    detail, reach_px = laplacian_detail(detail_sigma_px)
    gain = 0.12 / detail_sigma_px**2
    return _windowed(detail, reach_px, window_sigma_px, gain)


def laplacian_detail(detail_sigma_px: float) -> tuple[Callable[[FloatMap], FloatMap], int]:
    """Return what `laplacian` averages, |Laplacian of Gaussian|, and the width of its border."""
    taps = convolution.gaussian_taps(detail_sigma_px)
    second = convolution.gaussian_second_derivative_taps(detail_sigma_px)
    detail = partial(energy.laplacian_of_gaussian, gaussian=taps, second=second)
    return detail, taps.size - 1


def spatial_frequency(detail_sigma_px: float, window_sigma_px: float) -> ClassicalFocusMeasure:
    """Return the root mean square of the differences from the left and upper neighbours."""
    return _windowed(_filled(energy.squared_differences), 1, window_sigma_px, 0.36, root=True)


def tenengrad(detail_sigma_px: float, window_sigma_px: float) -> ClassicalFocusMeasure:
    """Return the root mean square of the Sobel gradient."""
    return _windowed(_filled(energy.squared_sobel), 1, window_sigma_px, 0.16, root=True)


def sum_modified_laplacian(detail_sigma_px: float, window_sigma_px: float) -> ClassicalFocusMeasure:
    """Return the mean of the modified Laplacian of Nayar and Nakagawa [2]_."""
    return _windowed(_filled(energy.modified_laplacian), 1, window_sigma_px, 0.9)


def variance(detail_sigma_px: float, window_sigma_px: float) -> ClassicalFocusMeasure:
    """Return the local standard deviation: robust to noise, attracted by strong edges nearby."""
    taps = convolution.gaussian_taps(window_sigma_px)

    def measure(grey: FloatMap) -> FloatMap:
        mean = convolution.smooth(grey, taps)
        mean_square = convolution.smooth(grey * grey, taps)
        energy.fill_standard_deviation(mean, mean_square, mean)  # in place: `mean` is the output
        return mean

    return ClassicalFocusMeasure(taps.size - 1, measure, window_sigma_px, 0.2 / window_sigma_px)


def _windowed(
    detail: Callable[[FloatMap], FloatMap],
    reach: int,
    sigma_px: float,
    gain: float,
    root: bool = False,
) -> ClassicalFocusMeasure:
    """Return the measure; the noise of its window falls with the side of it, from `gain` at 1."""
    taps = convolution.gaussian_taps(sigma_px)

    def measure(grey: FloatMap) -> FloatMap:
        focus = convolution.smooth(detail(grey), taps)
        if root:
            energy.square_root(focus)
        return focus

    halo_px = reach + taps.size - 1
    return ClassicalFocusMeasure(halo_px, measure, sigma_px, gain / sigma_px)


def _filled(kernel: Callable[..., Any]) -> Callable[[FloatMap], FloatMap]:
    def detail(grey: FloatMap) -> FloatMap:
        out = np.empty((grey.shape[0] - 2, grey.shape[1] - 2), np.float32)
        kernel(grey, out)
        return out

    return detail


CLASSICAL: dict[str, Callable[[float, float], ClassicalFocusMeasure]] = {
    "laplacian": laplacian,
    "spatial_frequency": spatial_frequency,
    "tenengrad": tenengrad,
    "variance": variance,
    "sum_modified_laplacian": sum_modified_laplacian,
}
"""Factories by name; all take detail_sigma_px and window_sigma_px."""
