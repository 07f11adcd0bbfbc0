"""The objective of the simulated microscope: how it blurs light with defocus."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
import scipy.special

from napari_umis_fusion.runtime import Float32Array

_SAMPLES = 8192
"""Samples of the radial transfer function, some 200 to each of its oscillations."""


@dataclass(frozen=True)
class Optics:
    """An objective and the pixels of the camera behind it.

    Attributes
    ----------
    aperture : float
        Numerical aperture.
    wavelength_um : float
        Wavelength of the light, in µm.
    index : float
        Refractive index between objective and sample.
    pixel_um : float
        Side of a pixel, in µm of the sample.
    """

    aperture: float = 0.3
    wavelength_um: float = 0.55
    index: float = 1.0
    pixel_um: float = 0.65

    @property
    def depth_of_field_um(self) -> float:
        """Depth of field in µm: the wave's part, ``n λ / NA²``, and the pixel's, ``n e / NA``.

        See Inoué, S., Spring, K. R., "Video Microscopy", 2nd ed., Plenum 1997, chapter 2.
        """
        wave = self.index * self.wavelength_um / self.aperture**2
        return wave + self.index * self.pixel_um / self.aperture

    @property
    def blur_px_per_um(self) -> float:
        """Radius of the blur disc, in pixels for each µm of defocus."""
        return self.aperture / self.index / self.pixel_um

    @cached_property
    def _frequencies(self) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        """Cycles per pixel, to the corner of the spectrum."""
        return np.linspace(0, np.sqrt(0.5), _SAMPLES)

    @cached_property
    def _in_focus(self) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        """Contrast that the lens transfers in focus: 0 beyond its cutoff."""
        half = np.minimum(self._share_of_cutoff, 1)
        return np.asarray(2 / np.pi * (np.arccos(half) - half * np.sqrt(1 - half**2)))

    @cached_property
    def _share_of_cutoff(self) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        cutoff = 2 * self.aperture / self.wavelength_um * self.pixel_um
        return self._frequencies / cutoff

    def transfer(self, defocus_um: float) -> Float32Array:
        """Return the contrast that the lens transfers, for each of the radial frequencies.

        The transfer function of a circular aperture, times that of the blur disc of geometrical
        optics with Stokseth's correction for diffraction [1]_. It is smooth in defocus, also at
        focus, so that curves of focus have a rounded top.

        References
        ----------
        .. [1] Stokseth, P. A., "Properties of a defocused optical system", JOSA 59(10), 1969.
           https://doi.org/10.1364/JOSA.59.001314
        """
        radius = self.blur_px_per_um * abs(defocus_um)
        phase = 2 * np.pi * radius * self._frequencies * np.maximum(1 - self._share_of_cutoff, 0)
        disc = 2 * scipy.special.j1(phase) / np.where(phase == 0, 1, phase)
        return np.asarray(self._in_focus * np.where(phase == 0, 1, disc), np.float32)


def radial_index(padded: tuple[int, int]) -> "np.ndarray[tuple[int, int], np.dtype[np.int32]]":
    """Return, for each coefficient of a half spectrum, the sample of its radial frequency."""
    rows = scipy.fft.fftfreq(padded[0])[:, None]
    columns = scipy.fft.rfftfreq(padded[1])
    samples = np.hypot(rows, columns) * ((_SAMPLES - 1) / np.sqrt(0.5))
    return np.asarray(np.minimum(np.rint(samples), _SAMPLES - 1), np.int32)
