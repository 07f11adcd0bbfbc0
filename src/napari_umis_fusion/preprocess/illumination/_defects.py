"""Pixels of the sensor, and dust before it, that stand still while the focus moves.

Both are found by what is true of them in every plane: a running minimum and maximum over the
planes is all that is kept.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.illumination._dust import (
    BINNING,
    find_dust,
    kept_contrast,
    relative_contrast,
)
from napari_umis_fusion.preprocess.illumination._harmonic_fill import HarmonicFill
from napari_umis_fusion.preprocess.illumination._residuals import bin_twofold, update_extremes
from napari_umis_fusion.stack import fill_invalid

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]

SPREAD_PX = 3
"""By which a defect is wider once its plane was resampled."""

MIN_PLANES = 4
"""In fewer planes noise, and detail that is in focus, stand still by chance."""

MIN_RESIDUAL = 6.0
"""A pixel that differs from its surroundings by fewer grey levels does no harm."""

NOISE_FACTOR = 2.0
"""Nor one that differs in some plane by less than so many standard deviations of the noise."""

TAIL_FACTOR = 4.0
"""Defects stand out so many times farther than all other pixels..."""

MAX_DEFECTS = 0.001
"""...and are at most this share of them, but for..."""

FEW_DEFECTS = 8
"""...so many in small planes."""

MAX_KEPT = 0.8
"""Where half of the specimen's details keep more of their contrast than this in all planes, focus
does not move: its finest points cannot be told from defects."""


@dataclass(frozen=True, eq=False)
class Defects:
    """What stands still on the sensor.

    Attributes
    ----------
    pixels : ndarray of shape (Y, X), bool
        Hot and dead pixels.
    dust : ndarray of shape (Y, X), bool
        Soft dark spots.
    """

    pixels: Mask
    dust: Mask

    @cached_property
    def mask(self) -> Mask:
        """Both together."""
        return self.pixels | self.dust

    @cached_property
    def _filling(self) -> HarmonicFill:
        return HarmonicFill(self.mask)

    def fill(self, grey: Map) -> Map:
        """Replace what is marked by a smooth surface from around it, in place.

        The surface has no detail of its own (its Laplacian is 0), so that no focus measure is
        drawn to it, and it meets its surroundings without a step.

        Parameters
        ----------
        grey : ndarray of shape (Y, X), float32
            As the sensor has it: before planes are brought onto one another.

        Returns
        -------
        ndarray of float32
            `grey` itself, unmarked pixels unchanged to the bit.
        """
        if self.mask.any():
            self._filling.fill(grey)
        return grey

    def corrected_view(self, transform: Any, rows: slice, columns: slice) -> "Defects":
        """Return where defects lie in a rectangle of a plane that was put elsewhere.

        Parameters
        ----------
        transform : ndarray of shape (2, 3)
            Where the sensor has the points of the plane put elsewhere, as
            `scipy.ndimage.affine_transform` takes it.
        rows, columns : slice
            The rectangle.
        """
        from scipy.ndimage import affine_transform, binary_dilation

        shape = rows.stop - rows.start, columns.stop - columns.start
        matrix, offset = transform[:, :2], transform[:, 2]
        begin = matrix @ np.array([rows.start, columns.start]) + offset
        still = np.array_equal(matrix, np.eye(2)) and np.array_equal(begin, np.rint(begin))

        def seen(mask: Mask) -> Mask:
            if not still:  # as far as interpolation spreads them
                mask = binary_dilation(mask, iterations=SPREAD_PX)
            moved = affine_transform(mask.view(np.uint8), matrix, begin, shape, order=0)
            return np.asarray(moved, np.bool_)

        return Defects(seen(self.pixels), seen(self.dust))

    def describe(self) -> dict[str, Any]:
        """Return counts as JSON values."""
        from scipy.ndimage import label

        return {
            "hot_or_dead_pixels": int(self.pixels.sum()),
            "dust_spots": int(label(self.dust)[1]),
            "dust_pixels": int(self.dust.sum()),
        }


class DefectFinder:
    """Follows how far pixels and spots stand out of their surroundings from plane to plane.

    Few false alarms matter most, since what is marked is no longer measured. Nothing is marked
    where the planes cannot tell a defect from the specimen: in fewer than `MIN_PLANES` planes,
    or where the specimen is in focus in all of them. Dust is soft, as a specimen out of focus is,
    and asks for more: nearly all detail has to lose most of its contrast in some plane, by
    defocus or by moving, and there has to be some detail that can.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the planes.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        small = (shape[0] // BINNING, shape[1] // BINNING)
        self._residuals = _Extremes.blank(shape)
        self._contrasts = _Extremes.blank(small)
        self._binned = np.empty(small, np.float32)
        self._invalid: Mask | None = None
        self._noises: list[float] = []

    def add(self, grey: Map, invalid: Mask | None = None) -> None:
        """Take a plane.

        Parameters
        ----------
        grey : ndarray of shape (Y, X), float32
            In grey levels; not kept.
        invalid : ndarray of shape (Y, X), bool, optional
            Pixels that hold nothing: filled from around them so that they make no edge. What is
            invalid in any plane is not marked.
        """
        if invalid is not None:
            grey = grey.copy()
            fill_invalid(grey, invalid)
            self._invalid = invalid | (False if self._invalid is None else self._invalid)
        self._noises.append(_noise(grey))
        padded = np.pad(grey, 1, mode="reflect")
        update_extremes(padded, self._residuals.lowest, self._residuals.highest)
        if min(self._binned.shape) > 0:
            bin_twofold(grey, self._binned)
            self._contrasts.take(relative_contrast(self._binned))

    def defects(self) -> Defects:
        """Return what stood still in all planes so far."""
        nowhere = np.zeros(self._residuals.lowest.shape, np.bool_)
        if len(self._noises) < MIN_PLANES:
            return Defects(nowhere, nowhere)
        pixels, dust = self._find_pixels(), nowhere
        if min(self._binned.shape) > 0:
            contrasts = self._contrasts.lowest, self._contrasts.highest
            kept = kept_contrast(*contrasts, pixels)
            if kept.size > 0 and np.median(kept) > MAX_KEPT:
                return Defects(nowhere, nowhere)
            dust = find_dust(*contrasts, pixels)
        valid = True if self._invalid is None else ~self._invalid
        return Defects(pixels & valid, dust & valid)

    def _find_pixels(self) -> Mask:
        # How far a pixel stands out in the plane where it does least.
        least = np.maximum(self._residuals.lowest, -self._residuals.highest)
        rank = least.size - 1 - max(round(MAX_DEFECTS * least.size), FEW_DEFECTS)
        usual = TAIL_FACTOR * float(np.partition(least, max(rank, 0), axis=None)[max(rank, 0)])
        return np.asarray(least > max(MIN_RESIDUAL, NOISE_FACTOR * max(self._noises), usual))


@dataclass(frozen=True, slots=True)
class _Extremes:
    """Least and most of a map over the planes."""

    lowest: Map
    highest: Map

    @classmethod
    def blank(cls, shape: tuple[int, int]) -> "_Extremes":
        return cls(np.full(shape, np.inf, np.float32), np.full(shape, -np.inf, np.float32))

    def take(self, values: Map) -> None:
        np.minimum(self.lowest, values, out=self.lowest)
        np.maximum(self.highest, values, out=self.highest)


def _noise(grey: Map) -> float:
    """Return the standard deviation of noise, of detail too if that is everywhere."""
    rows = grey[:: max(1, grey.shape[0] // 64)]
    if rows.shape[1] < 3:
        return 0.0
    bend = rows[:, 1:-1] - (rows[:, :-2] + rows[:, 2:]) / 2
    return float(np.median(np.abs(bend)) / (0.6745 * 1.5**0.5))
