"""What is remembered of a plane: a small table of its tiles."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess._grey import readable
from napari_umis_fusion.preprocess.health._dull_lines import DullLines, lines_of
from napari_umis_fusion.preprocess.health._energies import Detail, detail_of
from napari_umis_fusion.preprocess.health._light_by_place import LightByPlace
from napari_umis_fusion.preprocess.health._line_jumps import Jumps, line_jumps
from napari_umis_fusion.preprocess.health._padding import (
    Strip,
    begin_at_once,
    padding_of,
    repeats_of,
)
from napari_umis_fusion.preprocess.health._profiles import Profiles, profiles_of
from napari_umis_fusion.preprocess.health._texture import comb_of, grain_of, some_of, square_of
from napari_umis_fusion.preprocess.health._tile_tables import fill_tables
from napari_umis_fusion.preprocess.health._wedges import Wedge, wedges_of
from napari_umis_fusion.stack import Plane

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Table = NDArray[np.float64]

MAX_TILES = 48
"""Along each side: a torn frame is noticed from one row of tiles on."""

MIN_TILE_PX = 8
"""Smaller tiles are constant by chance, and defocus moves light from one to the next."""

SAMPLE_PX = 1 << 20
"""About how many pixels are looked at: every row of small planes, some rows of large ones."""

SPARSE = 0.3
"""Share of the span of all pixels that counts at least, for small spots on an even ground."""

MAX_CLIPPED = 0.02
"""Share of clipped pixels up to which the mean of a tile tells of the light."""

MAX_FLOOR = 0.05
"""Share of the tiles that reach down to the lowest value; if more do, the dark is cut off there,
and what is left of a tile grows and shrinks with focus."""

MIN_LIGHT = 0.02
"""Share of the brightest tile's mean below which a tile tells nothing of the light."""


