"""Register two planes: tiles are correlated, and a transform is fitted robustly to their shifts.

Planes at different focus are similar in some places and not in others, and dust on the sensor
stands still while the specimen moves. Many small tiles, of which only the inliers determine the
fit, are therefore more reliable than one correlation of whole planes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment._fit import MIN_TILES, TransformFit, TransformModel, fit_shifts
from napari_umis_fusion.alignment._pyramid import Pyramid, PyramidLevel
from napari_umis_fusion.alignment._still_majority import still_share
from napari_umis_fusion.alignment._tile_shifts import Shifts, shift_of_all
from napari_umis_fusion.alignment._transforms import (
    Points,
    Transform,
    apply,
    compose,
    identity,
    rescaled,
)

_TOLERANCE_PX = (3.0, 1.0)
"""Residuals that inlier tiles may have from the fit, in the iterations of a level."""

_LAST_TOLERANCE_PX = 0.4
"""The same for a last iteration at the finest level: tiles that contain dust are off by some tenths
of a pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class Correspondences:
    """Corresponding points of two planes, one pair for each tile.

    Attributes
    ----------
    here, there : ndarray of shape (N, 2)
        Points of the first and of the other plane, in pixels of the planes.
    weights : ndarray of shape (N,)
        Weight of each pair in the fit of the transform.
    error_px : float
        Standard error of that transform in the corners.
    pixel_px : int
        Width of a compared pixel, in pixels of the plane.
    """

    here: Points
    there: Points
    weights: NDArray[np.float64]
    error_px: float
    pixel_px: int

    @classmethod
    def of(
        cls, shifts: Shifts, local: Transform, fit: TransformFit, factor: int
    ) -> "Correspondences":
        """Make them of the shifts against a plane moved by `local`, both in pixels of a level."""
        there = apply(local, shifts.centres + shifts.shifts)
        middle = (factor - 1) / 2  # offset of pixel centres between the level and the plane
        here, there = (factor * places + middle for places in (shifts.centres, there))
        return cls(here, there, fit.weights, factor * fit.error_px, factor)


@dataclass(frozen=True, slots=True, eq=False)
class PlaneMatch:
    """The transform between two planes, and the agreement of their tiles.

    Attributes
    ----------
    transform : ndarray of shape (2, 3)
        From points of the first plane to those of the other, in pixels of the planes.
    error_px : float
        Standard error of `transform` in the corners.
    before, after : ndarray of float64
        Correlation of each tile, -1 to 1: as recorded, and moved by `transform`.
    weights : ndarray of float64
        How much of each tile is in focus in both planes; see `Shifts`.
    pixel_px : int
        Width of a compared pixel, in pixels of the plane.
    correspondences : Correspondences or None
        The points that `transform` was fitted to.
    still_share : float
        Share of the picture that agrees better where it is, 0 to 1; see `still_share`.
    """

    transform: Transform
    error_px: float
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    weights: NDArray[np.float64]
    pixel_px: int = 1
    correspondences: Correspondences | None = None
    still_share: float = 0.0

    @property
    def tiles(self) -> int:
        """Number of tiles that both planes contain."""
        return len(self.before)

    @property
    def certainty(self) -> float:
        """Mean improvement of the tiles' correlation by the transform, in its standard errors."""
        better = self.after - self.before
        if len(better) < MIN_TILES:
            return 0.0
        shares = self.weights / self.weights.sum()
        mean = float(shares @ better)
        error = math.sqrt(float(shares**2 @ (better - mean) ** 2))
        return mean / max(error, 1e-4)

    @property
    def agreement(self) -> tuple[float, float]:
        """Mean correlation of tiles before and after, weighted by focus."""
        shares = self.weights / self.weights.sum()
        return float(shares @ self.before), float(shares @ self.after)


NO_MATCH = PlaneMatch(identity(), np.inf, *np.empty((3, 0)))
"""The match of planes without common detail."""


def match_planes(
    first: Pyramid,
    other: Pyramid,
    model: TransformModel,
    start: Transform | None = None,
    check: Callable[[], object] = lambda: None,
) -> PlaneMatch:
    """Estimate the transform from points of `first` to those of `other`.

    Parameters
    ----------
    first, other : Pyramid
        Planes of equal shape.
    model : {"translation", "similarity", "affine"}
        The model to fit.
    start : ndarray of shape (2, 3), optional
        Initial transform, in pixels of the planes; by default a shift is searched for at the
        coarsest level.
    check : callable
        Called once per fit; may raise to cancel.

    Returns
    -------
    PlaneMatch
        `NO_MATCH` if there are too few inlier tiles.
    """
    levels = list(zip(first.levels, other.levels, strict=True))
    if start is None:
        found = _search(*levels[0])
    else:  # as good as the estimate of the coarse levels
        found, levels = start, levels[-1:]
    error_px, correspondences = np.inf, None
    for here, there in levels:
        last = (_LAST_TOLERANCE_PX,) if here is first.levels[-1] else ()
        for tolerance_px in (*_TOLERANCE_PX, *last):
            check()
            local = rescaled(found, here.factor)
            shifts = here.tiles.paired_with(there.tiles, local).shifts()
            fit = fit_shifts(shifts, model, here.image.shape, tolerance_px)
            if fit is None:
                break
            error_px = fit.error_px * here.factor
            correspondences = Correspondences.of(shifts, local, fit, here.factor)
            found = rescaled(compose(local, fit.transform), 1 / here.factor)
    if not np.isfinite(error_px):
        return NO_MATCH
    recorded, moved = (
        here.tiles.paired_with(there.tiles, rescaled(motion, here.factor))
        for motion in (identity(), found)
    )
    shared = np.isfinite(recorded.correlations) & np.isfinite(moved.correlations)
    trust = np.minimum(recorded.trust, moved.trust)
    weights = (np.maximum(recorded.sharpness, moved.sharpness) * trust)[shared]
    before, after = recorded.correlations[shared], moved.correlations[shared]
    still = still_share(first, other, found)
    return PlaneMatch(found, error_px, before, after, weights, here.factor, correspondences, still)


def _search(here: PyramidLevel, there: PyramidLevel) -> Transform:
    """Return the shift between two whole coarse planes, in pixels of the planes."""
    return np.column_stack([np.eye(2), shift_of_all(here.image, there.image) * here.factor])
