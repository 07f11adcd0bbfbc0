"""Find what stands still on the sensor: first whether, in tiles; then what, in whole planes."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from napari_umis_fusion.preprocess._grey import GreyConverter
from napari_umis_fusion.preprocess.fixed_pattern._banding import Bands, find_banding, iter_lines
from napari_umis_fusion.preprocess.fixed_pattern._estimate import PatternEstimate, iter_estimate
from napari_umis_fusion.preprocess.fixed_pattern._evidence import MIN_PLANES, holds_pattern
from napari_umis_fusion.preprocess.fixed_pattern._fixed_pattern import FixedPattern
from napari_umis_fusion.preprocess.fixed_pattern._marks import DEVIATION
from napari_umis_fusion.preprocess.fixed_pattern._samples import TILE_PX, PlaneSamples
from napari_umis_fusion.runtime import FloatMap, ScratchMemory, Workers
from napari_umis_fusion.stack import Plane, Stack

MIN_STRENGTH = 0.001
"""Standard deviation of the weakest pattern that counts, as a share of the range."""

MIN_WHOLE = 0.0005
"""The same for the whole plane, of which a pattern may be in a small part."""

MAX_STRENGTH, MAX_SHARE = 0.05, 0.5
"""A stronger one, on more of the plane, is a specimen that is sharp in all planes."""

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

    Only if there is a pattern, the planes of the samples are read three times more; only if lines
    differ anew, all planes once more.

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
    looking = workers.submit(partial(_look, samples, to_grey, floor))
    stands_still, bands = yield from workers.result(looking)
    banding, found = None, None
    if any(map(any, bands)) and not moves:
        banding = yield from iter_lines(stack, bands, to_grey, workers)
    if stands_still:
        shape = stack.shape[1], stack.shape[2]
        estimate = PatternEstimate(to_grey, shape, len(planes), floor, workspace)
        yield from iter_estimate(stack, planes, estimate, workers, banding)
        found = yield from workers.result(workers.submit(_described, estimate, to_grey))
    if banding is None and found is None:
        return None
    found = replace(found or FixedPattern.none(), banding=banding)
    ranging = workers.submit(to_grey.range_without, stack, found.added_to)
    return replace(found, grey_range=(yield from workers.result(ranging)))


def _look(
    samples: PlaneSamples, to_grey: GreyConverter, floor: float
) -> tuple[bool, tuple[Bands, Bands]]:
    """Return whether tiles show what stands still, and which lines differ anew."""
    seen = [_greys(samples.of(z) or [None] * len(samples.tiles), to_grey) for z in samples.planes]
    rows, columns = (sorted({tile.window[axis].start for tile in samples.tiles}) for axis in (0, 1))
    # A plane that holds no picture neither shares a pattern nor differs in its own way.
    seen = [tiles for tiles in seen if np.ptp(tiles, axis=(1, 2)).any()]
    if len(seen) < MIN_PLANES:
        return False, ((), ())
    tiles = np.stack(seen, axis=1)
    return holds_pattern(tiles, floor, len(columns)), find_banding(tiles, floor, (rows, columns))


def _greys(tiles: Sequence[Plane | None], to_grey: GreyConverter) -> FloatMap:
    """Return the grey images of tiles, of shape (T, Y, X); 0 where one is not wholly there."""
    greys = np.zeros((len(tiles), TILE_PX, TILE_PX), np.float32)
    there = [number for number, tile in enumerate(tiles) if tile is not None]
    if there:  # below each other, since each call takes its time
        column = to_grey(np.concatenate([tile for tile in tiles if tile is not None]))
        greys[there] = column.reshape(len(there), TILE_PX, TILE_PX)
    greys[~np.isfinite(greys).all(axis=(1, 2))] = 0
    return greys


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
