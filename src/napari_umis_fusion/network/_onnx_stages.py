"""The stages of the plane ranker, run by ONNX Runtime in tiles.

Each tile is computed by one thread, and is small enough to stay in its cache. Tiles overlap by what
a stage sees around a pixel, so that the result equals that of the whole plane up to rounding.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from napari_umis_fusion.network._onnx_session import Arrays, StageSession
from napari_umis_fusion.network._ranker_graphs import NEIGHBOURS, SCALES, ranker_models
from napari_umis_fusion.network._ranker_layers import Weights
from napari_umis_fusion.runtime import Float32Array, Workers, paged_zeros

TILE_PX = 512
"""Side of a tile; less for planes that would otherwise not occupy all threads."""

FINE_TILE_PX = 384
"""The same for stages at half the resolution and more, which take more memory for a pixel."""

FINE_STAGES = ("detail", "features", "score", "enlarge")

WIDE_STAGES = ("encode",)
"""Stages with tiles of twice the side: they see farthest, so that in tiles of 512 px two fifths of
what they compute would be overlap."""

ALIGNED = 16
"""Values after which a new line of the cache begins."""

SMALLEST_TILE_PX = 128
"""Smaller tiles would mostly compute their overlap."""

FACTORS = dict(zip(SCALES, (4, 8, 16), strict=True))
"""Resolution of each scale: one value for so many pixels along y and x."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage takes and gives.

    Attributes
    ----------
    inputs, outputs : mapping of str to int
        Pixels along y and x for one value of each array.
    reach_px : int
        How far a stage sees, up to the next multiple of 16 px, on whose grid all tiles lie.
    """

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    reach_px: int


_NEIGHBOUR_LEVELS = {
    f"{name}_{which}": factor for name, factor in FACTORS.items() for which in NEIGHBOURS
}

STAGES = {
    "detail": Stage({"plane": 1}, {"detail": 1}, 16),
    "features": Stage(
        {f"detail_{which}": 1 for which in NEIGHBOURS}, {"quarter": 4, "skip": 2, "prior": 4}, 16
    ),
    "encode": Stage({"features": 4}, FACTORS, 64),
    "compare": Stage(_NEIGHBOUR_LEVELS, FACTORS, 16),
    "decode": Stage(_NEIGHBOUR_LEVELS, {"decoded": 4}, 32),
    "score": Stage({"decoded": 4, "skip": 2, "prior": 4}, {"scores": 1}, 16),
    "enlarge": Stage({"coarse": 2}, {"enlarged": 1}, 16),
}
"""The stages, in order."""


class OnnxStages:
    """The stages of a network with certain weights.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Weights of a plane ranker, float32.
    workers : Workers, optional
        Threads that compute a tile each; without them, tiles are computed one after the other.

    Raises
    ------
    DeviceError
        If ONNX Runtime is missing or refuses to work.
    """

    def __init__(self, weights: Weights, workers: Workers | None = None) -> None:
        models = ranker_models(weights)
        self._workers = workers
        self._sessions = {name: StageSession(getattr(models, name)) for name in STAGES}
        self._buffers = _TileBuffers()

    def check(self) -> None:
        """Raise `CancelledError` if the work was abandoned."""
        if self._workers is not None:
            self._workers.check()

    def run(
        self, name: str, arrays: Arrays, spare: Sequence[Float32Array | None] = ()
    ) -> list[Float32Array]:
        """Compute one stage of a plane.

        Parameters
        ----------
        name : str
            One of `STAGES`.
        arrays : mapping of str to ndarray of shape (1, C, Y, X)
            Its inputs, which cover the same pixels.
        spare : sequence of ndarray or None, optional
            Outputs of an earlier plane that are overwritten, since nobody needs them any more: new
            memory takes longer than filling it does.

        Returns
        -------
        list of ndarray of shape (1, C, Y, X)
            Its outputs, in their order.
        """
        stage, session = STAGES[name], self._sessions[name]
        first, factor = next(iter(stage.inputs.items()))
        size = tuple(factor * side for side in arrays[first].shape[2:])
        tiles = self._tiles(size[0], size[1], _side_of(name))
        given = spare or [None] * len(stage.outputs)
        shapes = _shapes(session.channels, stage.outputs.values(), size)
        whole = [
            paged_zeros(shape, np.float32) if array is None else array
            for shape, array in zip(shapes, given, strict=True)
        ]
        if len(tiles) == 1:
            self.check()
            session.fill({key: np.ascontiguousarray(arrays[key]) for key in stage.inputs}, whole)
        else:
            self._each(partial(self._fill_tile, stage, session, arrays, size, whole), tiles)
        return whole

    def _fill_tile(
        self,
        stage: Stage,
        session: StageSession,
        arrays: Arrays,
        size: tuple[int, ...],
        whole: list[Float32Array],
        kept: "_Kept",
    ) -> None:
        """Fill a tile of the outputs."""
        self.check()
        reach = stage.reach_px
        seen = tuple(
            range(max(k.start - reach, 0), min(k.stop + reach, side))
            for k, side in zip(kept, size, strict=True)
        )
        inner = tuple(
            range(k.start - s.start, k.stop - s.start) for k, s in zip(kept, seen, strict=True)
        )
        sides = tuple(len(one) for one in seen)
        channels = [arrays[key].shape[1] for key in stage.inputs]
        shapes = _shapes(channels, stage.inputs.values(), sides)
        shapes += _shapes(session.channels, stage.outputs.values(), sides)
        with self._buffers.lend(shapes) as lent:
            cut = dict(zip(stage.inputs, lent, strict=False))
            for key, factor in stage.inputs.items():
                cut[key][...] = arrays[key][_window(seen, factor)]
            parts = lent[len(cut) :]
            session.fill(cut, parts)
            for part, out, factor in zip(parts, whole, stage.outputs.values(), strict=True):
                out[_window(kept, factor)] = part[_window(inner, factor)]

    def _each(self, fill: Callable[["_Kept"], None], tiles: list["_Kept"]) -> None:
        if self._workers is None:
            for tile in tiles:
                fill(tile)
        else:
            self._workers.run_all(fill, tiles)

    def _tiles(self, height: int, width: int, side: int) -> list["_Kept"]:
        """Cover a plane with tiles, enough for all threads."""
        threads = 1 if self._workers is None else self._workers.threads
        rows = max(SMALLEST_TILE_PX, min(side, -(-height // (16 * threads)) * 16))
        # Low tiles are the wider, in about the same memory: fewer borders are computed twice.
        columns = min(2 * side, side * side // (16 * rows) * 16)
        cuts = product(range(0, height, rows), range(0, width, columns))
        return [
            (range(y, min(y + rows, height)), range(x, min(x + columns, width))) for y, x in cuts
        ]


_Kept = tuple[range, range]
"""Rows and columns of a tile, in px."""


class _TileBuffers:
    """Memory of tiles, one after the other: to ask for it anew takes as long as to copy a tile."""

    def __init__(self) -> None:
        self._free: list[Float32Array] = []

    @contextmanager
    def lend(self, shapes: Sequence[tuple[int, ...]]) -> Iterator[list[Float32Array]]:
        """Lend arrays of these shapes, which hold anything."""
        ends = np.cumsum([-(-prod(shape) // ALIGNED) * ALIGNED for shape in shapes])
        try:
            flat = self._free.pop()
        except IndexError:  # as many threads are at work as never before
            flat = np.empty(0, np.float32)
        if flat.size < ends[-1]:
            flat = paged_zeros((int(ends[-1]),), np.float32)
        pairs = zip(shapes, [0, *ends], strict=False)
        try:
            yield [flat[at : at + prod(shape)].reshape(shape) for shape, at in pairs]
        finally:
            self._free.append(flat)


def _shapes(
    channels: Iterable[int], factors: Iterable[int], size: Sequence[int]
) -> list[tuple[int, ...]]:
    """Return the shapes of arrays that cover `size` pixels at their resolutions."""
    pairs = zip(channels, factors, strict=True)
    return [(1, count, *(side // factor for side in size)) for count, factor in pairs]


def _side_of(name: str) -> int:
    """Return the side of the tiles of a stage."""
    if name in WIDE_STAGES:
        return 2 * TILE_PX
    return min(TILE_PX, FINE_TILE_PX) if name in FINE_STAGES else TILE_PX


def _window(ranges: tuple[range, ...], factor: int) -> tuple[Any, ...]:
    return (..., *(slice(r.start // factor, r.stop // factor) for r in ranges))
