"""Blur in Fourier space for many small stacks, which share a table of transfer functions.

Fields are square and periodic; what wraps around is within the margin that is cut off.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
import scipy.special
from numpy.typing import NDArray

from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic._config import Psf
from napari_umis_fusion.synthetic._defocus import SLAB_STEP_PX

Spectrum = NDArray[np.complex64]

SOFT_EDGE = 0.12
"""Sigma of the blur of the edge of a disc, relative to its radius: real discs of confusion have no
hard edge."""

MAX_SLABS = 12
"""Slabs into which the range of depth of a surface is cut at most; two more may exceed its ends."""


@lru_cache(8)
def frequencies(side: int) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return radial (Y, X), vertical (Y, 1) and horizontal (1, X) frequency in cycles per px."""
    along_y = np.fft.fftfreq(side).astype(np.float32)[:, None]
    along_x = np.fft.rfftfreq(side).astype(np.float32)[None, :]
    return np.hypot(along_y, along_x), along_y, along_x


def to_spectrum(field: Float32Array) -> Spectrum:
    """Return the transform of a square real field."""
    spectrum: Spectrum = scipy.fft.rfft2(np.asarray(field, np.float32))
    return spectrum


def to_field(spectrum: NDArray[Any], side: int) -> Float32Array:
    """Return the real field of a spectrum."""
    field: Float32Array = scipy.fft.irfft2(spectrum, (side, side))
    return field


def defocus_transfer(side: int, psf: Psf, radius_px: float) -> Float32Array:
    """Return the transfer function of defocus, with the radius rounded to a step of the table."""
    # Finer steps for small radii, where the relative error would be larger.
    step = 4 if radius_px >= 2 else 16
    return _defocus_transfer(side, psf, round(radius_px * step) / step)


@lru_cache(1024)
def _defocus_transfer(side: int, psf: Psf, radius_px: float) -> Float32Array:
    frequency = frequencies(side)[0]
    if radius_px == 0:
        return np.ones_like(frequency)
    if psf == "gaussian":
        return gaussian_transfer(side, radius_px / 2)
    # J1(x) / x has a limit at 0, but cannot be evaluated there.
    phase = np.maximum(2 * np.pi * radius_px * frequency, 1e-4)
    airy = 2 * scipy.special.j1(phase) / phase
    return np.asarray(airy * gaussian_transfer(side, SOFT_EDGE * radius_px), np.float32)


def gaussian_transfer(side: int, sigma_px: float) -> Float32Array:
    """Return the transfer function of a Gaussian."""
    return np.asarray(np.exp(-2 * (np.pi * sigma_px * frequencies(side)[0]) ** 2), np.float32)


def smoothed(field: Float32Array, sigma_px: float) -> Float32Array:
    """Return a square field convolved with a Gaussian."""
    if sigma_px == 0:
        return field
    side = len(field)
    return to_field(to_spectrum(field) * gaussian_transfer(side, sigma_px), side)


def shift_factor(side: int, dy_px: float, dx_px: float) -> Spectrum:
    """Return the factor of a spectrum that shifts its field, also by fractions of a pixel."""
    _, along_y, along_x = frequencies(side)
    return np.exp(-2j * np.pi * (along_y * dy_px + along_x * dx_px)).astype(np.complex64)


def cut_into_slabs(
    depth: float | Float32Array, slope_px_per_plane: float
) -> list[tuple[float, Float32Array | None]]:
    """Cut a surface into slabs of constant depth.

    Returns
    -------
    list of (float, ndarray or None)
        Depth in planes, and the weight of every pixel; weights sum to 1. None stands for 1.
    """
    if np.ndim(depth) == 0:
        return [(float(np.float32(depth)), None)]
    span = float(np.ptp(depth))
    step = max(SLAB_STEP_PX / slope_px_per_plane, span / MAX_SLABS, 1e-3)
    steps = np.asarray(depth, np.float32) / np.float32(step)
    nodes = range(math.floor(float(steps.min())), math.ceil(float(steps.max())) + 1)
    slabs = ((k * step, np.maximum(0, 1 - np.abs(steps - np.float32(k)))) for k in nodes)
    return [(place, weight) for place, weight in slabs if weight.any()]
