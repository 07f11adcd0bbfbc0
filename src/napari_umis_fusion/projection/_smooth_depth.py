"""The surface that is projected along: a depth map without gaps, smoothed."""

from functools import partial

import numpy as np

from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.fusion import fill_depth
from napari_umis_fusion.projection._config import AroundConfig, Smoothing
from napari_umis_fusion.runtime import BoolMap, Float64Array, FloatMap
from napari_umis_fusion.surface import checked_mask

WIDE_PX = 200
"""Reach of a Gaussian beyond which a Fourier transform is quicker, which takes as long for any."""


def smooth_depth(
    depth_um: FloatMap,
    pixel_size_um: tuple[float, float] | None = None,
    *,
    never_in_focus: BoolMap | None = None,
    smooth_um: float = 0.0,
    smoothing: Smoothing = "gaussian",
    z_step_um: float = 1.0,
) -> FloatMap:
    """Fill the gaps of a depth map, and smooth it.

    Parameters
    ----------
    depth_um : ndarray of shape (Y, X)
        Depth below the first plane, in µm; NaN where it is unknown.
    pixel_size_um : (float, float), optional
        Distance between rows and between columns, in µm; needed to smooth.
    never_in_focus : ndarray of shape (Y, X), bool, optional
        Where the depth means nothing: there, and at NaN, it is interpolated from around.
    smooth_um : float
        Standard deviation of the Gaussian, in µm; 0 does not smooth.
    smoothing : "gaussian" or "edges"
        Everywhere, or by a guided filter [1]_ that keeps steps.
    z_step_um : float
        Distance between planes, in µm; "edges" keeps steps that are higher.

    Returns
    -------
    ndarray of shape (Y, X), float32
        Finite everywhere. Tilted planes stay as they are, up to the border.

    Raises
    ------
    StackError
        If the map is not two-dimensional, no map of numbers, or nothing of it is known.
    ConfigError
        If it is to be smoothed, and the size of a pixel is unknown or no length.

    References
    ----------
    .. [1] He, K., Sun, J., Tang, X., "Guided image filtering", IEEE TPAMI 35(6), 2013.
       https://doi.org/10.1109/TPAMI.2012.213
    """
    AroundConfig(smooth_um=smooth_um, smoothing=smoothing)  # refuses what is not accepted
    depth, unknown = _checked_depth(depth_um, never_in_focus)
    filled = fill_depth(np.where(unknown, np.float32(0), depth), unknown, "around")
    if not smooth_um:
        return filled
    sigma = [smooth_um / size for size in _checked_sizes(pixel_size_um, smooth_um)]
    if smoothing == "gaussian":
        return _gaussian(filled.astype(np.float64), sigma).astype(np.float32)
    return _guided(filled.astype(np.float64), sigma, z_step_um).astype(np.float32)


def _checked_depth(depth_um: FloatMap, never_in_focus: BoolMap | None) -> tuple[FloatMap, BoolMap]:
    """Return a depth map, and where it means nothing."""
    given = np.asarray(depth_um)
    if given.dtype.kind not in "iuf":
        raise StackError(
            f"got a depth map of {given.dtype}; accepted are numbers in µm: give the depth "
            "map of a fusion."
        )
    depth = given.astype(np.float32)
    if depth.ndim != 2 or depth.size == 0:
        raise StackError(
            f"got a depth map of shape {depth.shape}; accepted is (Y, X). Choose one time point "
            "or position."
        )
    unknown = ~np.isfinite(depth)
    if never_in_focus is not None:
        unknown |= checked_mask(never_in_focus, depth.shape)
    if unknown.all():
        raise StackError(
            "no pixel of the depth map is known: all are marked as never in focus, or NaN. Lower "
            "the threshold of 'never in focus'."
        )
    return depth, unknown


def _checked_sizes(
    pixel_size_um: tuple[float, float] | None, smooth_um: float
) -> tuple[float, float]:
    """Return the size of a pixel, which smoothing needs."""
    if pixel_size_um is None:
        raise ConfigError(
            f"smooth_um={smooth_um:g} needs the size of a pixel, which is unknown: calibrate the "
            "image, type the size, or use 0."
        )
    if not all(np.isfinite(size) and size > 0 for size in pixel_size_um):
        raise ConfigError(
            f"pixel_size_um={pixel_size_um}; accepted are positive numbers of µm: calibrate the "
            "image."
        )
    return pixel_size_um


def _guided(depth: Float64Array, sigma: list[float], ridge_um: float) -> Float64Array:
    """Smooth where the variance around is below that of a step between planes."""
    mean = _gaussian(depth, sigma)
    # about its mean: the squares of large depths would swallow small differences
    level = float(depth.mean())
    square = _gaussian((depth - level) ** 2, sigma)
    variance = np.maximum(square - (mean - level) ** 2, 0)
    share = variance / (variance + ridge_um**2)
    rest = (1 - share) * mean
    smooth: Float64Array = _gaussian(share, sigma) * depth + _gaussian(rest, sigma)
    return smooth


def _gaussian(image: Float64Array, sigma: list[float]) -> Float64Array:
    """Return the local linear mean, weighted by a Gaussian, along one axis after the other."""
    for axis, width in enumerate(sigma):
        image = _linear_mean(image, width, axis)
    return image


def _linear_mean(image: Float64Array, width: float, axis: int) -> Float64Array:
    """Smooth along an axis by a straight line at each place: a slope has no bias at borders."""
    blur = partial(_blurred, width=width)
    place = np.arange(image.shape[axis]) - (image.shape[axis] - 1) / 2
    weight, first = blur(np.ones_like(place)), blur(place)
    lean = first - place * weight
    spread = blur(place**2) - 2 * place * first + place**2 * weight
    whole = spread * weight - lean**2
    if whole.min() <= 0:  # the Gaussian is narrower than a pixel, or there is one only
        return image
    column = (-1, 1) if axis == 0 else (1, -1)
    level, turn = spread / whole, lean / whole
    mean = blur(image, axis=axis)
    slope = blur(image * place.reshape(column), axis=axis) - place.reshape(column) * mean
    smooth: Float64Array = level.reshape(column) * mean - turn.reshape(column) * slope
    return smooth


def _blurred(values: Float64Array, width: float, axis: int = 0) -> Float64Array:
    """Return the sum about each place, weighted by a Gaussian, up to a factor of all places."""
    from scipy.ndimage import gaussian_filter1d

    # Beyond the image there is nothing: however wide the Gaussian, it ends there.
    reach = int(min(4 * width + 0.5, values.shape[axis] - 1))
    if values.ndim == 1 or reach <= WIDE_PX:
        sums: Float64Array = gaussian_filter1d(
            values, width, axis=axis, mode="constant", radius=reach
        )
        return sums
    from scipy.signal import fftconvolve

    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    shape = (-1, 1) if axis == 0 else (1, -1)
    kernel = (kernel / kernel.sum()).reshape(shape)
    wide: Float64Array = fftconvolve(values, kernel, mode="same", axes=axis)
    return wide
