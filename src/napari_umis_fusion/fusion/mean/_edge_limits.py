"""Edges of the weighted mean that no plane shows, softened where no plane stands out.

The weights of planes change within few pixels. Where planes differ, as the bright and dark rims of
a transparent cell do on either side of its focus, the mean changes from one to another, and has a
gradient that none of them has: a false edge. Where one plane stands out, such a gradient is as
often right: the border of an object in front is sharper than either side of it alone.
"""

from collections.abc import Generator

import numpy as np

from napari_umis_fusion.focus_measure import gaussian_taps, smooth
from napari_umis_fusion.fusion.mean._base import BaseCorrection
from napari_umis_fusion.fusion.planes import DOUBLE, as_dtype
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import (
    AnyArray,
    BoolMap,
    FloatMap,
    ScratchMemory,
    Tile,
    Workers,
    kernel,
    split_rows,
    tiles_of,
    with_halo,
)
from napari_umis_fusion.stack import Plane

MARGIN = 1.0
"""Gradient beyond that of every plane that is softened, in grey levels per pixel."""

ROUNDS = 2
"""How often what is still beyond it is softened."""

LEAST_LEAD = 0.15
"""Lead of the best plane, 0 to 1, at which an edge is softened by half."""

LEAD_SIGMA_PX = 4.0
"""Sigma of the window in which the best plane has to stand out."""

SOFT_SIGMA_PX, AROUND_SIGMA_PX = 1.0, 0.8
"""Sigmas by which an edge is softened, and of the border of where it is."""

REACH_PX = 24
"""How far a pixel depends on others, at most."""

TILE_PX = 128
"""Tiles that are softened at a time; most have nothing to soften."""


class EdgeLimits:
    """Keeps the gradients of an image within those of the planes.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the planes.
    to_grey : GreyConverter
        Conversion of planes to grey levels.
    workspace : ScratchMemory
        Memory for the map of limits.

    Attributes
    ----------
    limits : ndarray of shape (Y, X), float32
        The highest gradient of any plane so far, in grey levels per pixel.
    to_grey : GreyConverter
        As given.
    """

    def __init__(
        self, shape: tuple[int, int], to_grey: GreyConverter, workspace: ScratchMemory
    ) -> None:
        self.limits = workspace.full(shape, np.float32, 0)
        self.to_grey = to_grey

    def iter_add(self, plane: Plane, workers: Workers) -> Generator[None]:
        """Raise the limits to the gradients of a plane."""

        def add(rows: slice) -> None:
            first = max(rows.start - 1, 0)
            found = gradients(self.to_grey(plane[first : rows.stop + 1]))
            inner = found[rows.start - first :][: rows.stop - rows.start]
            # NaN, where a plane is invalid, raises nothing.
            np.fmax(self.limits[rows], inner, out=self.limits[rows])

        yield from workers.each(add, split_rows(len(self.limits)))

    def iter_soften(self, image: Plane, base: BaseCorrection, workers: Workers) -> Generator[None]:
        """Soften edges of an image, in place, that exceed the limits where no plane stands out.

        Values stay within the range of planes at their pixel, as `base` knows it.
        """
        softened: list[tuple[Tile, Plane]] = []
        precision = np.float64 if image.dtype.type in DOUBLE else np.float32

        def soften(tile: Tile) -> None:
            leads = _smoothed(with_halo(base.leads, tile, REACH_PX), LEAD_SIGMA_PX)
            share = np.asarray(1 / (1 + (leads / LEAST_LEAD) ** 4), np.float32)
            limits = highest_around(with_halo(self.limits, tile, REACH_PX)) + MARGIN
            colours = image if image.ndim == 3 else image[..., None]
            channels = np.moveaxis(colours, 2, 0)
            before = np.stack([with_halo(one, tile, REACH_PX) for one in channels], axis=2)
            before = before.astype(precision)
            after = self._soften(before, limits, share)
            if after is None:
                return
            inner = slice(REACH_PX, -REACH_PX)
            changed = (after != before)[inner, inner].reshape(image[tile.window].shape)
            values = after[inner, inner].reshape(changed.shape)
            values = as_dtype(base.within_range(values, tile.window), image.dtype)
            softened.append((tile, np.where(changed, values, image[tile.window])))

        yield from workers.each(soften, tiles_of(image, TILE_PX))
        # Only now: every tile looks at its neighbours as they were.
        for tile, values in softened:
            image[tile.window] = values

    def _soften(self, before: AnyArray, limits: FloatMap, share: FloatMap) -> AnyArray | None:
        """Return a softened image (Y, X, C), or None if it has nothing to soften."""
        image = before
        for _ in range(ROUNDS):
            grey = self.to_grey(image if image.shape[2] > 1 else image[..., 0])
            over: BoolMap = gradients(grey) > limits
            if not over.any():
                break
            around = _smoothed(highest_around(over.astype(np.float32)), AROUND_SIGMA_PX)
            # Differences from black, which single precision holds.
            near = (image - self.to_grey.range.black).astype(np.float32)
            channels = np.moveaxis(near, 2, 0)
            smoothed = np.stack([_smoothed(one, SOFT_SIGMA_PX) for one in channels], axis=2)
            change = (around * share)[..., None] * (smoothed - near)
            image = image + np.where(np.isfinite(change), change, np.float32(0))
        return None if image is before else image


def _smoothed(image: FloatMap, sigma_px: float) -> FloatMap:
    taps = gaussian_taps(sigma_px)
    return smooth(np.pad(image, taps.size - 1, mode="edge"), taps)


def highest_around(image: FloatMap) -> FloatMap:
    """Return the highest value within 3 x 3 pixels."""
    padded = np.pad(image, 1, mode="edge")
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    found: FloatMap = np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    return found


def gradients(grey: FloatMap) -> FloatMap:
    """Return the gradient magnitude of an image (Y, X), Sobel / 8, as `false_edge_rate` does."""
    found = np.empty(grey.shape, np.float32)
    smoothed, changes = np.empty((2, grey.shape[1] + 2), np.float32)
    _fill_gradients(np.ascontiguousarray(grey), smoothed, changes, found)
    return found


@kernel
def _fill_gradients(grey: AnyArray, smoothed: AnyArray, changes: AnyArray, found: AnyArray) -> None:
    """Fill gradients, in space for sums along columns, with those beyond either end."""
    height, width = grey.shape
    eighth, two = np.float32(0.125), np.float32(2)
    for y in range(height):
        above, here, below = grey[max(y - 1, 0)], grey[y], grey[min(y + 1, height - 1)]
        for x in range(width):
            smoothed[x + 1] = above[x] + two * here[x] + below[x]
            changes[x + 1] = below[x] - above[x]
        smoothed[0], smoothed[width + 1] = smoothed[1], smoothed[width]
        changes[0], changes[width + 1] = changes[1], changes[width]
        for x in range(width):
            across = (smoothed[x + 2] - smoothed[x]) * eighth
            along = (changes[x] + two * changes[x + 1] + changes[x + 2]) * eighth
            found[y, x] = np.sqrt(across * across + along * along)
