"""How sharp a picture is, as one number: the measures of autofocus.

All grow with sharpness, and are divided by the mean brightness or its square, so that a lamp that
flickers or a dye that bleaches changes them little.

References
----------
.. [1] Brenner, J. F. et al., "An automated microscope for cytologic research", Journal of
   Histochemistry and Cytochemistry 24(1), 1976. https://doi.org/10.1177/24.1.1254907
.. [2] Groen, F. C. A., Young, I. T., Ligthart, G., "A comparison of different focus functions for
   use in autofocus algorithms", Cytometry 6(2), 1985. https://doi.org/10.1002/cyto.990060202
.. [3] Vollath, D., "The influence of the scene parameters and of noise on the behaviour of
   automatic focusing algorithms", Journal of Microscopy 151(2), 1988.
   https://doi.org/10.1111/j.1365-2818.1988.tb04633.x
.. [4] Firestone, L. et al., "Comparison of autofocus methods for automated microscopy",
   Cytometry 12(3), 1991. https://doi.org/10.1002/cyto.990120302
.. [5] Pech-Pacheco, J. L. et al., "Diatom autofocusing in brightfield microscopy: a comparative
   study", ICPR 2000. https://doi.org/10.1109/ICPR.2000.903548
"""

from collections.abc import Callable
from typing import cast

import numpy as np

from napari_umis_fusion.focus_measure import CLASSICAL
from napari_umis_fusion.live._autofocus_config import AutofocusMeasure
from napari_umis_fusion.runtime import AnyArray, FloatMap

DETAIL_SIGMA_PX = 1.0
"""Detail that the Laplacian of Gaussian looks at."""

WINDOW_SIGMA_PX = 1.0
"""A mean over the picture follows, so that the window of the focus maps hardly matters."""

LEVELS = 256
BRIGHTEST = 4.0
"""Brightness, relative to the mean, up to which entropy tells grey levels apart."""


def grey_of(picture: AnyArray) -> FloatMap:
    """Return a camera's picture (Y, X) or (Y, X, C) as grey levels; opacity is left out."""
    if picture.ndim == 2:
        return np.asarray(picture, np.float32)
    return np.asarray(picture[..., :3].mean(axis=2), np.float32)


def focus_value(grey: FloatMap, measure: AutofocusMeasure) -> float:
    """Return how sharp a picture is.

    Parameters
    ----------
    grey : ndarray of float32, shape (Y, X)
        At least 8 x 8 pixels.
    measure : str
        One of `AutofocusMeasure`.

    Returns
    -------
    float
        Without unit; 0 for a picture without light.
    """
    brightness = _mean(grey)
    if not brightness > 0:
        return 0.0
    return _MEASURES[measure](grey / np.float32(brightness))


def _mean(values: AnyArray) -> float:
    # Sums of millions of float32 would lose digits that the top of a curve needs.
    return float(np.mean(values, dtype=np.float64))


def _mean_of_map(measure: AutofocusMeasure) -> Callable[[FloatMap], float]:
    """Return the mean of one of the fusion's own focus maps, which are amounts of contrast."""

    def value(grey: FloatMap) -> float:
        classical = CLASSICAL[cast("str", measure)](DETAIL_SIGMA_PX, WINDOW_SIGMA_PX)
        halo = classical.halo_px
        padded = np.pad(grey, halo, mode="symmetric") if min(grey.shape) <= 4 * halo else grey
        return _mean(classical(np.ascontiguousarray(padded)))

    return value


def _brenner(grey: FloatMap) -> float:
    """Squared differences between pixels two apart [1]_."""
    return _mean((grey[2:] - grey[:-2]) ** 2) + _mean((grey[:, 2:] - grey[:, :-2]) ** 2)


def _vollath(grey: FloatMap) -> float:
    """Autocorrelation at one pixel less that at two: noise, which has none, adds nothing [3]_."""
    along_y = _mean(grey[:-2] * (grey[1:-1] - grey[2:]))
    return along_y + _mean(grey[:, :-2] * (grey[:, 1:-1] - grey[:, 2:]))


def _normalised_variance(grey: FloatMap) -> float:
    """Variance over the squared mean [2]_."""
    return float(np.var(grey, dtype=np.float64))


def _laplacian_variance(grey: FloatMap) -> float:
    """Variance of the 3 x 3 Laplacian [5]_."""
    middle = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float(np.var(around - 4 * middle, dtype=np.float64))


def _entropy(grey: FloatMap) -> float:
    """Entropy of the grey levels, in bits [4]_."""
    levels = np.clip(grey * np.float32(LEVELS / BRIGHTEST), 0, LEVELS - 1).astype(np.uint8)
    share = np.bincount(levels.ravel(), minlength=LEVELS) / levels.size
    return float(-(share[share > 0] * np.log2(share[share > 0])).sum())


_MEASURES: dict[AutofocusMeasure, Callable[[FloatMap], float]] = {
    "laplacian": _mean_of_map("laplacian"),
    "laplacian_variance": _laplacian_variance,
    "sum_modified_laplacian": _mean_of_map("sum_modified_laplacian"),
    "tenengrad": _mean_of_map("tenengrad"),
    "brenner": _brenner,
    "spatial_frequency": _mean_of_map("spatial_frequency"),
    "vollath": _vollath,
    "normalised_variance": _normalised_variance,
    "entropy": _entropy,
}
