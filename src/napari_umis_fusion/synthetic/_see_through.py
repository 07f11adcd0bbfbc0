"""Scenes that show two things in focus at one pixel: what a preference along z decides between."""

import numpy as np
import scipy.ndimage

from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic._scene import Layer, Scene
from napari_umis_fusion.synthetic._textures import fractal_noise


def transparent_pair(
    shape: tuple[int, int], front: float, back: float, *, opacity: float = 0.5, seed: int = 0
) -> Scene:
    """Return a textured layer that is transparent, before another one.

    Parameters
    ----------
    shape : tuple of int
        (Y, X).
    front, back : float
        The plane in which each layer is in focus.
    opacity : float
        Of the layer in front, 0 to 1; at 1/2 both show equal contrast.
    seed : int
        Seed of the textures.

    Returns
    -------
    Scene
        Its layers from back to front.
    """
    rng = np.random.default_rng(seed)
    behind, before = (fractal_noise(rng, shape, 0.9) for _ in range(2))
    return Scene((Layer(behind, back), Layer(before, front, np.full(shape, opacity, np.float32))))


def shining_through(shape: tuple[int, int], front: float, back: float, *, seed: int = 0) -> Scene:
    """Return opaque blobs of weak texture before a background of three times their contrast.

    In focus they hide the background. Out of focus their edges let it through, and it shows more
    contrast there than they do themselves.

    Parameters
    ----------
    shape : tuple of int
        (Y, X).
    front, back : float
        The plane in which the blobs and the background are in focus.
    seed : int
        Seed of textures and blobs.

    Returns
    -------
    Scene
        Its layers from back to front; the opacity of the second says where the blobs are.
    """
    rng = np.random.default_rng(seed)
    behind = _with_contrast(fractal_noise(rng, shape, 0.8), 1.5)
    before = _with_contrast(fractal_noise(rng, shape, 0.8), 0.5)
    hills = scipy.ndimage.gaussian_filter(rng.standard_normal(shape), 9, mode="wrap")
    cover = (hills > np.median(hills)).astype(np.float32)
    return Scene((Layer(behind, back), Layer(before, front, cover)))


def _with_contrast(texture: Float32Array, gain: float) -> Float32Array:
    changed = np.float32(0.5) + np.float32(gain) * (texture - np.float32(0.5))
    return np.asarray(np.clip(changed, 0, 1), np.float32)
