"""Find what stands still on the sensor: first whether, in tiles; then what, in whole planes."""

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np

from napari_umis_fusion.preprocess._grey import GreyConverter
from napari_umis_fusion.preprocess.fixed_pattern._banding import (
    Bands,
    Starts,
    find_banding,
    iter_lines,
)
from napari_umis_fusion.preprocess.fixed_pattern._coded_blocks import find_coded_blocks
from napari_umis_fusion.preprocess.fixed_pattern._estimate import PatternEstimate, iter_estimate
from napari_umis_fusion.preprocess.fixed_pattern._evidence import MIN_PLANES, holds_pattern
from napari_umis_fusion.preprocess.fixed_pattern._find_waves import find_waves
from napari_umis_fusion.preprocess.fixed_pattern._fixed_pattern import FixedPattern
from napari_umis_fusion.preprocess.fixed_pattern._marks import DEVIATION
from napari_umis_fusion.preprocess.fixed_pattern._samples import TILE_PX, PlaneSamples
from napari_umis_fusion.preprocess.fixed_pattern._waves import Waves
from napari_umis_fusion.runtime import BoolMap, FloatMap, ScratchMemory, Workers
from napari_umis_fusion.stack import Plane, Stack

MIN_STRENGTH = 0.001
"""Standard deviation of the weakest pattern that counts, as a share of the range."""

MIN_WHOLE = 0.0005
"""The same for the whole plane, of which a pattern may be in a small part."""

MAX_STRENGTH, MAX_SHARE = 0.05, 0.5
"""A stronger one, on more of the plane, is a specimen that is sharp in all planes."""

MOST_WAVES = 0.08
"""Standard deviation of the strongest waves; stronger ones are a grating of the specimen."""

PADDED_LINES = 2
"""Lines of one value at a side of a tile that are padding: a line of the sensor is one."""

ROUNDING = 0.1
"""Variance of what rounding to integers leaves, which blurred planes without noise share."""


def iter_sample(stack: Stack, samples: PlaneSamples, workers: Workers) -> Generator[None]:
    """Read the planes whose tiles nobody has cut, yielding every 50 ms."""

    def read(z: int) -> None:
        plane = stack.plane(z)
        if samples.of(z) is None:  # the stack may have cut them
            samples.add(z, plane, stack.uncovered(z))

    for z in samples.planes:
        if samples.of(z) is None:
            yield from workers.result(workers.submit(read, z))


def iter_find_pattern(
    stack: Stack,
    samples: PlaneSamples,
    to_grey: GreyConverter,
    workspace: ScratchMemory,
    workers: Workers,
    *,
    moves: bool = False,
) -> Generator[None, None, FixedPattern | None]:
    """Look for a pattern that all planes share, or that each has anew, yielding every 50 ms.

    Only if there are waves, the planes of the samples are read once more; only if there is a
    pattern besides, three times more; only if lines differ anew, all planes once more.

    Parameters
    ----------
    stack : Stack
        Planes as the sensor recorded them: not moved.
    samples : PlaneSamples
        Tiles of some of its planes.
    to_grey : GreyConverter
        Conversion to grey levels.
    workspace : ScratchMemory
        Memory for maps.
    workers : Workers
        Threads to run on.
    moves : bool
        Whether planes show the specimen at other places, so that its own lines differ in each, too.

    Returns
    -------
    FixedPattern or None
        None where there is none, or too few planes tell: with fewer than 4.
    """
    yield from iter_sample(stack, samples, workers)
    planes = samples.planes
    if len(planes) < MIN_PLANES or not to_grey.span() > 0:  # of a middle plane that is blank
        return None
    floor = _floor(stack, to_grey)
    tiles = yield from workers.result(workers.submit(_seen_tiles, samples, to_grey))
    known = tiles, _starts_of(samples), to_grey.span()
    blocks = yield from workers.result(workers.submit(find_coded_blocks, *known))
    waves = yield from workers.result(workers.submit(_waves_in, tiles, to_grey, floor))
    if waves is not None:
        stack = _CalmStack(stack, waves, to_grey)
        samples = PlaneSamples(stack.shape, stack.dtype)
        yield from iter_sample(stack, samples, workers)
        tiles = yield from workers.result(workers.submit(_seen_tiles, samples, to_grey))
    looking = workers.submit(_look, tiles, _starts_of(samples), floor)
    stands_still, bands = yield from workers.result(looking)
    banding, found = None, None
    if any(map(any, bands)) and not moves:
        banding = yield from iter_lines(stack, bands, to_grey, workers)
    if stands_still:
        shape = stack.shape[1], stack.shape[2]
        estimate = PatternEstimate(to_grey, shape, len(planes), floor, workspace)
        yield from iter_estimate(stack, planes, estimate, workers, banding)
        found = yield from workers.result(workers.submit(_described, estimate, to_grey))
    found = found or FixedPattern.none()
    found = replace(found, banding=banding, waves=waves, coded_blocks=blocks)
    if not found.comes_off:
        return None if blocks is None else found
    ranging = workers.submit(to_grey.range_without, stack, found.added_to)
    return replace(found, grey_range=(yield from workers.result(ranging)))


