"""Grey images of planes put in place, brought to one light and freed of the sensor's defects."""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment._common_window import Window
from napari_umis_fusion.alignment._transforms import is_identity
from napari_umis_fusion.preprocess.illumination import Defects, Illumination


class PlaneLighting:
    """Corrects what the focus measure sees of planes, a rectangle of each.

    Parameters
    ----------
    transforms : ndarray of shape (Z, 2, 3)
        Where planes lie; see `Alignment`.
    window : tuple of slice
        Rows and columns of the reference plane that grey images show.
    illumination : Illumination or None
        How planes are lit, in the grey levels of the images; None if all alike.
    defects : Defects or None
        As the sensor has them.
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
        """Fill defects in the grey image of plane `z`, and bring it to the reference light."""
        defects = self._defects_in(z)
        if defects is not None:
            defects.fill(grey)
        if self._illumination is not None:
            self._illumination.correct(grey, z)

    def _defects_in(self, z: int) -> Defects | None:
        """Return where the defects of the sensor lie in plane `z`.

        They are the same in all planes that were not moved: the equations that fill them are
        then solved once.
        """
        if self._defects is None:
            return None
        transform = self._transforms[z]
        if not is_identity(transform):
            return self._defects.corrected_view(transform, *self._window)
        if self._still is None:
            self._still = self._defects.corrected_view(transform, *self._window)
        return self._still
