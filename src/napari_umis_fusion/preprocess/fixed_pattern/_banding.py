"""Rows or columns that differ anew in each plane, as by noise of reading, or flicker of the lamp.

They run along whole rows, are as strong in one plane as in the other, and not the same in two.
Lines of a specimen are the same in all planes, more or less blurred: what planes show apart from
their mean then differs in strength only, or in few shapes that change slowly from plane to plane.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess._grey import GreyConverter
from napari_umis_fusion.preprocess._seen_from import Window
from napari_umis_fusion.preprocess.fixed_pattern._evidence import MIN_PLANES, lowest_and_usual
from napari_umis_fusion.preprocess.fixed_pattern._line_profiles import (
    PART_PX,
    Profiles,
    detail_of,
    filled,
    mean_of_parts,
    parts_of,
)
from napari_umis_fusion.runtime import BoolMap, FloatMap, Workers
from napari_umis_fusion.stack import Plane, Stack

GROUPS = 4
"""Lengths of lines that are compared: a specimen shows other detail in each."""

MIN_VARIANCE = 2.25
"""Of a band, in units of the variance that counts at least elsewhere: 0.15 % of the range."""

ALONG = 0.2
"""Share of its variance that the lengths of lines have in common; specimens reach 0.3."""

SIGMAS, CORRELATED = 2.5, (2, 20)
"""What that share is by chance, in standard deviations, and neighbouring lines that tell as much as
one of them, in each band."""

ALIKE = 0.25
"""Strength of the planes that have least, relative to the usual; of specimens usually below 0."""

OTHERWISE = 0.25
"""What planes show besides the one line pattern that they share most, relative to that: 0.5 to 1
where they are independent; gratings through focus reach 0.23 where `ALIKE` is not met."""

FEW_SHAPES, SLOWLY, SAME_SIGN = 0.82, 0.05, -0.25
"""Share of all that planes show apart from their mean which two shapes explain in a specimen that
comes into focus; how alike planes next to each other are in that; and how alike at least the three
pairs are that share least of all they show, since blur turns few signs."""

FEW_PLANES, ONE_SHAPE, SAME_SHAPE = 5, 0.65, 0.6
"""Of fewer planes, two shapes explain nearly all: strength of the second one relative to the first,
below which a specimen explains it whose planes are so much alike."""

LEAST_SHARE = 0.01
"""Variance of a plane, relative to that of the strongest, below which it counts as that strong."""

BLOCK_PX = 256
"""Rows of a plane that are worked on at once; whole parts."""

Bands = tuple[bool, ...]

Starts = tuple[Sequence[int], Sequence[int]]


def find_banding(tiles: FloatMap, floor: float, starts: Starts) -> tuple[Bands, Bands]:
    """Return in which bands of detail columns, and rows, differ anew in each plane.

    Parameters
    ----------
    tiles : ndarray of shape (T, N, Y, X), float32
        Grey images of T tiles of a lattice, row by row, each in N sampled planes.
    floor : float
        Variance, in squared grey levels, below which nothing counts.
    starts : tuple of sequence of int
        First row, and first column, of the tiles of the lattice.
    """
    lattice = tiles.reshape(len(starts[0]), len(starts[1]), *tiles.shape[1:])
    columns, rows = (_bands_along(lattice, axis, starts[axis], floor) for axis in (0, 1))
    return columns, rows


def _bands_along(lattice: FloatMap, axis: int, starts: Sequence[int], floor: float) -> Bands:
    parts = parts_of(lattice, axis)
    if axis == 0:
        parts = parts.swapaxes(0, 1)
    # Of each stripe of tiles and plane, all parts of its lines.
    stripes = np.moveaxis(parts, 1, 2)
    stripes = stripes.reshape(*stripes.shape[:2], -1, stripes.shape[-1])
    places = np.add.outer(starts, PART_PX * np.arange(parts.shape[3])).ravel()
    # Tiles may overlap, and what two of them show is the same there.
    seen = np.repeat(
        [0, *(start + lattice.shape[3 + axis] for start in starts[:-1])], parts.shape[3]
    )
    stripes = stripes[:, :, places >= seen]
    lengths = [part.mean(axis=2) for part in np.array_split(stripes, GROUPS, axis=2)]
    details = zip(detail_of(np.stack(lengths, axis=2)), CORRELATED, strict=True)
    return tuple(_is_new(detail, near, MIN_VARIANCE * floor) for detail, near in details)


def _is_new(lengths: Profiles, near: int, floor: float) -> bool:
    """Whether lines differ anew, given their detail of shape (stripes, planes, `GROUPS`, lines)."""
    stripes, planes, _, lines = lengths.shape
    if planes < MIN_PLANES:
        return False
    each = np.einsum("rigl,rjgl->rij", lengths, lengths)
    whole = lengths.sum(axis=2)
    # Products of different lengths of a line: noise and specimens have nothing in common there.
    common = (whole @ whole.swapaxes(1, 2) - each) / (GROUPS * (GROUPS - 1) * lines)
    shared, alone = (np.median(table, axis=0) for table in (common, each / (GROUPS * lines)))
    apart, own = _apart(shared), _apart(alone)
    lowest, usual = (float(rank[0]) for rank in lowest_and_usual(_variances(apart), planes))
    pairs = GROUPS * (GROUPS - 1) / 2
    chance = (near / (pairs * lines * stripes)) ** 0.5
    least = max(ALONG, SIGMAS * chance) * float(np.median(_variances(own)))
    if not usual > max(floor, least):
        return False
    shapes = np.linalg.eigvalsh(apart)
    is_new = lowest > ALIKE * usual and shapes[-2] > OTHERWISE * shapes[-1]
    return bool(is_new and not _comes_into_focus(shared, apart, np.maximum(shapes, 0)))


def _comes_into_focus(shared: Profiles, apart: Profiles, shapes: Profiles) -> bool:
    """Whether lines are those of a specimen: they sharpen, and stay where they are.

    Parameters
    ----------
    shared : ndarray of shape (planes, planes)
        Products of the detail of lines in two planes.
    apart : ndarray of shape (planes, planes)
        The same without the mean of the planes.
    shapes : ndarray of shape (planes,)
        Eigenvalues of that, ascending: how strong each shape is of which it consists.
    """
    strengths = np.diagonal(shared)
    strengths = np.sqrt(np.maximum(strengths, LEAST_SHARE * strengths.max()))
    alike = np.sort((shared / np.outer(strengths, strengths))[np.triu_indices(len(shared), 1)])
    if len(shared) < FEW_PLANES:
        return bool(shapes[-2] < ONE_SHAPE * shapes[-1] and np.median(alike) > SAME_SHAPE)
    own = np.diagonal(apart)
    slowly = 2 * np.diagonal(apart, 1).sum() / (own[1:] + own[:-1]).sum()
    are_few = shapes[-2:].sum() > FEW_SHAPES * shapes.sum()
    return bool(are_few and slowly > SLOWLY and alike[:3].mean() > SAME_SIGN)


def _apart(products: Profiles) -> Profiles:
    """Return the products of what planes show apart from their mean."""
    centred = products - products.mean(axis=0)
    return np.asarray(centred - centred.mean(axis=1, keepdims=True))


def _variances(products: Profiles) -> Profiles:
    planes = len(products)
    return np.asarray(np.diagonal(products)[:, None] * planes / (planes - 1))


@dataclass(frozen=True, eq=False)
class Banding:
    """What each row and column adds to each plane.

    Attributes
    ----------
    columns : ndarray of shape (Z, X), float32, or None
        In units of the stack; None where columns do not differ.
    rows : ndarray of shape (Z, Y), float32, or None
        The same for rows.
    span : float
        Range of the stack.
    """

    columns: NDArray[np.float32] | None
    rows: NDArray[np.float32] | None
    span: float

    @property
    def strengths(self) -> dict[str, float]:
        """Standard deviation of columns and rows, those that differ, as a share of the range."""
        lines = {"columns": self.columns, "rows": self.rows}
        return {
            name: float(values.std()) / self.span
            for name, values in lines.items()
            if values is not None
        }

    @property
    def note(self) -> str:
        """Say what was found, and what becomes of it."""
        found = self.strengths
        share = 100 * max(found.values())
        what = f"{' and '.join(found)} differ anew in each plane by {share:.1f} %"
        return f"{what}: left out of the measure"

    def of(self, z: int, window: Window = (slice(None), slice(None))) -> FloatMap:
        """Return what is added to a rectangle of plane `z`: its shape, or 1 along either side."""
        columns = 0 if self.columns is None else self.columns[z, None, window[1]]
        rows = 0 if self.rows is None else self.rows[z, window[0], None]
        return np.asarray(columns + rows, np.float32)

    def moved(self, z: int, transform: NDArray[np.float64], window: Window) -> FloatMap:
        """Return what is added to plane `z` as aligned, in a rectangle of the reference plane.

        Parameters
        ----------
        z : int
            The plane, counted from 0.
        transform : ndarray of shape (2, 3)
            From the aligned plane to the sensor.
        window : tuple of slice
            Rows and columns of the reference plane.
        """
        rows, columns = np.ogrid[window]
        added = np.zeros((rows.size, columns.size), np.float32)
        for lines, (along_y, along_x, start) in zip(
            (self.rows, self.columns), transform, strict=True
        ):
            if lines is not None:
                places = along_y * rows + along_x * columns + start
                added += np.interp(places, np.arange(lines.shape[1]), lines[z])
        return added


def iter_lines(
    stack: Stack,
    bands: tuple[Bands, Bands],
    to_grey: GreyConverter,
    workers: Workers,
) -> Generator[None, None, Banding]:
    """Read all planes, and return what lines add to each, yielding every 50 ms.

    Parameters
    ----------
    stack : Stack
        Planes as the sensor recorded them.
    bands : tuple of tuple of bool
        What `find_banding` found.
    to_grey : GreyConverter
        Conversion to grey levels.
    workers : Workers
        Threads to run on.
    """
    lines = [
        np.zeros((len(stack), side), np.float32) if any(found) else None
        for side, found in zip(stack.shape[2:0:-1], bands, strict=True)
    ]

    def measure(z: int) -> None:
        plane, missing = stack.plane(z), stack.uncovered(z)
        for axis, found in enumerate(lines):
            if found is not None:
                parts = _parts_of_plane(plane, missing, axis, to_grey)
                found[z] = _mean_of_bands(parts, bands[axis]) / to_grey.range.scale

    for z in range(len(stack)):
        yield from workers.result(workers.submit(measure, z))
    columns, rows = lines
    return Banding(columns, rows, to_grey.span() / to_grey.range.scale)


def _parts_of_plane(
    plane: Plane, missing: BoolMap | None, axis: int, to_grey: GreyConverter
) -> Profiles:
    """Return the parts of the lines of a plane, from some rows of it at a time."""
    starts = range(0, max(len(plane) - BLOCK_PX + 1, 1), BLOCK_PX)
    parts, absent = [], []
    for top, bottom in pairwise([*starts, len(plane)]):
        grey = to_grey(plane[top:bottom])
        nothing = ~np.isfinite(grey)
        if missing is not None:
            nothing |= missing[top:bottom]
        grey[nothing] = 0
        parts.append(parts_of(grey, axis))
        absent.append(parts_of(nothing.astype(np.float32), axis) > 0)
    place = 0 if axis == 0 else 1  # of columns, blocks hold other parts; of rows, other lines
    return filled(np.concatenate(parts, axis=place), np.concatenate(absent, axis=place))


def _mean_of_bands(parts: Profiles, bands: Bands) -> Profiles:
    details = zip(detail_of(parts), bands, strict=True)
    return np.asarray(sum(mean_of_parts(detail) for detail, is_found in details if is_found))
