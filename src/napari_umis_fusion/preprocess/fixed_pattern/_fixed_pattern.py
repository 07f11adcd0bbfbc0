"""A pattern that stands still on the sensor, and how it is taken off grey images."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess._grey import GreyRange
from napari_umis_fusion.preprocess._seen_from import Window, seen_from
from napari_umis_fusion.preprocess.fixed_pattern._banding import Banding
from napari_umis_fusion.preprocess.fixed_pattern._coded_blocks import CodedBlocks
from napari_umis_fusion.preprocess.fixed_pattern._detail import REACH_PX, finest
from napari_umis_fusion.preprocess.fixed_pattern._tiles import Table, TileGrid
from napari_umis_fusion.preprocess.fixed_pattern._waves import REACH_PX as WAVE_REACH_PX
from napari_umis_fusion.preprocess.fixed_pattern._waves import Waves
from napari_umis_fusion.runtime import FloatMap, Workers

Block = tuple[int, int]
"""The first of some rows of tiles, and the first after them."""

PatternKind = Literal["columns", "rows", "pixels"]

USUAL_CHANGE = 0.3
"""Standard deviation of the strength of the pattern in a plane, relative to the other planes."""

LARGEST = 2.0
"""Largest strength of the pattern in a plane, relative to the other planes."""

LINES = 0.5
"""Share of its variance that is the same along columns, or rows, in a pattern of these."""


@dataclass(frozen=True, eq=False)
class FixedPattern:
    """What all planes show at the same pixel of the sensor.

    Attributes
    ----------
    values : ndarray of shape (Y, X), float32, or None
        In units of the stack, about 0 on average; 0 where no pattern was found. None where there
        are only waves, or lines that differ anew.
    strength : float
        Its standard deviation where it was found, as a share of the range of the stack.
    coverage : float
        Share of the plane where it was found, 0 to 1; 0 without values.
    banding : Banding or None
        What lines add to each plane besides.
    waves : Waves or None
        What lies over planes in narrow bands of frequencies, and is taken off each by itself.
    coded_blocks : CodedBlocks or None
        What compression left in planes, which stays.
    grey_range : GreyRange or None
        Grey levels of planes without all that; None: those of planes with it.
    """

    values: FloatMap | None
    strength: float
    coverage: float
    banding: Banding | None = None
    waves: Waves | None = None
    coded_blocks: CodedBlocks | None = None
    grey_range: GreyRange | None = None

    @classmethod
    def none(cls) -> "FixedPattern":
        """Return one that adds nothing to any plane."""
        return cls(None, 0.0, 0.0)

    @property
    def kind(self) -> PatternKind:
        """Whether whole columns or rows differ, or single pixels."""
        if self.values is None:
            return "pixels"
        least = LINES * float(self.values.var())
        columns, rows = (float(self.values.mean(axis=axis).var()) for axis in (0, 1))
        if max(columns, rows) < least or max(columns, rows) < 2 * min(columns, rows):
            return "pixels"
        return "columns" if columns > rows else "rows"

    @property
    def notes(self) -> list[str]:
        """Say what was found, and what becomes of it."""
        notes = [self._note] if self.coverage else []
        others = self.waves, self.banding, self.coded_blocks
        return [*notes, *(one.note for one in others if one is not None)]

    @property
    def comes_off(self) -> bool:
        """Whether something is taken off planes."""
        return any(one is not None for one in (self.values, self.banding, self.waves))

    @property
    def _note(self) -> str:
        what = "a pattern" if self.kind == "pixels" else f"a pattern of {self.kind}"
        where = "" if self.coverage > 0.9 else f" in {100 * self.coverage:.0f} % of the image"
        return (
            f"{what} of {100 * self.strength:.1f} % stands still on the sensor{where}: left out "
            "of the measure"
        )

    def describe(self) -> dict[str, Any]:
        """Return what was found as JSON values."""
        found: dict[str, Any] = {}
        if self.coverage:
            strength, coverage = round(self.strength, 5), round(self.coverage, 3)
            still = {"kind": self.kind, "strength": strength, "coverage": coverage}
            found["fixed_pattern"] = still
        if self.waves is not None:
            found["waves"] = self.waves.describe()
        if self.coded_blocks is not None:
            found["coded_blocks"] = self.coded_blocks.describe()
        if self.banding is not None:
            strengths = self.banding.strengths.items()
            found["banding"] = {name: round(strength, 5) for name, strength in strengths}
        return found

    def added_to(
        self, z: int, window: Window, transform: NDArray[np.float64] | None = None
    ) -> FloatMap:
        """Return what is added to a rectangle of a plane as it is seen, in units of the stack.

        Parameters
        ----------
        z : int
            The plane, counted from 0.
        window : tuple of slice
            Rows and columns of the sensor, or of the reference plane where the plane was moved; of
            planes as recorded, perhaps every so many of them.
        transform : ndarray of shape (2, 3), optional
            From the aligned plane to the sensor; by default the plane is as recorded.
        """
        height, width = (len(range(one.start, one.stop, one.step or 1)) for one in window)
        added: FloatMap = np.zeros((height, width), np.float32)
        still, lines = self.values, self.banding
        if still is not None:
            added += still[window] if transform is None else _moved(still, transform, window)
        if lines is not None:
            added += lines.of(z, window) if transform is None else lines.moved(z, transform, window)
        return added


class PatternRemoval:
    """Takes a pattern off the grey images of a fusion.

    Parameters
    ----------
    pattern : FixedPattern
        As found.
    grey_range : GreyRange
        Grey levels of the images.
    transforms : ndarray of shape (Z, 2, 3), optional
        Where planes were moved to; by default they are as recorded.
    window : tuple of slice, optional
        Rows and columns of the reference plane that the images show.
    workers : Workers
        Threads to run on.
    """

    def __init__(
        self,
        pattern: FixedPattern,
        grey_range: GreyRange,
        workers: Workers,
        transforms: NDArray[np.float64] | None = None,
        window: Window | None = None,
    ) -> None:
        self._pattern, self._scale, self._workers = pattern, np.float32(grey_range.scale), workers
        self._transforms, self._window = transforms, window
        known = pattern.grey_range or grey_range
        gain = known.scale / grey_range.scale
        self._levels = np.float32(gain), np.float32((grey_range.black - known.black) * known.scale)

    def iter_correct(self, grey: FloatMap, z: int) -> Generator[None]:
        """Take waves and the pattern off the grey image of plane `z`, in place.

        In each tile as strong as the plane shows it: a gain is stronger in brighter planes, and
        there is nothing to take off where the camera was saturated.
        """
        shape = grey.shape[0], grey.shape[1]
        grid = TileGrid(shape)
        if self._pattern.waves is not None:
            calming = partial(self._take_off_waves, self._pattern.waves, grey, grey.copy(), z, grid)
            yield from self._workers.each(calming, grid.blocks())
        strength: Table = np.ones(grid.counts)
        # What is added is made twice, of some rows at a time, so that no map of it is kept.
        added = partial(self._added_to, z, shape)
        for job in _measure_strength, partial(_take_off, self._levels):
            work = partial(job, grey, added, strength, grid)
            yield from self._workers.each(work, grid.blocks())

    def _added_to(self, z: int, shape: tuple[int, int], rows: slice) -> FloatMap:
        """Return what is added to some rows of the grey image of plane `z`, in grey levels."""
        seen = self._window or (slice(0, shape[0]), slice(0, shape[1]))
        top = seen[0].start
        window = slice(top + rows.start, top + rows.stop), seen[1]
        return self._pattern.added_to(z, window, self._transform(z)) * self._scale

    def _transform(self, z: int) -> NDArray[np.float64] | None:
        """Return where plane `z` was moved to; None where it is as recorded."""
        if self._transforms is None or self._window is None:
            return None
        transform = self._transforms[z]
        return None if np.array_equal(transform, np.eye(2, 3)) else transform

    def _take_off_waves(
        self, waves: Waves, grey: FloatMap, whole: FloatMap, z: int, grid: TileGrid, block: Block
    ) -> None:
        rows = slice(int(grid.rows[block[0]]), int(grid.rows[block[1]]))
        start = max(0, rows.start - WAVE_REACH_PX)
        seen = whole[start : rows.stop + WAVE_REACH_PX]
        found = waves.of(seen, float(self._scale), self._transform(z))
        grey[rows] -= found[rows.start - start : rows.stop - start]


def _moved(values: FloatMap, transform: NDArray[np.float64], window: Window) -> FloatMap:
    """Return what a rectangle of an aligned plane shows of values of the sensor."""
    from scipy.ndimage import affine_transform

    matrix, begin, shape = seen_from(transform, window)
    if np.array_equal(matrix, np.eye(2)):
        matrix = np.ones(2)  # shifts are several times as fast
    moved: FloatMap = affine_transform(values, matrix, begin, shape, order=1)
    return moved


def _measure_strength(
    grey: FloatMap,
    added: Callable[[slice], FloatMap],
    strength: Table,
    grid: TileGrid,
    block: Block,
) -> None:
    edges = grid.rows
    first, last = int(edges[block[0]]), int(edges[block[1]])
    rows = slice(max(0, first - REACH_PX), min(last + REACH_PX, len(grey)))
    inner = slice(first - rows.start, last - rows.start)
    detail, part = finest(grey[rows])[inner], finest(added(rows))[inner]
    shared, own = grid.means(detail * part, *block), grid.means(part * part, *block)
    energy = grid.means(detail * detail, *block)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = shared / own
        # Detail of a specimen in focus hides how strong the pattern is; then it is as usual.
        doubt = 2 * np.maximum(energy - shared * found, 0) / own / grid.side_px**2
        change = (found - 1) * USUAL_CHANGE**2 / (USUAL_CHANGE**2 + doubt)
    strength[slice(*block)] = np.clip(1 + np.nan_to_num(change), 0, LARGEST)


def _take_off(
    levels: tuple[np.float32, np.float32],
    grey: FloatMap,
    added: Callable[[slice], FloatMap],
    strength: Table,
    grid: TileGrid,
    block: Block,
) -> None:
    """Take a pattern off a block of tiles, and let the rest span as many grey levels as others."""
    edges = grid.rows
    rows = slice(int(edges[block[0]]), int(edges[block[1]]))
    left, (gain, offset) = grey[rows], levels
    grid.add_scaled(left, added(rows), -strength, rows.start)
    if gain != 1 or offset != 0:
        left *= gain
        left += offset
