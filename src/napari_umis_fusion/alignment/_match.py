"""How two planes lie on one another: tiles are correlated, and a transform is fitted to them.

Planes at different focus look alike in some places and not in others, and dust on the sensor
stands still while the specimen moves: many small tiles, of which those that agree are believed,
are safer than one correlation of everything.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment._fit import MIN_TILES, TransformFit, TransformModel, fit_shifts
from napari_umis_fusion.alignment._pyramid import Pyramid, PyramidLevel
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
"""How far from the fit tiles may be that are believed, in the rounds of a level."""

_LAST_TOLERANCE_PX = 0.4
"""Of one more round at the finest level: tiles with dust in them are some tenths off."""


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """What tiles of one plane show, and where that is in another.

    Attributes
    ----------
    here, there : ndarray of shape (N, 2)
        Places in either plane, in its pixels.
    weights : ndarray of shape (N,)
        How much each counted where a transform was fitted to all.
    error_px : float
        Standard error of that transform in the corners.
    pixel_px : int
        How many pixels of the plane are one of those that were compared, along a side.
    """

    here: Points
    there: Points
    weights: NDArray[np.float64]
    error_px: float
    pixel_px: int

    @classmethod
    def of(cls, shifts: Shifts, local: Transform, fit: TransformFit, factor: int) -> "Sightings":
        """Tell what was seen of shifts against a plane moved by `local`, both in a level."""
        there = apply(local, shifts.centres + shifts.shifts)
        middle = (factor - 1) / 2  # of the pixels that are one of the level
        here, there = (factor * places + middle for places in (shifts.centres, there))
        return cls(here, there, fit.weights, factor * fit.error_px, factor)


@dataclass(frozen=True, slots=True, eq=False)
class PlaneMatch:
    """What the tiles of two planes tell.

    Attributes
    ----------
    transform : ndarray of shape (2, 3)
        Where the other plane has the points of the first, in pixels of the plane.
    error_px : float
        Standard error of `transform` in the corners.
    before, after : ndarray of float64
        Correlation of each tile, -1 to 1: where planes lie, and moved by `transform`.
    weights : ndarray of float64
        How much of what each tile shows is in focus in both planes; see `Shifts`.
    pixel_px : int
        How many pixels of the plane are one of those that were compared, along a side.
    sightings : Sightings or None
        What `transform` was fitted to.
    """

    transform: Transform
    error_px: float
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    weights: NDArray[np.float64]
    pixel_px: int = 1
    sightings: Sightings | None = None

    @property
    def tiles(self) -> int:
        """How many tiles both planes show."""
        return len(self.before)

    @property
    def certainty(self) -> float:
        """By how many of its standard errors the tiles' mean correlation is better moved."""
        better = self.after - self.before
        if len(better) < MIN_TILES:
            return 0.0
        shares = self.weights / self.weights.sum()
        mean = float(shares @ better)
        error = math.sqrt(float(shares**2 @ (better - mean) ** 2))
        return mean / max(error, 1e-4)

    @property
    def agreement(self) -> tuple[float, float]:
        """Mean correlation of tiles before and after, what is in focus counting most."""
        shares = self.weights / self.weights.sum()
        return float(shares @ self.before), float(shares @ self.after)


NOTHING = PlaneMatch(identity(), np.inf, *np.empty((3, 0)))
"""What planes without common detail tell."""


def match_planes(
    first: Pyramid,
    other: Pyramid,
    model: TransformModel,
    start: Transform | None = None,
    check: Callable[[], object] = lambda: None,
) -> PlaneMatch:
    """Find where `other` has the points of `first`.

    Parameters
    ----------
    first, other : Pyramid
        Planes of equal shape.
    model : {"translation", "similarity", "affine"}
        How the planes may differ.
    start : ndarray of shape (2, 3), optional
        Where to begin, in pixels of the planes; by default the coarsest level is searched.
    check : callable
        Called now and then; may raise to stop the work.

    Returns
    -------
    Match
        `NOTHING` where too few tiles agree.
    """
    levels = list(zip(first.levels, other.levels, strict=True))
    if start is None:
        found = _search(*levels[0])
    else:  # as good as what coarse levels would find
        found, levels = start, levels[-1:]
    error_px, sightings = np.inf, None
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
            sightings = Sightings.of(shifts, local, fit, here.factor)
            found = rescaled(compose(local, fit.transform), 1 / here.factor)
    if not np.isfinite(error_px):
        return NOTHING
    lying, moved = (
        here.tiles.paired_with(there.tiles, rescaled(motion, here.factor))
        for motion in (identity(), found)
    )
    seen = np.isfinite(lying.correlations) & np.isfinite(moved.correlations)
    trust = np.minimum(lying.trust, moved.trust)
    weights = (np.maximum(lying.sharpness, moved.sharpness) * trust)[seen]
    before, after = lying.correlations[seen], moved.correlations[seen]
    return PlaneMatch(found, error_px, before, after, weights, here.factor, sightings)


def _search(here: PyramidLevel, there: PyramidLevel) -> Transform:
    """Return the shift of a whole coarse plane."""
    return np.column_stack([np.eye(2), shift_of_all(here.image, there.image) * here.factor])
