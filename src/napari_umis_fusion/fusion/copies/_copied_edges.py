"""False edges of copied values, mended where another plane shows nearly the wanted values.

Where no plane is near to the weighted mean, the nearest value is now of one plane, now of another,
and between neighbours is an edge that no plane shows. Few tiles of a plane have any. Once they are
known, the planes are read again, and of each such tile those are kept that are copied most.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_umis_fusion.config import NanPolicy
from napari_umis_fusion.fusion.copies._edge_moves import MARGIN, REACH_PX, mend_edges
from napari_umis_fusion.fusion.copies._recorded_values import NearestToMean
from napari_umis_fusion.fusion.mean import EdgeLimits, gradients, highest_around
from napari_umis_fusion.runtime import (
    AnyArray,
    FloatMap,
    Progress,
    ScratchMemory,
    Tile,
    Workers,
    repeat_event,
    tiles_of,
    widened,
)
from napari_umis_fusion.stack import CheckedPlane, Plane, Prefetch, Stack

TILE_PX = 4 * REACH_PX
"""Tiles that are mended at a time; most have no false edge. Half as high, they are twice the reach,
so that windows of every second one do not overlap."""

MOST_PLANES = 8
"""Planes of which patches are tried: those of which most pixels around are copied."""


@dataclass(slots=True)
class _Part:
    """A tile with false edges: its window, with what is around it, and what it is mended with."""

    tile: Tile
    window: tuple[slice, slice]
    planes: list[int]
    values: AnyArray
    apart: FloatMap
    steps: FloatMap

    @property
    def core(self) -> tuple[int, int, int, int]:
        """The tile in its window: top, bottom, left and right."""
        rows, columns = (
            (cut.start - around.start, cut.stop - around.start)
            for cut, around in zip(self.tile.window, self.window, strict=True)
        )
        return *rows, *columns


class CopiedEdges:
    """Mends false edges of copied values.

    Parameters
    ----------
    nearest : NearestToMean
        The copied values; changed in place.
    edges : EdgeLimits
        The gradients of the planes.
    workspace : ScratchMemory
        Memory for patches of planes.
    """

    def __init__(self, nearest: NearestToMean, edges: EdgeLimits, workspace: ScratchMemory) -> None:
        self._nearest = nearest
        self._edges = edges
        self._workspace = workspace
        self._parts: list[_Part] = []

    def iter_mend(
        self, stack: Stack, nan_policy: NanPolicy, workers: Workers
    ) -> Generator[Progress]:
        """Read the planes once more, if there is anything to mend, and mend it."""
        total = len(stack)
        found: list[Tile] = []
        look = partial(self._look, found)
        tiles = tiles_of(self._nearest.image, TILE_PX)
        done = Progress("verifying", total, total)
        yield from repeat_event(workers.each(look, tiles), done)
        if not found:
            return
        yield from repeat_event(workers.result(workers.submit(self._prepare, found, total)), done)
        planes = Prefetch(stack, nan_policy, workers)
        for z in range(total):
            checked = yield from repeat_event(planes.iter_next(), done)
            keep = partial(self._keep, checked, z)
            yield from repeat_event(workers.each(keep, self._parts), done)
        for parts in _apart(self._parts, tiles):
            yield from repeat_event(workers.each(self._mend, parts), done)

    def _look(self, found: list[Tile], tile: Tile) -> None:
        """List a tile that has false edges."""
        window = widened(tile.window, REACH_PX, self._nearest.image.shape)
        part = _Part(tile, window, [], *[np.empty(0, np.float32)] * 3)
        shown = gradients(self._edges.to_grey(self._nearest.image[window]))
        top, bottom, left, right = part.core
        over = shown > self._limits(window) + np.float32(MARGIN)
        if over[top:bottom, left:right].any():
            found.append(tile)

    def _limits(self, window: tuple[slice, slice]) -> FloatMap:
        return highest_around(self._edges.limits[window])

    def _prepare(self, found: list[Tile], count: int) -> None:
        """Choose planes for each tile, and take memory for them."""
        image, source = self._nearest.image, self._nearest.source_map
        for tile in sorted(found, key=lambda one: one.bounds):
            window = widened(tile.window, REACH_PX, image.shape)
            used = np.bincount(source[window].ravel(), minlength=count)
            most = np.argsort(-used, kind="stable")[:MOST_PLANES]
            planes = sorted(int(z) for z in most if used[z])
            sides = image[window].shape
            room = self._workspace.full((len(planes), *sides), image.dtype, 0)
            apart = self._workspace.full((len(planes), *sides[:2]), np.float32, np.inf)
            steps = self._workspace.full(sides[:2], np.float32, 0)
            self._parts.append(_Part(tile, window, planes, room, apart, steps))

    def _keep(self, checked: CheckedPlane, z: int, part: _Part) -> None:
        """Keep what a tile needs of plane `z`."""
        values = checked.plane[part.window]
        _raise_steps(part.steps, self._edges.to_grey(values))
        if z not in part.planes:
            return
        place = part.planes.index(z)
        part.values[place] = values
        part.apart[place] = self._distance(values, part.window)
        if checked.invalid is not None:
            part.apart[place][checked.invalid[part.window]] = np.inf

    def _distance(self, values: Plane, window: tuple[slice, slice]) -> FloatMap:
        """Return how far values are from the wanted ones, in grey levels."""
        distance = self._nearest.measure_distance(values, window)
        channels = values[0, 0].size
        return np.asarray(distance * (self._edges.to_grey.range.scale / channels), np.float32)

    def _mend(self, part: _Part) -> None:
        """Mend a tile, and copy what has changed."""
        image, source = self._nearest.image[part.window], self._nearest.source_map[part.window]
        greys = np.stack([self._edges.to_grey(values) for values in part.values])
        chosen = np.full(source.shape, -1, np.int16)
        shown, off = self._edges.to_grey(image), self._distance(image, part.window)
        maps = (greys, np.asarray(part.apart), shown, off, chosen)
        limits = self._limits(part.window), highest_around(part.steps)
        mend_edges((*maps, *limits), part.core)
        for place, z in enumerate(part.planes):
            here = chosen == place
            image[here] = part.values[place][here]
            source[here] = z


def _raise_steps(steps: FloatMap, grey: FloatMap) -> None:
    """Raise the highest differences between neighbours to those of a plane."""
    # NaN, where a plane is invalid, raises nothing.
    np.fmax(steps[:-1], np.abs(np.diff(grey, axis=0)), out=steps[:-1])
    np.fmax(steps[:, :-1], np.abs(np.diff(grey, axis=1)), out=steps[:, :-1])


def _apart(parts: Sequence[_Part], tiles: Sequence[Tile]) -> list[list[_Part]]:
    """Return parts in groups whose windows do not overlap, the same for any number of threads.

    A window reaches into the tiles beside its own, and no further.
    """
    cuts = zip(*(tile.window for tile in tiles), strict=True)
    starts = [sorted({cut.start for cut in along}) for along in cuts]
    groups: dict[tuple[int, ...], list[_Part]] = {}
    for part in parts:
        pairs = zip(starts, part.tile.window, strict=True)
        key = tuple(along.index(cut.start) % 2 for along, cut in pairs)
        groups.setdefault(key, []).append(part)
    return [groups[key] for key in sorted(groups)]
