"""Correct the illumination and the sensor defects of aligned grey images."""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment._common_window import Window
from napari_umis_fusion.alignment._transforms import is_identity
from napari_umis_fusion.preprocess.illumination import Defects, Illumination


class PlaneLighting:
    """Corrects the grey images for the focus measure, in one rectangle of the reference plane.

    Parameters
    ----------
    transforms : ndarray of shape (Z, 2, 3)
        As in `Alignment`.
    window : tuple of slice
        Rows and columns of the reference plane that grey images cover.
    illumination : Illumination or None
        Illumination of the planes, in the grey levels of the images; None if it is uniform.
    defects : Defects or None
        Defects in sensor coordinates; None if there are none.
    """

    def __init__(
        self,
        transforms: NDArray[np.float64],
        window: Window,
        illumination: Illumination | None,
        defects: Defects | None,
    ) -> None:
        self._transforms = transforms
        self._window = window
        self._illumination = illumination
        self._defects = defects
        self._still: Defects | None = None

    def correct(self, grey: NDArray[np.float32], z: int) -> None:
        """Fill defects in the grey image of plane `z`, and correct its illumination."""
        defects = self._defects_in(z)
        if defects is not None:
            defects.fill(grey)
        if self._illumination is not None:
            self._illumination.correct(grey, z)

    def _defects_in(self, z: int) -> Defects | None:
        """Return the sensor defects in the registered plane `z`.

        They are shared by all planes that are not moved, so that the equations that fill them
        are solved only once.
        """
        if self._defects is None:
            return None
        transform = self._transforms[z]
        if not is_identity(transform):
            return self._defects.corrected_view(transform, *self._window)
        if self._still is None:
            self._still = self._defects.corrected_view(transform, *self._window)
        return self._still
