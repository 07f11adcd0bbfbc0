"""Mends islands of the index map: their pixels are taken from the planes of their rims."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.focus_measure import gaussian_taps, smooth
from napari_umis_fusion.fusion.decision import IndexMap
from napari_umis_fusion.fusion.depth import FinalMaps
from napari_umis_fusion.fusion.islands._island_map import Planes, is_far
from napari_umis_fusion.fusion.islands._shapes import blurred_by, grown
from napari_umis_fusion.fusion.planes import DOUBLE, as_dtype
from napari_umis_fusion.runtime import BoolMap, FloatMap, Tile, tiles_of
from napari_umis_fusion.stack import CheckedPlane, Plane

FRAYED_PX = 4
"""Width of what is left of an island around it, in pixels of the working map."""

BORDER_PX = 16
"""Width around mended islands in which the mean was spoilt by their planes, likewise."""

FADE_SIGMA_PX = 4.0
"""Sigma of the soft border between the mended and the other parts of a mean, likewise."""

FEATHER_SIGMA_PX = 6.0
"""Sigma of the soft borders between planes, in pixels."""

LEAST_WEIGHT = np.float32(1 / 512)
"""Weight that changes no value of 8 bits."""

TILE_PX = 128
"""Side of the parts that are mended or left alone; small, since they keep weights in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A tile of which some pixels are to be mended.

    Attributes
    ----------
    tile : Tile
        Where it is.
    wanted : ndarray, uint16
        The planes of its pixels, with those of its halo.
    reach : ndarray of the tile's shape, float32
        How far its pixels are to be mended, 0 to 1.
    total : ndarray of the tile's shape, float32
        Weight of what its pixels are composed of so far.
    """

    tile: Tile
    wanted: IndexMap
    reach: FloatMap
    total: FloatMap


class IslandPatches:
    """Mends an image and its maps, plane by plane.

    Parameters
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        The all-in-focus image, without opacity; changed in place.
    index_map : ndarray of shape (Y, X), uint16
        Changed in place.
    source_map : ndarray of shape (Y, X), uint16, or None
        Changed in place where values are copied; None: values are averaged.
    maps : FinalMaps
        Confidence and sub-plane position are changed in place.
    """

    def __init__(
        self,
        image: Plane,
        index_map: IndexMap,
        source_map: IndexMap | None,
        maps: FinalMaps,
    ) -> None:
        self._image = image
        self._index_map, self._source_map, self._maps = index_map, source_map, maps
        self._precision = np.float64 if image.dtype.type in DOUBLE else np.float32
        self._taps = gaussian_taps(FEATHER_SIGMA_PX)
        self._patches: list[Patch] = []

    def begin(self, part: BoolMap, kept: BoolMap, rim: Planes, step: int) -> None:
        """Choose what is mended.

        Parameters
        ----------
        part : ndarray of bool
            The islands, on working maps of which each pixel stands for `step` x `step`.
        kept : ndarray of bool
            What stays as it is, on the same maps.
        rim : ndarray of int32
            The planes of their rims, on the same maps.
        """
        inside = grown(part, FRAYED_PX) & ~kept
        near = grown(inside, BORDER_PX) & ~kept
        reach = blurred_by(near.astype(np.float32), FADE_SIGMA_PX)
        for tile in tiles_of(self._index_map, TILE_PX):
            weights = reach[_spread(tile, step, 0, self._index_map.shape)]
            if weights.max() < LEAST_WEIGHT:
                continue
            wide = _spread(tile, 1, self._taps.size - 1, self._index_map.shape)
            coarse = _spread(tile, step, self._taps.size - 1, self._index_map.shape)
            wanted = self._index_map[wide]
            planes = rim[coarse]
            change = inside[coarse] & is_far(wanted, planes)
            wanted[change] = planes[change]
            self._patches.append(Patch(tile, wanted, weights, 1 - weights))

    def planes(self) -> list[int]:
        """List the planes from which pixels are taken."""
        used: set[int] = set()
        for patch in self._patches:
            used.update(int(z) for z in np.unique(patch.wanted))
        return sorted(used)

    def parts_of(self, z: int) -> list[Patch]:
        """List the patches that take pixels from plane `z`."""
        return [patch for patch in self._patches if (patch.wanted == z).any()]

    def add(self, checked: CheckedPlane, z: int, patch: Patch) -> int:
        """Add plane `z` to a patch; return how many pixels of the index map were changed."""
        window, halo = patch.tile.window, self._taps.size - 1
        here = patch.wanted == z
        valid = None if checked.invalid is None else ~checked.invalid[window]
        inner = here[halo:-halo, halo:-halo]
        chosen = inner if valid is None else inner & valid
        # Before values are copied: the source map may be the index map itself.
        changed = chosen & (self._index_map[window] != z)
        values = checked.plane[window]
        if self._image.ndim == 3:
            values = values[..., : self._image.shape[2]]
        if self._source_map is None:
            weight = smooth(here.astype(np.float32), self._taps) * patch.reach
            weight[weight < LEAST_WEIGHT] = 0
            self._blend(values, weight if valid is None else weight * valid, patch)
        else:
            copied = chosen & (changed | (patch.reach >= 0.5))
            self._source_map[window][copied] = z
            self._image[window][copied] = values[copied]
        self._index_map[window][changed] = z
        self._maps.mend(window, changed, z)
        return int(changed.sum())

    def _blend(self, values: Plane, weight: FloatMap, patch: Patch) -> None:
        """Move the values of an image towards those of a plane, as a running mean does."""
        patch.total[...] += weight
        share = np.divide(weight, patch.total, out=np.zeros_like(weight), where=weight > 0)
        image = self._image[patch.tile.window]
        moves = share > 0
        present = image[moves].astype(self._precision)
        part = share[moves] if image.ndim == 2 else share[moves][:, None]
        image[moves] = as_dtype(present + part * (values[moves] - present), image.dtype)


def mark_doubtful(
    confidence: FloatMap, part: BoolMap, step: int, highest: float, rows: slice
) -> None:
    """Lower the confidence of some rows where a part of the working map is doubtful."""
    tile = Tile(rows, slice(0, confidence.shape[1]))
    marked = part[_spread(tile, step, 0, confidence.shape)]
    found = confidence[rows]
    found[marked] = np.minimum(found[marked], np.float32(highest))


def _spread(
    tile: Tile, step: int, halo_px: int, shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], ...]:
    """Return the index of a tile with its halo into a map of which each pixel stands for `step`.

    Beyond the border of the planes, their last pixels are repeated.
    """
    axes = (
        np.clip(np.arange(part.start - halo_px, part.stop + halo_px), 0, side - 1) // step
        for part, side in zip(tile.window, shape[:2], strict=True)
    )
    return np.ix_(*axes)
