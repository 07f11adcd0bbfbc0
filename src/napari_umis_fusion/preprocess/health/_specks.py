"""Specks: pixels that one plane alone records, such as cosmic rays and blinking pixels.

The smallest thing that a lens draws is wider than a pixel, and defocus fades it from plane to
plane. What stands out from its own surroundings by itself, and from the planes before and after, is
not of the specimen. Cosmic rays are told from stars in a similar way, by an edge that is sharper
than the optics allow [1]_.

References
----------
.. [1] P. G. van Dokkum, "Cosmic-Ray Rejection by Laplacian Edge Detection", PASP 113, 2001.
   https://doi.org/10.1086/323894
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess._grey import OUTLIERS_PERCENT, comparable
from napari_umis_fusion.preprocess.health._beyond import Beyond, places_beyond
from napari_umis_fusion.preprocess.health._clusters import REACH_PX as MARGIN_PX
from napari_umis_fusion.preprocess.health._clusters import mark_clusters
from napari_umis_fusion.preprocess.health._flat_parts import mark_flat_parts
from napari_umis_fusion.preprocess.health._impulses import find_impulses
from napari_umis_fusion.preprocess.health._singles import singles_among
from napari_umis_fusion.runtime import split_rows
from napari_umis_fusion.stack import Plane

Mask = NDArray[np.bool_]

MIN_HEIGHT = 8.0
"""Height of a bright speck, in mean differences between the planes around it."""

MIN_DEPTH = 16.0
"""The same for a dark one: cosmic rays are bright, and small gaps of the specimen are dark."""

MIN_SPAN = 1 / 16
"""Height of a speck, as a share of what the plane spans: single photons are less."""

CLUSTER_HEIGHT = 2.0
"""How much higher clusters of pixels are at least: small things in focus are of their size too."""

MAX_SHARE = 1e-3
"""Share of the pixels up to which specks are told; more are the noise of a stack that has little
light."""

MAX_CLUSTERED = 1e-2
"""Share of the pixels up to which clusters of them are told."""

MAX_FLAT = 1 / 4
"""Share of the pixels up to which parts of one value are filled; larger ones were not written."""

MIN_LEVELS = 2.0
"""Least height for those, in whole numbers: an even ground is of one value in places."""

PART_ROWS = 256
"""Rows that are looked at in one go; clusters reach a little beyond."""

SAMPLE_PX = 1 << 16
"""About how many pixels tell what the plane spans."""


@dataclass(frozen=True, slots=True, eq=False)
class Specks:
    """The specks of a plane.

    Attributes
    ----------
    places : ndarray of shape (N,), int64
        Their pixels, as indices of the flattened plane.
    fill : ndarray of shape (N,) or (N, C)
        What the planes before and after show there, in their dtype.
    """

    places: NDArray[np.int64]
    fill: Plane

    def __len__(self) -> int:
        return len(self.places)

    def within(self, rows: slice, columns: slice, width: int) -> "Specks":
        """Return those in a rectangle of the plane, whose rows have `width` pixels."""
        down, along = np.divmod(self.places, width)
        is_inside = (rows.start <= down) & (down < rows.stop)
        is_inside &= (columns.start <= along) & (along < columns.stop)
        down, along = down[is_inside] - rows.start, along[is_inside] - columns.start
        return Specks(down * (columns.stop - columns.start) + along, self.fill[is_inside])

    def where(self, counts: Mask) -> "Specks":
        """Return those where a mask (Y, X) says so."""
        kept = counts.reshape(-1)[self.places]
        return Specks(self.places[kept], self.fill[kept])

    def mask(self, shape: tuple[int, ...]) -> Mask:
        """Return them as bool of shape (Y, X)."""
        found = np.zeros(shape[:2], np.bool_)
        found.reshape(-1)[self.places] = True
        return found

    def filled(self, plane: Plane) -> Plane:
        """Return a plane without them."""
        if not len(self):
            return plane
        whole = plane.copy()
        whole.reshape(-1, *plane.shape[2:])[self.places] = self.fill
        return whole


Places = NDArray[np.int64]
Found = tuple[Places, Places, Places]
"""Single pixels, those of clusters, and those of parts of one value, as indices of the flattened
plane."""


def specks_in(rows: slice, plane: Plane, around: Sequence[Plane], least: Sequence[float]) -> Found:
    """Return the pixels of specks in some rows of a plane; clusters that reach there are whole.

    Parameters
    ----------
    rows : slice
        Which rows.
    plane : ndarray of shape (Y, X) or (Y, X, C)
        The whole plane.
    around : sequence of ndarray
        The planes before and after it, or one of them.
    least : sequence of float
        Least height for each channel.
    """
    top = max(0, rows.start - MARGIN_PX)
    part = slice(top, min(len(plane), rows.stop + MARGIN_PX))
    inner = rows.start - top, rows.stop - top
    level, noises = _level(plane), (MIN_HEIGHT, MIN_DEPTH)
    levels = MIN_LEVELS if plane.dtype.kind in "iu" else 0.0
    planes = plane[part], around[0][part], around[-1][part]
    masks = [np.zeros(0, np.bool_)] * 3
    # Short integers are compared as they are: most planes have no such pixel.
    is_short = plane.ndim == 2 and plane.dtype in (np.uint8, np.uint16)
    for c, height in enumerate(least):
        seen = planes if is_short else [_channel_of(one, c, level) for one in planes]
        places = places_beyond(seen, height, *inner)
        if not len(places):
            continue
        if not masks[0].size:  # most parts need none
            masks = [np.zeros(planes[0].shape[:2], np.bool_) for _ in range(3)]
        singles, clusters, flat = masks
        if is_short:
            seen = [_channel_of(one, c, level) for one in seen]
        beyond = Beyond.among(seen, places, height)
        singles.reshape(-1)[singles_among(beyond, height, noises)] = True
        if len(around) > 1:  # on one side, coarse steps leave nothing of a sparkle either
            mark_clusters(beyond, CLUSTER_HEIGHT * height, noises, clusters)
        mark_flat_parts(beyond, max(height, levels), flat)
    masks[2][: inner[0]] = masks[2][inner[1] :] = False  # of other rows, which see more of them
    first = top * plane.shape[1]
    return tuple(np.flatnonzero(mask) + first for mask in masks)


def find_specks(plane: Plane, around: Sequence[Plane]) -> Specks:
    """Return the specks of a plane, given those before and after it, or one of them."""
    if not around or plane.dtype.kind == "b":
        return no_specks(plane)
    least = least_heights(plane)
    parts = [specks_in(rows, plane, around, least) for rows in split_rows(len(plane), PART_ROWS)]
    return join_specks(parts, plane, around, least)


def no_specks(plane: Plane) -> Specks:
    """Return the specks of a plane that has none."""
    return Specks(np.zeros(0, np.int64), plane.reshape(-1, *plane.shape[2:])[:0].copy())


def join_specks(
    parts: Sequence[Found], plane: Plane, around: Sequence[Plane], least: Sequence[float]
) -> Specks:
    """Return those of all rows; of a kind that is not rare, none but salt and pepper."""
    singles, clusters, flat = (
        np.unique(np.concatenate(found)) for found in zip(*parts, strict=True)
    )
    size = plane.shape[0] * plane.shape[1]
    if len(singles) > MAX_SHARE * size:
        impulses = find_impulses(plane, around, singles, least)
        if impulses is not None:
            places, fill = impulses
            return Specks(places, fill.reshape(len(places), *plane.shape[2:]))
        singles = clusters = singles[:0]
    if len(clusters) > MAX_CLUSTERED * size:
        clusters = clusters[:0]
    places = np.union1d(singles, clusters)
    if len(flat) <= MAX_FLAT * size:
        places = np.union1d(places, flat)
    rows = [one.reshape(-1, *plane.shape[2:])[places] for one in around]
    return Specks(places, _mean_of(rows))


def least_heights(plane: Plane) -> tuple[float, ...]:
    """Return the least height of a speck for each channel, from what the plane spans."""
    step = max(1, round((plane.shape[0] * plane.shape[1] / SAMPLE_PX) ** 0.5))
    sample = plane[::step, ::step].reshape(-1, *plane.shape[2:] or (1,))
    if sample.dtype.kind == "f":
        sample = sample.astype(np.float64)
        sample = sample[np.isfinite(sample).all(axis=1)]
    if len(sample) == 0:
        return (np.inf,) * int(sample.shape[1])
    return tuple(_least_height(values) for values in sample.T)


def _least_height(values: NDArray[Any]) -> float:
    # Bytes are sorted several times as fast; wider integers might overflow in differences.
    dtype = values.dtype if values.dtype in (np.uint8, np.uint16) else np.dtype(np.float64)
    line = np.ascontiguousarray(values, dtype)
    low, high = np.percentile(line, (OUTLIERS_PERCENT, 100 - OUTLIERS_PERCENT))
    return float(MIN_SPAN * (high - low))


def _level(plane: Plane) -> float:
    """Return a value of the plane: far from zero, float32 holds differences from it only."""
    middle = plane[plane.shape[0] // 2, plane.shape[1] // 2].reshape(-1)[0]
    return float(middle) if np.isfinite(middle) else 0.0


def _channel_of(part: Plane, c: int, level: float) -> NDArray[np.float32]:
    """Return a channel of shape (Y, X) as float32, less a level."""
    values = part if part.ndim == 2 else part[..., c]
    return np.ascontiguousarray(comparable(values, level), np.float32)


def _mean_of(values: Sequence[Plane]) -> Plane:
    """Return the mean in the dtype of the values."""
    dtype = values[0].dtype
    if dtype.kind == "b":
        return values[0]
    mean = np.mean([one.astype(np.float64) for one in values], axis=0)
    return np.asarray(np.rint(mean) if dtype.kind in "iu" else mean).astype(dtype)
