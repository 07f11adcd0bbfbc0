"""The result of a fusion: the all-in-focus image and its maps."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion.result._depth_steps import local_steps
from napari_umis_fusion.fusion.result._never_in_focus import (
    DepthFill,
    fill_depth,
    find_focus_threshold,
)
from napari_umis_fusion.fusion.result._override_map import load_overrides
from napari_umis_fusion.fusion.result._overrides import override, stack_of
from napari_umis_fusion.preprocess.health import PlaneHealth
from napari_umis_fusion.runtime import BoolMap, FloatMap, is_number, shown
from napari_umis_fusion.stack import Calibration, Plane


@dataclass(frozen=True, slots=True, eq=False)
class FusionResult:
    """All-in-focus image, maps of shape (Y, X), and their provenance.

    Attributes
    ----------
    all_in_focus : ndarray of shape (Y, X) or (Y, X, C)
        In the dtype of the stack. With ``blend="select"`` all channels of a pixel are copied from
        the plane in `source_map`; with "weighted" they are the mean of planes around the one in
        `index_map`.
    index_map : ndarray, uint16
        The plane that is in focus at each pixel, counted from 0.
    sub_plane_map : ndarray, float32
        Position of the focus peak along z, in planes, within half a plane of `index_map`: the
        peak of a parabola through the logarithms of three planes; where noise moves it further
        than the surface rises and falls, a plane through the peaks around. 'umis' has a parabola
        through focus itself. 'learned' with "seams" decides on the plane of the depth apart: beside
        the edges of objects, it is that of the surface, where `index_map` is that of the values.
    confidence_map : ndarray, float32
        1 - (best other focus) / (focus of the chosen plane), 0 to 1; 0 where verification chose a
        plane other than the sharpest or an island was mended, at most 0.1 where one is doubtful.
    focus_map : ndarray, float32
        The highest focus of all planes, in units of the focus measure; for 'learned', which
        only compares planes, the focus of the all-in-focus image measured with 'laplacian'.
    source_map : ndarray, uint16, or None
        The plane from which each pixel was copied; None if values are averaged. It equals
        `index_map`, except that 'learned' with 'seams' copies from the plane whose value is
        nearest to the weighted mean.
    config : FusionConfig
        Options of the fusion.
    calibration : Calibration
        Physical sizes of the stack, as far as known.
    rgb : bool
        Whether the last axis of the image holds colour.
    provenance : dict
        Version, config, stack, weights and device, as JSON values: what is needed to reproduce
        the result.
    alignment : Alignment or None
        How planes were aligned; None if that was not asked for. Values of planes that were moved,
        except by whole pixels, are interpolated.
    window : tuple of slice, or None
        Rows and columns of the reference plane that the image shows; None: all of them.
    notes : tuple of str
        Notes for the user, such as a fallback to the CPU.
    health : tuple of PlaneHealth
        What is known of each plane: whether it was left out or scaled, and why.
    overrides : ndarray of shape (Y, X), uint16, or None
        Where the plane was chosen by hand: k + 1 for plane k, 0 elsewhere; there, the confidence
        is 1. None without such pixels.
    automatic : FusionResult or None
        The result without overrides; None if it is this one.
    sub_plane_error_map : ndarray, float32, or None
        Standard error of `sub_plane_map` in planes, if ``depth_error`` asked for it. It is that of
        the peak at the chosen plane: a plane that is wrong altogether, as beside the edge of an
        object in front, has no part in it. NaN where nothing was fitted: planes chosen by hand,
        mended islands, pixels that no plane shows.
    """

    all_in_focus: Plane
    index_map: NDArray[np.uint16]
    sub_plane_map: FloatMap
    confidence_map: FloatMap
    focus_map: FloatMap
    source_map: NDArray[np.uint16] | None
    config: FusionConfig
    calibration: Calibration = field(default_factory=Calibration)
    rgb: bool = False
    provenance: dict[str, Any] = field(default_factory=dict)
    alignment: Alignment | None = None
    window: tuple[slice, slice] | None = None
    notes: tuple[str, ...] = ()
    health: tuple[PlaneHealth, ...] = ()
    overrides: NDArray[np.uint16] | None = None
    automatic: "FusionResult | None" = None
    sub_plane_error_map: FloatMap | None = None

    def with_notes(self, *notes: str) -> "FusionResult":
        """Return the result with notes after all others, in its provenance too."""
        said = [*self.notes, *notes]
        return replace(self, notes=tuple(said), provenance={**self.provenance, "notes": said})

    def with_overrides(self, stack: Any, overrides: Any) -> "FusionResult":
        """Return the result with planes chosen by hand, instead of those chosen so before.

        Only the rectangle around what has changed is composed anew.

        Parameters
        ----------
        stack : array-like, Stack or path
            The stack that was fused, as `fuse` accepts it; it is aligned as it was then.
        overrides : array-like of shape (Y, X) of whole numbers, or path
            0: as decided; k + 1: the value of plane k. Of the result, or of the whole planes where
            alignment cropped it. With ``blend="weighted"``, the plane fades out over 2 to 4 pixels
            around, the more the more its border would show. Where the aligned plane shows nothing,
            all stays as decided, with a note.

        Returns
        -------
        FusionResult
            This one, if nothing changes.

        Raises
        ------
        ConfigError
            If the overrides have another shape, or name a plane that the stack does not have.
        StackError
            If it is not the stack that was fused.

        Examples
        --------
        >>> import numpy as np
        >>> from napari_umis_fusion import fuse
        >>> from napari_umis_fusion.synthetic import make_stack
        >>> stack = make_stack("bumps", (64, 64), planes=4).stack
        >>> chosen = np.zeros((64, 64), np.uint16)
        >>> chosen[20:30, 20:30] = 3 + 1
        >>> result = fuse(stack, focus_measure="laplacian").with_overrides(stack, chosen)
        >>> bool((result.index_map[20:30, 20:30] == 3).all())
        True
        """
        aligned = stack_of(self, stack)
        return override(self, aligned, load_overrides(overrides, aligned))

    def depth_map(
        self, z_step_um: float | None = None, *, never_in_focus: DepthFill = "decided"
    ) -> FloatMap:
        """Return the depth of each pixel below the first plane.

        Parameters
        ----------
        z_step_um : float, optional
            Distance between planes, in µm; by default the stack's own.
        never_in_focus : {"decided", "around", "none"}
            Depth where no plane shows detail: as decided, interpolated smoothly from around, or
            none (NaN).

        Returns
        -------
        ndarray of shape (Y, X), float32
            In µm: `sub_plane_map` times the step; where the steps of the stack are uneven, and
            none is given, between the positions of the planes.

        Raises
        ------
        ConfigError
            If the step is unknown, or not positive and finite.
        """
        depth = self._depth(z_step_um)
        if never_in_focus == "decided":
            return depth
        return fill_depth(depth, self.never_in_focus(), never_in_focus)

    def _depth(self, z_step_um: float | None) -> FloatMap:
        positions = self.calibration.z_positions_um
        if z_step_um is None and positions is not None:
            between = np.interp(self.sub_plane_map, np.arange(len(positions)), positions)
            return between.astype(np.float32)
        depth: FloatMap = self.sub_plane_map * np.float32(self._step_um(z_step_um))
        return depth

    def _step_um(self, z_step_um: float | None) -> float:
        step = self.calibration.z_step_um if z_step_um is None else z_step_um
        if step is None:
            raise ConfigError(
                "the depth map needs the distance between planes, which is unknown for this "
                "stack: give z_step_um in µm (command line: --z-step-um)."
            )
        if not (is_number(step) and step > 0):
            raise ConfigError(f"z_step_um={step!r}; accepted is a positive number of µm.")
        return step

    def depth_error_map(self, z_step_um: float | None = None) -> FloatMap:
        """Return the standard error of the depth of each pixel.

        Parameters
        ----------
        z_step_um : float, optional
            Distance between planes, in µm; by default the stack's own.

        Returns
        -------
        ndarray of shape (Y, X), float32
            In µm: `sub_plane_error_map` times the step, or times the step at that depth where the
            steps of the stack are uneven.

        Raises
        ------
        ConfigError
            If the error was not asked for, or the step is unknown, or not positive and finite.
        """
        if self.sub_plane_error_map is None:
            raise ConfigError(
                "the error of the depth was not estimated; fuse with depth_error=True (command "
                "line: --depth-error)."
            )
        positions = self.calibration.z_positions_um
        if z_step_um is not None or positions is None:
            return self.sub_plane_error_map * np.float32(self._step_um(z_step_um))
        return self.sub_plane_error_map * local_steps(self.sub_plane_map, positions)

    def never_in_focus(self, threshold: float | None = None) -> BoolMap:
        """Return the pixels that no plane shows in focus: their index and depth mean little.

        Parameters
        ----------
        threshold : float, optional
            Focus, in units of `focus_map`, below which a pixel was never in focus; by default that
            of `find_focus_threshold`.

        Returns
        -------
        ndarray of shape (Y, X), bool

        Raises
        ------
        ConfigError
            If the threshold is no finite number.

        Notes
        -----
        Without detail, nobody can tell whether a specimen is in focus: smooth areas are marked
        too.
        """
        if threshold is None:
            threshold = find_focus_threshold(self.focus_map)
        if not is_number(threshold):
            raise ConfigError(f"threshold={shown(threshold)}; accepted is a finite number.")
        never = self.focus_map < threshold
        # Who chose a plane saw something in it.
        return never if self.overrides is None else never & (self.overrides == 0)