@dataclass(frozen=True, eq=False)  # without slots, for what is worked out once and kept
class PlaneStatistics:
    """A plane, summed up.

    Attributes
    ----------
    z : int
        Which plane.
    mean, lowest, highest : ndarray of shape (rows of tiles, columns of tiles, C)
        Of the valid pixels of each tile; NaN where more than half of it is invalid.
    clipped : ndarray of the same shape
        Share of pixels that hold the highest value of the plane's channel.
    comb : float
        How much neighbouring lines differ, relative to lines two apart.
    padding : tuple of int
        Lines of one value at the top, the bottom, the left and the right.
    at_once : tuple of bool
        Whether the picture begins all at once behind those at the top, the bottom, the left and the
        right.
    grain : ndarray of shape (2, C, 2)
        Along rows and columns, the energy of what bends from pixel to pixel, and from each to the
        next but one, where it is least; empty where planes are too narrow.
    lines : tuple of DullLines
        Rows and columns; none in planes of which parts do not count.
    digest : int
        Of all values that are looked at.
    profiles : Profiles or None
        Along rows and columns; None in planes of which parts do not count, and in small ones.
    wedges : tuple of Wedge
        Corners of one value.
    corners : tuple of tuple of float
        The pixel at the top left, the top right, the bottom left and the bottom right.
    repeats : tuple of int
        How often the outermost line is there once more at the top, the bottom, the left and the
        right.
    detail : Detail or None
        None in planes of which parts do not count, and in small ones.
    square_px : int
        Side of the squares of one value that it consists of; 1 if there are none.
    jumps : tuple
        How many of its lines jump to one side; empty in planes of which parts do not count.
    """

    z: int
    mean: Table
    lowest: Table
    highest: Table
    clipped: Table
    comb: float = 1.0
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    grain: Table = field(default_factory=lambda: np.zeros((0, 0, 2)))
    lines: tuple[DullLines, ...] = ()
    digest: int = 0
    profiles: Profiles | None = None
    wedges: tuple[Wedge, ...] = ()
    corners: tuple[tuple[float, ...], ...] = ()
    repeats: tuple[int, int, int, int] = (0, 0, 0, 0)
    detail: Detail | None = None
    square_px: int = 1
    jumps: Jumps = ()
    at_once: tuple[bool, bool, bool, bool] = (False, False, False, False)

    @cached_property
    def constant(self) -> Mask:
        """Tiles of one value: bool of shape (rows of tiles, columns of tiles, C)."""
        return np.asarray(self.lowest == self.highest)

    @cached_property
    def span(self) -> Table:
        """What each channel spans: ndarray of shape (C,).

        That of the means of most tiles, or a part of that of all pixels where light is sparse.
        """
        flat = self.mean.reshape(-1, self.mean.shape[2])
        known = flat[np.isfinite(flat).all(axis=1)]
        if len(known) == 0:
            return np.zeros(flat.shape[1])
        low, high = np.percentile(known, (2, 98), axis=0)
        pixels = np.nanmax(self.highest, axis=(0, 1)) - np.nanmin(self.lowest, axis=(0, 1))
        return np.asarray(np.maximum(high - low, SPARSE * pixels))

    @cached_property
    def is_blank(self) -> bool:
        """Whether each channel holds one value, or none at all."""
        low, high = self.lowest, self.highest
        if not np.isfinite(low).any():
            return True
        return all(np.nanmin(low[..., c]) == np.nanmax(high[..., c]) for c in range(low.shape[2]))

    @cached_property
    def rounding(self) -> float:
        """Step between values: 1 where all are whole numbers, 0 where they are not."""
        return float(np.array_equal(self.lowest, np.rint(self.lowest), equal_nan=True))

    @cached_property
    def log_gains(self) -> "WeakKeyDictionary[PlaneStatistics, float]":
        """Logarithms of its gain relative to planes that it was compared with."""
        return WeakKeyDictionary()

    @cached_property
    def contrast(self) -> float:
        """Standard deviation of the means of its tiles, of the channel that has most."""
        return float(np.nanstd(self.mean, axis=(0, 1)).max())

    @cached_property
    def shown(self) -> Mask:
        """Tiles, in one row, that show something in all channels, and are not padded: bool (N,).

        Channels that hold one value everywhere, such as an opacity, or red and blue of a stain that
        is shown in green, do not count.
        """
        finite = np.isfinite(self.mean.reshape(-1, self.mean.shape[2])).all(axis=1)
        varies = ~self.constant.all(axis=(0, 1))
        is_constant = self.constant[..., varies].any(axis=2) if varies.any() else True
        shown = ~np.asarray(is_constant) & finite.reshape(self.mean.shape[:2])
        return np.asarray(shown & ~self.padded).ravel()

    @property
    def lines_shape(self) -> tuple[int, int]:
        """How many rows and columns it has; (0, 0) if nothing is known of them."""
        rows, columns = (len(one.mean) for one in self.lines) if self.lines else (0, 0)
        return rows, columns

    @cached_property
    def padded(self) -> Mask:
        """Tiles that lie in lines of one value along a side: bool, of the shape of the tables."""
        padded = np.zeros(self.mean.shape[:2], np.bool_)
        sides = padded, padded[::-1], padded.T, padded.T[::-1]  # views
        for lines, tiles in zip(self.padding, sides, strict=True):
            tiles[: -(-lines // MIN_TILE_PX)] = True
        return padded

    @cached_property
    def lit(self) -> Mask:
        """Tiles that tell of the light: bool of shape (rows of tiles, columns of tiles, C)."""
        with np.errstate(invalid="ignore"):
            bright = self.mean > MIN_LIGHT * np.nanmax(self.mean, initial=0.0)
            reached = self.lowest <= np.nanmin(self.lowest, axis=(0, 1))
        cut_off = reached & (reached.mean(axis=(0, 1)) > MAX_FLOOR)
        return np.asarray(~self.constant & bright & (self.clipped <= MAX_CLIPPED) & ~cut_off)

    def without(self, strips: Iterable[Strip]) -> "PlaneStatistics":
        """Return what is known of it without some rows or columns."""
        lost = tiles_of_lines(self, strips)[..., None]
        mean, lowest, highest = (
            np.where(lost, np.nan, table) for table in (self.mean, self.lowest, self.highest)
        )
        return replace(self, mean=mean, lowest=lowest, highest=highest)

    def reordered(self, channels: Sequence[int]) -> "PlaneStatistics":
        """Return what is known of it with its channels in another order."""
        order = list(channels)
        return replace(
            self,
            mean=self.mean[..., order],
            lowest=self.lowest[..., order],
            highest=self.highest[..., order],
            clipped=self.clipped[..., order],
            grain=self.grain[:, order] if self.grain.size else self.grain,
            lines=tuple(DullLines(one.value[:, order], one.mean[:, order]) for one in self.lines),
            corners=tuple(tuple(one[c] for c in order) for one in self.corners),
            wedges=tuple(
                replace(one, value=tuple(one.value[c] for c in order)) for one in self.wedges
            ),
        )

    def scaled(self, gain: float | Table, offset: float | Table) -> "PlaneStatistics":
        """Return what it would be in the light of which it is `gain` times plus `offset` (C,)."""
        mean, lowest, highest = (
            (table - offset) / gain for table in (self.mean, self.lowest, self.highest)
        )
        detail = None if self.detail is None else self.detail.scaled(float(np.mean(gain)))
        return replace(self, mean=mean, lowest=lowest, highest=highest, detail=detail)

    def evened(self, light: LightByPlace) -> "PlaneStatistics":
        """Return what it would be without a light that differs from place to place."""
        mean, lowest, highest = (
            (table - light.offset) / light.gain for table in (self.mean, self.lowest, self.highest)
        )
        return replace(self, mean=mean, lowest=lowest, highest=highest)

    def equals(self, other: "PlaneStatistics") -> bool:
        """Whether the tables are the same to the last bit, as they are for the same plane only."""
        pairs = (
            (self.mean, other.mean),
            (self.lowest, other.lowest),
            (self.highest, other.highest),
        )
        is_same = all(np.array_equal(one, two, equal_nan=True) for one, two in pairs)
        return is_same and self.digest == other.digest


def tiles_of_lines(plane: PlaneStatistics, strips: Iterable[Strip]) -> Mask:
    """Return which tiles some rows or columns touch: bool (rows of tiles, columns of tiles)."""
    touched = np.zeros(plane.mean.shape[:2], np.bool_)
    for axis, start, stop in strips:
        edges = _edges(plane.lines_shape[axis])
        np.moveaxis(touched, axis, 0)[(edges[1:] > start) & (edges[:-1] < stop)] = True
    return touched


def measure_plane(z: int, plane: Plane, invalid: Mask | None = None) -> PlaneStatistics:
    """Sum up a plane.

    Parameters
    ----------
    z : int
        Which plane.
    plane : ndarray of shape (Y, X) or (Y, X, C)
        As recorded.
    invalid : ndarray of shape (Y, X), bool, optional
        Pixels that do not count; those with NaN or infinite values never do.
    """
    values = readable(np.ascontiguousarray(plane))
    values = values.reshape(*values.shape[:2], -1)
    ignored = _ignored(values, invalid)
    rows, columns = (_edges(size) for size in values.shape[:2])
    step = max(1, values.shape[0] * values.shape[1] // SAMPLE_PX)
    shape = (rows.size - 1, columns.size - 1, values.shape[2])
    mean, lowest, highest, clipped = tables = [np.empty(shape) for _ in range(4)]
    top = _tops(values, ignored)
    mask = np.zeros((1, 1), np.bool_) if ignored is None else ignored
    fill_tables(values, mask, ignored is not None, top, rows, columns, step, *tables)
    padding, repeats, profiles, detail = (0, 0, 0, 0), (0, 0, 0, 0), None, None
    lines: tuple[DullLines, ...] = ()
    jumps: Jumps = ()
    at_once = False, False, False, False
    if ignored is None:
        padding, repeats, jumps = padding_of(values), repeats_of(values), line_jumps(values)
        if any(padding):
            at_once = begin_at_once(values, padding)
        profiles, detail = profiles_of(values, padding), detail_of(values)
        sides = values, values.swapaxes(0, 1)
        lines = tuple(lines_of(side, some_of(side.shape[1]).step) for side in sides)
    grain, digest = grain_of(values), crc32(np.ascontiguousarray(values[::step]).data)
    outer = values[[0, 0, -1, -1], [0, -1, 0, -1]].astype(np.float64).tolist()
    corners = tuple(map(tuple, outer))
    told = comb_of(values), padding, grain, lines, digest, profiles, wedges_of(values), corners
    further = repeats, detail, square_of(values), jumps, at_once
    return PlaneStatistics(z, mean, lowest, highest, clipped, *told, *further)


def _edges(size: int) -> NDArray[np.int64]:
    count = min(max(size // MIN_TILE_PX, 1), MAX_TILES)
    return np.linspace(0, size, count + 1).astype(np.int64)


def _ignored(values: Plane, invalid: Mask | None) -> Mask | None:
    if values.dtype.kind != "f":
        return invalid
    finite = np.isfinite(values).all(axis=-1)
    if finite.all():
        return invalid
    return np.asarray(~finite if invalid is None else ~finite | invalid)


def _tops(values: Plane, ignored: Mask | None) -> Array:
    if ignored is None:
        return np.asarray(values.max(axis=0).max(axis=0))  # far faster than both axes at once
    known = values[~ignored]
    return np.asarray(known.max(axis=0) if len(known) else values[0, 0])
