"""By how much the base of a mean is off, from the bases of all planes; see `_base`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.focus_measure import gaussian_taps, smooth
from napari_umis_fusion.runtime import AnyArray, FloatMap, Tile, with_halo

BLOCK_PX = 8
"""Side of the blocks whose means are stored."""

RANGE_SIGMAS_PX = (16.0, 8.0)
"""Sigmas at which the base of the mean is brought into the range of those of the planes."""

SHARE_SIGMA_PX = 24.0
"""Sigma within which the base is shared by the planes that are in focus there."""

LIGHT_SIGMA_PX = 4.0
"""Sigma of what is corrected where light changes; finer differences are detail."""

CHANGE_SIGMA_PX = 32.0
"""Sigma over which planes are compared, to see whether light changes."""

LEAST_CHANGE = 2.0
"""Change of light between planes, in grey levels, at which half of a correction counts."""

LEAST_CHANGE_SHARE = 0.07
"""The same as a share of the contrast around, which blur spreads farther than light changes."""

CONTRAST_SIGMA_PX = 64.0
"""Sigma within which that contrast is measured."""

LEAST_LEAD = 0.25
"""Lead of the best plane over the average plane, 0 to 1, at which half of a correction counts."""


def shift_of(
    bases: AnyArray,
    members: NDArray[np.intp],
    shares: AnyArray,
    leads: FloatMap,
    mean: AnyArray,
    grey_levels: float,
) -> AnyArray:
    """Return by how much the mean of planes is too dark, in the units of its values.

    Parameters
    ----------
    bases : ndarray of shape (N, Y, X, C)
        Sums of the block means of planes, in N groups; changed. NaN where a pixel is invalid.
    members : ndarray of shape (N,)
        Number of planes of each group.
    shares : ndarray of shape (N, Y, X)
        Pixels of each block that the planes of a group show best.
    leads : ndarray of shape (Y, X)
        How far the best planes of a block stand out, 0 to 1.
    mean : ndarray of shape (Y, X, C)
        Block means of the mean of planes; NaN where no plane is valid; changed.
    grey_levels : float
        Grey levels per unit of the values.

    Returns
    -------
    ndarray of shape (Y, X, C)
        The shift: what brings the base into the range of those of the planes, and where light
        changes, what brings it to their blend.
    """
    missing = np.isnan(mean)
    mean[missing] = 0
    ranges = [_Range(mean.shape, sigma) for sigma in RANGE_SIGMAS_PX]
    blend, light = _Weighted(mean.shape), _Weighted(mean.shape[:2], with_variance=True)
    for base, count, share in zip(bases, members, shares, strict=True):
        if count == 0:
            continue
        base /= count
        base -= mean
        # A plane that is invalid there does not tell in which direction the mean is off.
        base[np.isnan(base)] = 0
        for one in ranges:
            one.add(base)
        weight = _smooth(share, SHARE_SIGMA_PX)
        blend.add(base, weight[..., None])
        grey = np.asarray(base.mean(axis=2) * grey_levels, np.float32)
        light.add(_smooth(grey, CHANGE_SIGMA_PX), weight)
    shift = np.zeros_like(mean)
    for one in ranges:
        shift += one.excess(shift)
    grey = np.asarray(mean.mean(axis=2) * grey_levels, np.float32)
    counts = _light_counts(light.variance(), grey, leads)
    shift += counts[..., None] * (_smooth_each(blend.mean(), LIGHT_SIGMA_PX) - shift)
    shift[missing] = 0
    return shift


def _light_counts(change: FloatMap, grey: FloatMap, leads: FloatMap) -> FloatMap:
    """Return how far light changes between planes, 0 to 1, and not what they show.

    Parameters
    ----------
    change : ndarray of shape (Y, X)
        Variance of the bases of planes, in grey levels.
    grey : ndarray of shape (Y, X)
        Base of the mean, in grey levels.
    leads : ndarray of shape (Y, X)
        See `shift_of`: where nothing is in focus, its base is that of arbitrary planes.
    """
    around = _smooth(grey, CONTRAST_SIGMA_PX)
    contrast = np.maximum(_smooth(np.square(grey - around), CONTRAST_SIGMA_PX), np.float32(0))
    least = LEAST_CHANGE**2 + LEAST_CHANGE_SHARE**2 * contrast
    lead = _smooth(leads, SHARE_SIGMA_PX) ** 4
    # Squared, for there is little between: blur alone leaves far less than changes of light do.
    changes = np.square(change) / (np.square(change) + np.square(least))
    counts = changes * lead / (lead + LEAST_LEAD**4)
    return _smooth(np.asarray(counts, np.float32), RANGE_SIGMAS_PX[-1])


class _Range:
    """The range of smoothed maps (Y, X, C)."""

    def __init__(self, shape: tuple[int, ...], sigma_px: float) -> None:
        self._sigma_px = sigma_px
        self._low = np.full(shape, np.inf, np.float32)
        self._high = np.full(shape, -np.inf, np.float32)

    def add(self, values: AnyArray) -> None:
        smoothed = _smooth_each(values, self._sigma_px)
        np.minimum(self._low, smoothed, out=self._low)
        np.maximum(self._high, smoothed, out=self._high)

    def excess(self, reached: AnyArray) -> FloatMap:
        """Return what is still to be added where the range does not include `reached`."""
        value = _smooth_each(reached, self._sigma_px)
        excess: FloatMap = np.maximum(self._low - value, 0) + np.minimum(self._high - value, 0)
        return excess


class _Weighted:
    """The weighted mean of maps, and perhaps their variance."""

    def __init__(self, shape: tuple[int, ...], *, with_variance: bool = False) -> None:
        self._powers = range(3 if with_variance else 2)
        self._sums = np.zeros((len(self._powers), *shape), np.float32)

    def add(self, values: AnyArray, weight: FloatMap) -> None:
        for sums, power in zip(self._sums, self._powers, strict=True):
            sums += weight * values**power

    def mean(self, power: int = 1) -> FloatMap:
        found: FloatMap = self._sums[power] / np.maximum(self._sums[0], np.float32(1e-6))
        return found

    def variance(self) -> FloatMap:
        return np.maximum(self.mean(2) - np.square(self.mean()), np.float32(0))


def _smooth(blocks: AnyArray, sigma_px: float) -> FloatMap:
    taps = gaussian_taps(sigma_px / BLOCK_PX)
    whole = Tile(*(slice(0, side) for side in blocks.shape))
    return smooth(with_halo(blocks.astype(np.float32, copy=False), whole, taps.size - 1), taps)


def _smooth_each(blocks: AnyArray, sigma_px: float) -> FloatMap:
    return np.stack([_smooth(one, sigma_px) for one in np.moveaxis(blocks, 2, 0)], axis=2)


def enlarged(blocks: AnyArray, rows: slice, width: int) -> AnyArray:
    """Return rows (Y, X, C) of a plane so wide, interpolated between the centres of blocks."""
    before, after, share = _places(rows, blocks.shape[0])
    lines = blocks[before] + share[:, None, None] * (blocks[after] - blocks[before])
    before, after, share = _places(slice(0, width), blocks.shape[1])
    left = lines[:, before]
    found: AnyArray = left + share[:, None] * (lines[:, after] - left)
    return found


def _places(pixels: slice, blocks: int) -> tuple[Any, Any, FloatMap]:
    """Return the blocks before and after pixels, and how far these are on the way."""
    places = (np.arange(pixels.start, pixels.stop) + 0.5) / BLOCK_PX - 0.5
    places = np.clip(places, 0, blocks - 1)
    before = np.minimum(places.astype(np.intp), max(blocks - 2, 0))
    after = np.minimum(before + 1, blocks - 1)
    return before, after, (places - before).astype(np.float32)
