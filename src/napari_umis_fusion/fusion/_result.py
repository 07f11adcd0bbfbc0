"""What a fusion gives: the all-in-focus image and the maps beside it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.preprocess.health import PlaneHealth
from napari_umis_fusion.stack import Calibration, Plane


@dataclass(frozen=True, slots=True, eq=False)
class FusionResult:
    """All-in-focus image, maps of shape (Y, X), and how they came about.

    Attributes
    ----------
    all_in_focus : ndarray of shape (Y, X) or (Y, X, C)
        In the dtype of the stack. With ``blend="select"`` every pixel is copied from the plane
        that `source_map` names, all channels alike; with "weighted" it is the mean of planes
        around the one that `index_map` names.
    index_map : ndarray, uint16
        The plane that is in focus at each pixel, count_noun from 0.
    sub_plane_map : ndarray, float32
        Where focus peaks along z, in planes: a parabola through three planes, within half a
        plane of `index_map`.
    confidence_map : ndarray, float32
        0 to 1: how far the chosen plane's focus stands above the best other plane's; 0 where
        verification overruled the sharpest plane.
    focus_map : ndarray, float32
        The highest focus of all planes, in units of the focus measure; for 'learned', which
        only compares planes, the focus of the all-in-focus image by the default measure.
    source_map : ndarray, uint16, or None
        The plane that each pixel was copied from; None where values are averaged. It is
        `index_map`, unless 'learned' with 'seams' copies from that plane whose value is nearest
        to the weighted mean.
    config : FusionConfig
        What was asked for.
    calibration : Calibration
        Physical sizes of the stack, as far as known.
    rgb : bool
        Whether the last axis of the image holds colour.
    provenance : dict
        Version, config, stack, weights and device: what it takes to do it again. JSON values.
    alignment : Alignment or None
        Where planes lay, and which were moved; None where that was not asked for. Values of
        planes that were moved, other than by whole pixels, are interpolated.
    window : tuple of slice, or None
        Rows and columns of the reference plane that the image shows; None: all of them.
    notes : tuple of str
        What a user should know, such as a fallback to the CPU.
    health : tuple of PlaneHealth
        What is known of each plane: whether it was left out, or scaled, and why.
    """

    all_in_focus: Plane
    index_map: NDArray[np.uint16]
    sub_plane_map: NDArray[np.float32]
    confidence_map: NDArray[np.float32]
    focus_map: NDArray[np.float32]
    source_map: NDArray[np.uint16] | None
    config: FusionConfig
    calibration: Calibration = field(default_factory=Calibration)
    rgb: bool = False
    provenance: dict[str, Any] = field(default_factory=dict)
    alignment: Alignment | None = None
    window: tuple[slice, slice] | None = None
    notes: tuple[str, ...] = ()
    health: tuple[PlaneHealth, ...] = ()

    def depth_map(self, z_step_um: float | None = None) -> NDArray[np.float32]:
        """Return the depth of each pixel below the first plane.

        Parameters
        ----------
        z_step_um : float, optional
            Distance between planes, in µm; by default the stack's own.

        Returns
        -------
        ndarray of shape (Y, X), float32
            In µm: `sub_plane_map` times the step.

        Raises
        ------
        ConfigError
            If the stack tells no step and none is given, or it is not positive and finite.
        """
        step = self.calibration.z_step_um if z_step_um is None else z_step_um
        if step is None:
            raise ConfigError(
                "the depth map needs the distance between planes, which this stack does not "
                "tell: give z_step_um in µm (command line: --z-step-um)."
            )
        if not (np.isfinite(step) and step > 0):
            raise ConfigError(f"z_step_um={step!r}; accepted is a positive number of µm.")
        depth: NDArray[np.float32] = self.sub_plane_map * np.float32(step)
        return depth

    def never_in_focus(self, threshold: float | None = None) -> NDArray[np.bool_]:
        """Return which pixels no plane shows in focus: their index and depth mean little.

        Parameters
        ----------
        threshold : float, optional
            Highest focus, in units of `focus_map`, below which a pixel counts as never in
            focus. By default the histogram of the logarithm of focus is cut in two [1]_, and
            nothing is marked if the two parts' means differ by less than a factor of 3.

        Returns
        -------
        ndarray of shape (Y, X), bool

        Notes
        -----
        Where the specimen has no detail nothing can be seen to be in focus: smooth areas are
        marked too.

        References
        ----------
        .. [1] Otsu, N., "A threshold selection method from gray-level histograms", IEEE TSMC
           9(1), 1979. https://doi.org/10.1109/TSMC.1979.4310076
        """
        if threshold is None:
            threshold = _gap_in(self.focus_map)
        return self.focus_map < threshold


MIN_FACTOR = 3.0
"""By how much focus and the lack of it differ at least."""


def _gap_in(focus: NDArray[np.float32]) -> float:
    """Return the focus that parts structure from emptiness, or 0 where there is no such gap."""
    from skimage.filters import threshold_otsu

    positive = focus[focus > 0]
    if positive.size == 0 or positive.min() == positive.max():
        return 0.0
    logarithm = np.log(positive)
    cut = float(threshold_otsu(logarithm))  # type: ignore[no-untyped-call]
    above, below = logarithm[logarithm > cut], logarithm[logarithm <= cut]
    if above.size == 0 or above.mean() - below.mean() < np.log(MIN_FACTOR):
        return 0.0
    return float(np.exp(cut))
