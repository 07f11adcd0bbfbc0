"""The camera: flicker, haze, photon and read noise, rounding, clipping."""

from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic._config import RenderConfig
from napari_umis_fusion.synthetic._textures import enlarge

# One random stream each, so that switching one on does not change the others.
_FLICKER, _HAZE, _NOISE = range(3)


def plane_gain(config: RenderConfig, z: int) -> float:
    """Return the gain of plane `z`: 1 without flicker."""
    draw = np.random.default_rng([config.seed, _FLICKER, z]).standard_normal()
    return float(max(0.0, 1 + config.flicker * draw))


def haze_gain(config: RenderConfig, sub_plane_map: Float32Array, z: int) -> Float32Array:
    """Return a gain (Y, X) that is 1 in focus and varies smoothly with position and defocus."""
    shape = sub_plane_map.shape
    defocus = np.abs(sub_plane_map - z)
    defocus = scipy.ndimage.gaussian_filter(defocus, min(shape) / 32, mode="reflect")
    coarse = np.random.default_rng([config.seed, _HAZE]).standard_normal((2, 4, 4), np.float32)
    near, far = (enlarge(part, shape) for part in coarse)
    phase = np.pi * z / max(config.planes - 1, 1)
    drift = np.cos(phase) * near + np.sin(phase) * far
    gain = 1 + config.haze * drift * defocus / (1 + defocus)
    return np.asarray(np.maximum(gain, 0), np.float32)


def expose(light: Float32Array, config: RenderConfig, z: int) -> NDArray[Any]:
    """Return plane `z` in the config's dtype, with noise; integers are rounded and clipped."""
    return _to_dtype(digitise(_add_noise(light, config, z), config), config.dtype)


def digitise(light: Float32Array, config: RenderConfig) -> Float32Array:
    """Convert light to grey levels, float32, clipped to the limits of an integer dtype."""
    grey = light * np.float32(config.grey_span) + np.float32(config.offset)
    if np.issubdtype(np.dtype(config.dtype), np.integer):
        limits = np.iinfo(config.dtype)
        grey = np.clip(grey, limits.min, limits.max)
    return grey


def _add_noise(light: Float32Array, config: RenderConfig, z: int) -> Float32Array:
    if config.photon_electrons is None:
        return light
    rng = np.random.default_rng([config.seed, _NOISE, z])
    full = np.float32(config.photon_electrons)
    # Interpolation may leave slightly negative light.
    electrons = rng.poisson(np.maximum(light, 0) * full).astype(np.float32)
    if config.read_electrons:
        noise = rng.standard_normal(light.shape, np.float32)
        electrons += np.float32(config.read_electrons) * noise
    return electrons / full


def _to_dtype(grey: Float32Array, dtype: str) -> NDArray[Any]:
    is_integer = np.issubdtype(np.dtype(dtype), np.integer)
    return (np.rint(grey) if is_integer else grey).astype(dtype)
