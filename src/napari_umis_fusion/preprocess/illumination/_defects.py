"""Defects that stand still while the focus moves: hot and dead pixels, and dust.

Both are found by properties that they have in every plane, so that only a running minimum and
maximum over the planes is kept.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from napari_umis_fusion.preprocess._seen_from import seen_from
from napari_umis_fusion.preprocess.illumination._dust import (
    BINNING,
    find_dust,
    kept_contrast,
    relative_contrast,
)
from napari_umis_fusion.preprocess.illumination._harmonic_fill import HarmonicFill
from napari_umis_fusion.preprocess.illumination._residuals import bin_twofold, update_extremes
from napari_umis_fusion.runtime import BoolMap, FloatMap
from napari_umis_fusion.stack import fill_invalid

SPREAD_PX = 3
"""Widening of a defect by the interpolation of a resampled plane."""

MIN_PLANES = 4
"""In fewer planes, noise and detail in focus stand still by chance."""

MIN_RESIDUAL = 6.0
"""Smallest residual of a defect, in grey levels; smaller ones do no harm."""

NOISE_FACTOR = 2.0
"""Smallest residual of a defect in every plane, in standard deviations of the noise."""

TAIL_FACTOR = 4.0
"""Smallest residual of a defect, relative to the largest of all other pixels."""

MAX_DEFECTS = 0.001
"""Largest share of pixels that are defects, except in small planes (`FEW_DEFECTS`)."""

FEW_DEFECTS = 8
"""Number of defects that is accepted whatever the size of the planes."""

MAX_KEPT = 0.8
"""If half of the specimen's details keep more than this share of their contrast in all planes, the
focus does not move, and fine detail cannot be distinguished from defects."""


@dataclass(frozen=True, eq=False)
class Defects:
    """Defects of the sensor, with dust in front of it.

    Attributes
    ----------
    pixels : ndarray of shape (Y, X), bool
        Hot and dead pixels.
    dust : ndarray of shape (Y, X), bool
        Soft dark spots.
    """

    pixels: BoolMap
    dust: BoolMap

    @cached_property
    def mask(self) -> BoolMap:
        """All defects."""
        return self.pixels | self.dust

    @cached_property
    def _filling(self) -> HarmonicFill:
        return HarmonicFill(self.mask)

    def fill(self, grey: FloatMap) -> FloatMap:
        """Replace defects by a smooth surface interpolated from their surroundings, in place.

        The surface has no detail (its Laplacian is 0), so that no focus measure responds to it,
        and no step at its border.

        Parameters
        ----------
        grey : ndarray of shape (Y, X), float32
            In the frame of the sensor: before alignment.

        Returns
        -------
        ndarray of float32
            `grey` itself; pixels that are not defects are unchanged to the bit, and all of them
            where a part of a plane has no others.
        """
        if self.mask.any() and not self.mask.all():
            self._filling.fill(grey)
        return grey

    def corrected_view(self, transform: Any, rows: slice, columns: slice) -> "Defects":
        """Return the defects in a rectangle of an aligned plane.

        Parameters
        ----------
        transform : ndarray of shape (2, 3)
            From the aligned plane to the sensor, as `scipy.ndimage.affine_transform` takes it.
        rows, columns : slice
            The rectangle.
        """
        from scipy.ndimage import affine_transform, binary_dilation

        seen_part = seen_from(transform, (rows, columns))
        matrix, begin, _ = seen_part
        # Shifts by whole pixels need no interpolation.
        still = np.array_equal(matrix, np.eye(2)) and np.array_equal(begin, np.rint(begin))

        def seen(mask: BoolMap) -> BoolMap:
            if not still:  # by as much as interpolation spreads defects
                mask = binary_dilation(mask, iterations=SPREAD_PX)
            moved = affine_transform(mask.view(np.uint8), *seen_part, order=0)
            return np.asarray(moved, np.bool_)

        return Defects(seen(self.pixels), seen(self.dust))

    def describe(self) -> dict[str, Any]:
        """Return the numbers of defects as JSON values."""
        from scipy.ndimage import label

        return {
            "hot_or_dead_pixels": int(self.pixels.sum()),
            "dust_spots": int(label(self.dust)[1]),
            "dust_pixels": int(self.dust.sum()),
        }


class DefectFinder:
    """Finds pixels and spots that differ from their surroundings in every plane.

    Few false positives matter most, since focus is not measured at defects. Nothing is marked
    if defects cannot be distinguished from the specimen: with fewer than `MIN_PLANES` planes, or if
    the specimen is in focus in all of them. Dust is soft, as a defocused specimen is, and needs
    more evidence: there must be detail, and nearly all of it must lose most of its contrast in
    some plane, by defocus or motion.

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
        self._invalid: BoolMap | None = None
        self._noises: list[float] = []

    def add(self, grey: FloatMap, invalid: BoolMap | None = None) -> None:
        """Add a plane.

        Parameters
        ----------
        grey : ndarray of shape (Y, X), float32
            In grey levels; not kept.
        invalid : ndarray of shape (Y, X), bool, optional
            Invalid pixels. They are filled from their surroundings so that they form no edges, and
            never marked as defects.
        """
        if invalid is not None:
            grey = grey.copy()
            fill_invalid(grey, invalid)
            self._invalid = invalid | (False if self._invalid is None else self._invalid)
        self._noises.append(_noise(grey))
        # Without repeating the border: a hot pixel there must not be its own neighbour.
        padded = np.pad(grey, 1, mode="reflect")
        update_extremes(padded, self._residuals.lowest, self._residuals.highest)
        if min(self._binned.shape) > 0:
            bin_twofold(grey, self._binned)
            self._contrasts.take(relative_contrast(self._binned))

    def defects(self) -> Defects:
        """Return the defects of the planes added so far."""
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

    def _find_pixels(self) -> BoolMap:
        # The residual of each pixel in the plane where it is smallest; negative, and so never that
        # of a defect, for a pixel that is too bright in one plane and too dark in another.
        least = np.maximum(self._residuals.lowest, -self._residuals.highest)
        rank = least.size - 1 - max(round(MAX_DEFECTS * least.size), FEW_DEFECTS)
        usual = TAIL_FACTOR * float(np.partition(least, max(rank, 0), axis=None)[max(rank, 0)])
        return np.asarray(least > max(MIN_RESIDUAL, NOISE_FACTOR * max(self._noises), usual))


@dataclass(frozen=True, slots=True)
class _Extremes:
    """Running minimum and maximum of a map over the planes."""

    lowest: FloatMap
    highest: FloatMap

    @classmethod
    def blank(cls, shape: tuple[int, int]) -> "_Extremes":
        return cls(np.full(shape, np.inf, np.float32), np.full(shape, -np.inf, np.float32))

    def take(self, values: FloatMap) -> None:
        np.minimum(self.lowest, values, out=self.lowest)
        np.maximum(self.highest, values, out=self.highest)


def _noise(grey: FloatMap) -> float:
    """Estimate the standard deviation of noise; detail counts too if it covers the plane."""
    rows = grey[:: max(1, grey.shape[0] // 64)]
    if rows.shape[1] < 3:
        return 0.0
    # Second differences cancel slopes. Of white noise their variance is 1.5 times that of a pixel,
    # and 0.6745 of the standard deviation is the median of its absolute value.
    bend = rows[:, 1:-1] - (rows[:, :-2] + rows[:, 2:]) / 2
    return float(np.median(np.abs(bend)) / (0.6745 * 1.5**0.5))
