"""What planes share in tiles: how surely it is a pattern, and how much of their mean it is.

Tables have a plane along the first axis, and rows and columns of tiles along the others.
"""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.fixed_pattern._evidence import (
    ALIKE,
    SURELY_ALIKE,
    lowest_and_usual,
)
from napari_umis_fusion.preprocess.fixed_pattern._tiles import Table

SIGMAS = 3.0
"""What is shared in a tile, in standard deviations of what noise alone would share."""

DOUBTFUL = 0.4
"""Planes that share so little of what others do show specimen; between this and `ALIKE` the
pattern is taken off in part."""

AROUND = 7
"""Side of the square of tiles that tell together: a sensor is much the same all over."""


EQUALLY = (0.85, 0.95)
"""Planes that share so little of what others do in all tiles together share no pattern, or one."""

MIN_EVERYWHERE = 0.5
"""Share of tiles in which all planes show something, where these tell of all."""


def weights_of(energy: Table, floor: float) -> Table:
    """Return the weights of planes, which add up to 1: most for those with least detail.

    Parameters
    ----------
    energy : ndarray of shape (N, Y, X)
        Mean square of the detail of each plane.
    floor : float
        Energy below which a plane shows nothing.
    """
    known = energy > floor
    inverse = np.where(known, 1 / np.maximum(energy, floor) ** 4, 0)
    total = inverse.sum(axis=0)
    weights: Table = np.divide(inverse, total, where=total > 0, out=np.zeros_like(inverse))
    return weights


def shared_with_others(product: Table, weights: Table, known: NDArray[np.bool_]) -> Table:
    """Return what a plane shares with the others; NaN where it or all others show nothing.

    Parameters
    ----------
    product : ndarray of shape (Y, X)
        Mean product of its detail with the weighted sum of the others.
    weights : ndarray of shape (Y, X)
        Its own weight.
    known : ndarray of shape (Y, X), bool
        Where it shows anything.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(known & (weights < 1), product / (1 - weights), np.nan))


def strength_alone(
    shared: Table, noise: Table, floor: float, parts: tuple[float, float] = (DOUBTFUL, ALIKE)
) -> Table:
    """Return the variance of the pattern in each tile, from what its planes tell; 0 without one.

    Parameters
    ----------
    shared : ndarray of shape (N, Y, X)
        See `shared_with_others`.
    noise : ndarray of shape (Y, X)
        Standard deviation of what noise alone would share.
    floor : float
        Variance that counts at least.
    parts : tuple of float
        Planes that share so little of what others do share no pattern, or surely one.
    """
    lowest, _ = lowest_and_usual(shared, len(shared))
    least = np.maximum(SIGMAS * noise, floor)
    return np.asarray(_alike(shared, least, parts) * np.nan_to_num(lowest))


def strength_around(shared: Table, weights: Table, noise: Table, floor: float) -> Table:
    """Return the same as `strength_alone`, from all tiles around.

    Noise hides a weak pattern in single tiles, and what a specimen shows in all planes is taken for
    one in some: most tiles together tell both.
    """
    near = np.stack([_median_around(one) for one in shared])
    least = np.maximum(SIGMAS * noise / AROUND, floor)
    trust = _alike(near, least, (ALIKE, SURELY_ALIKE))
    usual = np.nansum(near * weights, axis=0)
    return np.asarray(trust * np.maximum(usual, 0))


def strength_everywhere(shared: Table, noise: Table, floor: float) -> float:
    """Return the same for all tiles together, as if the pattern had one strength; 0 without one.

    It is known through more noise than that of parts, and not taken from specimens, which leave
    half of the tiles without detail, or with detail of some planes.
    """
    tiles = shared[:, np.isfinite(shared).all(axis=0)]
    if tiles.shape[1] < MIN_EVERYWHERE * noise.size:
        return 0.0
    most = np.median(tiles, axis=1)[:, None]
    least = np.maximum(SIGMAS * np.nanmedian(noise) / tiles.shape[1] ** 0.5, floor)
    trust = _alike(most, least, EQUALLY)
    return float(trust[0] * max(np.median(most), 0))


def _alike(shared: Table, least: Table, parts: tuple[float, float]) -> Table:
    """Return how surely planes share alike, 0 to 1, given what they share by chance."""
    lowest, usual = lowest_and_usual(shared, len(shared))
    doubtful, sure = parts
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (lowest / usual - doubtful) / (sure - doubtful)
    return np.where(lowest > least, np.clip(np.nan_to_num(part), 0, 1), 0)


def _median_around(shared: Table) -> Table:
    """Return the medians of tiles with those around them; NaN where a tile is."""
    from scipy.ndimage import median_filter

    known = np.isfinite(shared)
    if not known.any():
        return shared
    filled = np.where(known, shared, np.median(shared[known]))
    return np.where(known, median_filter(filled, AROUND, mode="nearest"), np.nan)