class _CalmStack(Stack):
    """A stack without waves, in 32-bit floats."""

    def __init__(self, stack: Stack, waves: Waves, to_grey: GreyConverter) -> None:
        self.shape, self.dtype = stack.shape, np.dtype(np.float32)
        self._stack, self._waves, self._to_grey = stack, waves, to_grey

    def plane(self, z: int) -> Plane:
        plane, scale = self._stack.plane(z), self._to_grey.range.scale
        added = self._waves.of(self._to_grey(plane), scale) / np.float32(scale)
        return plane.astype(np.float32) - added.reshape(*added.shape, *[1] * (plane.ndim - 2))

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> BoolMap | None:
        return self._stack.uncovered(z, rows, columns)


def _seen_tiles(samples: PlaneSamples, to_grey: GreyConverter) -> FloatMap:
    """Return the grey images of tiles, of shape (T, N, Y, X), of N planes that hold a picture."""
    seen = [_greys(samples.of(z) or [None] * len(samples.tiles), to_grey) for z in samples.planes]
    # A plane that holds none neither shares a pattern nor differs in its own way.
    seen = [tiles for tiles in seen if np.ptp(tiles, axis=(1, 2)).any()]
    return np.stack(seen, axis=1) if seen else np.zeros((len(samples.tiles), 0, 1, 1), np.float32)


def _waves_in(tiles: FloatMap, to_grey: GreyConverter, floor: float) -> Waves | None:
    """Return the waves that lie over all planes, if there are any."""
    found = find_waves(tiles, floor)
    scale = to_grey.range.scale
    waves = tuple(replace(one, amplitude=one.amplitude / scale) for one in found)
    whole = Waves(waves, to_grey.span() / scale)
    return whole if 0 < whole.strength < MOST_WAVES else None


def _starts_of(samples: PlaneSamples) -> Starts:
    """Return the first row, and the first column, of the tiles of a lattice."""
    rows, columns = (sorted({tile.window[axis].start for tile in samples.tiles}) for axis in (0, 1))
    return rows, columns


def _look(tiles: FloatMap, starts: Starts, floor: float) -> tuple[bool, tuple[Bands, Bands]]:
    """Return whether tiles show what stands still, and which lines differ anew."""
    if tiles.shape[1] < MIN_PLANES:
        return False, ((), ())
    return holds_pattern(tiles, floor, len(starts[1])), find_banding(tiles, floor, starts)


def _greys(tiles: Sequence[Plane | None], to_grey: GreyConverter) -> FloatMap:
    """Return the grey images of tiles, of shape (T, Y, X); 0 where one is not wholly there.

    Nor is one that is padded: a border of one value, in some planes, is no line of the sensor.
    """
    greys = np.zeros((len(tiles), TILE_PX, TILE_PX), np.float32)
    there = [number for number, tile in enumerate(tiles) if tile is not None]
    if there:  # below each other, since each call takes its time
        column = to_grey(np.concatenate([tile for tile in tiles if tile is not None]))
        greys[there] = column.reshape(len(there), TILE_PX, TILE_PX)
    greys[~np.isfinite(greys).all(axis=(1, 2))] = 0
    greys[_are_padded(greys)] = 0
    return greys


def _are_padded(greys: FloatMap) -> BoolMap:
    """Return which tiles (T, Y, X) begin or end with lines of one and the same value."""
    borders = [
        side[:, part]
        for side in (greys, greys.swapaxes(1, 2))
        for part in (slice(PADDED_LINES), slice(-PADDED_LINES, None))
    ]
    return np.asarray(np.any([np.ptp(border, axis=(1, 2)) == 0 for border in borders], axis=0))


def _floor(stack: Stack, to_grey: GreyConverter) -> float:
    """Return the variance that counts, in squared grey levels."""
    weakest = (MIN_STRENGTH * to_grey.span()) ** 2
    rounding = ROUNDING * to_grey.range.scale**2 if stack.dtype.kind in "iub" else 0.0
    return max(weakest, rounding, 1e-12)


def _described(estimate: PatternEstimate, to_grey: GreyConverter) -> FixedPattern | None:
    pattern, span = estimate.spots(), to_grey.span()
    if pattern is None:
        return None
    is_found = pattern != 0
    usual = float(np.median(np.abs(pattern[is_found]))) if is_found.any() else 0.0
    if is_found.mean() > MAX_SHARE and DEVIATION * usual > MAX_STRENGTH * span:
        return None  # few hot pixels, however bright, do not tell
    for line in estimate.lines():
        pattern += line
    # By chance, a few tiles share what most do not.
    if float((pattern * pattern).mean()) ** 0.5 < MIN_WHOLE * span:
        return None
    is_found = pattern != 0
    strength = float(pattern[is_found].std()) / span
    pattern /= np.float32(to_grey.range.scale)
    return FixedPattern(pattern, strength, float(is_found.mean()))
