"""Defocus blur of the layers of a scene in each plane.

A layer of varying depth is cut into slabs of constant depth, whose weights are hat functions that
sum to one at every pixel, so that there are no seams. Each slab is blurred with its point spread
function, and the slabs are summed in Fourier space: one transform per slab and one per plane.
"""

import math
from collections.abc import Iterator

import numpy as np
import scipy.fft

from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic._config import Psf, RenderConfig
from napari_umis_fusion.synthetic._scene import Layer

Slab = tuple[float, Float32Array | None]
"""Depth in planes, and the weight of every pixel (None: 1)."""

SLAB_STEP_PX = 0.5
"""Largest difference between the blur radii of neighbouring slabs."""


def blur_kernel(psf: Psf, radius_px: float) -> Float32Array:
    """Return the defocus blur of a point, sampled by pixels.

    Exact for pixels that integrate light over their area: the continuous disc or Gaussian is
    convolved with a triangle of the width of a pixel, so that it grows smoothly from one pixel at
    radius 0.

    Parameters
    ----------
    psf : {"disc", "gaussian"}
        The sigma of the Gaussian is half the radius, which gives the variance of the disc.
    radius_px : float
        Radius of the disc, in pixels.

    Returns
    -------
    ndarray of float32, shape (2 n + 1, 2 n + 1)
        Symmetric and non-negative, with sum 1.
    """
    if radius_px == 0:
        return np.ones((1, 1), np.float32)
    reach = kernel_reach(psf, radius_px)
    extent = radius_px if psf == "disc" else 2 * radius_px
    # At least 8 points per pixel.
    half = max(16, math.ceil(8 * extent))
    points = (np.arange(-half, half) + 0.5) * (extent / half)
    triangle = np.maximum(0, 1 - np.abs(points[:, None] - np.arange(-reach, reach + 1)))
    if psf == "disc":
        inside = points[:, None] ** 2 + points**2 <= radius_px**2
        kernel = triangle.T @ inside @ triangle
    else:
        line = np.exp(-2 * (points / radius_px) ** 2) @ triangle
        kernel = line[:, None] * line
    return np.asarray(kernel / kernel.sum(), np.float32)


def kernel_reach(psf: Psf, radius_px: float) -> int:
    """Return the radius of the blur kernel, in whole pixels."""
    return 0 if radius_px == 0 else math.ceil(radius_px if psf == "disc" else 2 * radius_px)


def slabs(layer: Layer, slope_px_per_plane: float) -> list[Slab]:
    """Cut a layer into slabs of constant depth whose weights sum to 1 at every pixel."""
    if np.ndim(layer.depth) == 0:
        return [(float(layer.depth), None)]
    per_plane = max(1, math.ceil(slope_px_per_plane / SLAB_STEP_PX))
    steps = layer.depth_map * per_plane
    nodes = range(math.floor(steps.min()), math.ceil(steps.max()) + 1)
    weighted = ((k / per_plane, np.maximum(0, 1 - np.abs(steps - k))) for k in nodes)
    return [(depth, weight) for depth, weight in weighted if weight.any()]


class Defocus:
    """Blurs fields of one shape by the defocus of each plane; borders are mirrored.

    Parameters
    ----------
    shape : tuple of int
        (Y, X).
    config : RenderConfig
        Planes, slope and point spread function.
    depths : tuple of float
        The smallest and the largest depth that occur, in planes.
    """

    def __init__(
        self, shape: tuple[int, ...], config: RenderConfig, depths: tuple[float, float]
    ) -> None:
        self._config = config
        farthest = max(depths[1], config.planes - 1 - depths[0])
        self._margin = kernel_reach(config.psf, config.slope_px_per_plane * farthest)
        self._shape = shape
        # Padded, since the transform is periodic and blur must not wrap around.
        self._padded = tuple(scipy.fft.next_fast_len(n + 2 * self._margin, True) for n in shape)
        self._transfers: dict[float, Float32Array] = {}

    def planes(self, field: Float32Array, cut: list[Slab]) -> Iterator[Float32Array]:
        """Yield the blurred `field` (Y, X) of each plane, float32, from the first to the last."""
        spectra = [
            (depth, self._spectrum(field if weight is None else field * weight))
            for depth, weight in cut
        ]
        part = np.empty_like(spectra[0][1])
        for z in range(self._config.planes):
            total = np.zeros_like(part)
            for depth, spectrum in spectra:
                total += np.multiply(spectrum, self._transfer(abs(depth - z)), out=part)
            yield self._crop(scipy.fft.irfft2(total, self._padded))

    def _spectrum(
        self, field: Float32Array
    ) -> "np.ndarray[tuple[int, int], np.dtype[np.complex64]]":
        margins = [
            (self._margin, padded - n - self._margin)
            for n, padded in zip(self._shape, self._padded, strict=True)
        ]
        padded: np.ndarray[tuple[int, int], np.dtype[np.complex64]] = scipy.fft.rfft2(
            np.pad(field, margins, mode="symmetric")
        )
        return padded

    def _transfer(self, defocus: float) -> Float32Array:
        # Rounded, so that equal radii share one transfer function.
        radius = round(self._config.slope_px_per_plane * defocus, 6)
        if radius not in self._transfers:
            kernel = blur_kernel(self._config.psf, radius)
            reach = kernel.shape[0] // 2
            point = np.zeros(self._padded, np.float32)
            point[: 2 * reach + 1, : 2 * reach + 1] = kernel
            # The kernel is symmetric about the origin, so its transform is real.
            transfer = scipy.fft.rfft2(np.roll(point, (-reach, -reach), (0, 1))).real
            self._transfers[radius] = np.ascontiguousarray(transfer)
        return self._transfers[radius]

    def _crop(self, padded: Float32Array) -> Float32Array:
        m, (height, width) = self._margin, self._shape
        return padded[m : m + height, m : m + width]
