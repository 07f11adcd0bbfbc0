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
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.preprocess._grey import OUTLIERS_PERCENT, comparable
from napari_umis_fusion.runtime import split_rows
from napari_umis_fusion.stack import Plane

Mask = NDArray[np.bool_]

MIN_ALONE = 0.7
"""Share of its height over its surroundings by which a speck exceeds all pixels next to it but one,
and all of the planes around. A point drawn with a sigma of 0.65 px has a share of 0.7, with 1 px
one of 0.4; a line a pixel wide has two neighbours as bright as itself."""

MAX_SPREAD = 0.3
"""Light that the pixels next to it may have, as a share of its height: however small an image is,
it hardly ever lies within one pixel."""

MIN_GONE = 0.5
"""Share of its light that the planes around do not show anywhere near it."""

MIN_HEIGHT = 8.0
"""Height of a bright speck, in mean differences between the planes around it."""

MIN_DEPTH = 16.0
"""The same for a dark one: cosmic rays are bright, and small gaps of the specimen are dark."""

MIN_SPAN = 1 / 16
"""Height of a speck, as a share of what the plane spans: single photons are less."""

MAX_SHARE = 1e-3
"""Share of the pixels up to which specks are told; more are the noise of a stack that has little
light."""

SAMPLE_PX = 1 << 16
"""About how many pixels tell what the plane spans."""

REACH_PX = 4
"""Half the side of the window that tells the noise."""

CORE_PX = 2
"""Half the side of its middle, which does not count."""


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


def specks_in(rows: slice, plane: Plane, around: Sequence[Plane], least: Sequence[float]) -> Specks:
    """Return the specks in some rows of a plane.

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
    top = max(0, rows.start - REACH_PX)
    part = slice(top, min(len(plane), rows.stop + REACH_PX))
    inner = slice(rows.start - top, rows.stop - top)
    level = _level(plane)
    here, before, after = (_planar(one[part], level) for one in (plane, around[0], around[-1]))
    found = np.zeros(here.shape[1:], np.bool_)
    for c, height in enumerate(least):
        _mark(here[c], before[c], after[c], height, inner.start, inner.stop, found)
    down, along = np.nonzero(found[inner])
    down += rows.start
    fill = _mean_of([one[down, along] for one in around])
    return Specks((down * plane.shape[1] + along).astype(np.int64), fill)


def find_specks(plane: Plane, around: Sequence[Plane]) -> Specks:
    """Return the specks of a plane, given those before and after it, or one of them."""
    if not around or plane.dtype.kind == "b":
        return no_specks(plane)
    least = least_heights(plane)
    parts = [specks_in(rows, plane, around, least) for rows in split_rows(len(plane))]
    return join_specks(parts, plane)


def no_specks(plane: Plane) -> Specks:
    """Return the specks of a plane that has none."""
    return Specks(np.zeros(0, np.int64), plane.reshape(-1, *plane.shape[2:])[:0].copy())


def join_specks(parts: Sequence[Specks], plane: Plane) -> Specks:
    """Return those of all rows; none where they are too many."""
    places = np.concatenate([part.places for part in parts])
    fill = np.concatenate([part.fill for part in parts])
    few = len(places) <= MAX_SHARE * plane.shape[0] * plane.shape[1]
    return Specks(places, fill) if few else Specks(places[:0], fill[:0])


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


def _planar(part: Plane, level: float) -> NDArray[np.float32]:
    """Return (C, Y, X) as float32, less a level."""
    values = comparable(part, level).astype(np.float32).reshape(*part.shape[:2], -1)
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def _mean_of(values: Sequence[Plane]) -> Plane:
    """Return the mean in the dtype of the values."""
    dtype = values[0].dtype
    if dtype.kind == "b":
        return values[0]
    mean = np.mean([one.astype(np.float64) for one in values], axis=0)
    return np.asarray(np.rint(mean) if dtype.kind in "iu" else mean).astype(dtype)


@njit(nogil=True, cache=True, error_model="numpy")
def _mark(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    least: float,
    first: int,
    last: int,
    found: Mask,
) -> None:
    width = here.shape[1]
    for y in range(first, last):
        for x in range(width):
            value = here[y, x]
            above = value - max(before[y, x], after[y, x])
            below = min(before[y, x], after[y, x]) - value
            if above > least:
                sign = np.float32(1)
            elif below > least:
                sign = np.float32(-1)
            else:
                continue
            if _stands_out(here, before, after, y, x, sign, least):
                found[y, x] = True


@njit(nogil=True, cache=True, error_model="numpy")
def _stands_out(
    here: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    y: int,
    x: int,
    sign: np.float32,
    least: float,
) -> bool:
    height, width = here.shape
    value = sign * here[y, x]
    second, highest, others = -np.inf, -np.inf, -np.inf
    for i in range(max(0, y - 1), min(height, y + 2)):
        for j in range(max(0, x - 1), min(width, x + 2)):
            others = max(others, sign * before[i, j], sign * after[i, j])
            if i == y and j == x:
                continue
            near = sign * here[i, j]
            if near > highest:
                highest, second = near, highest
            elif near > second:
                second = near
        if value - max(second, others) <= least:
            return False
    alone = value - max(second, others)
    if not alone > least:  # nor where a value is NaN
        return False
    noise, count, core = 0.0, 0, 0
    light = np.zeros(3)  # in the plane, and in those around it: of the core, then of the rest
    rest = np.zeros(3)
    for i in range(max(0, y - REACH_PX), min(height, y + REACH_PX + 1)):
        for j in range(max(0, x - REACH_PX), min(width, x + REACH_PX + 1)):
            values = (here[i, j], before[i, j], after[i, j])
            if abs(i - y) <= CORE_PX and abs(j - x) <= CORE_PX:
                if abs(i - y) <= 1 and abs(j - x) <= 1:
                    core += 1
                    for k in range(3):
                        light[k] += sign * values[k]
                continue
            for k in range(3):
                rest[k] += sign * values[k]
            noise += abs(values[0] - (values[1] + values[2]) / 2)
            count += 1
    if count == 0:
        return False
    own = value - rest[0] / count
    light -= core * rest / count
    # Defocus spreads light and keeps its amount; that of a speck is in its plane only.
    gone = light[0] - max(light[1], light[2])
    spread = light[0] - own
    if highest - rest[0] / count > own / 2:  # a speck of two pixels
        spread -= highest - rest[0] / count
    return bool(
        alone > MIN_ALONE * own
        and spread < MAX_SPREAD * own
        and gone > MIN_GONE * own
        and alone > (MIN_HEIGHT if sign > 0 else MIN_DEPTH) * noise / count
    )
