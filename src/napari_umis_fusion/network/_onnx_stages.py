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
from napari_umis_fusion.network._ranker_graphs import SCALES, of_three, ranker_models
from napari_umis_fusion.network._ranker_layers import Weights
from napari_umis_fusion.runtime import Float32Array, Workers, paged_zeros

FINE_TILE_PX = 256, 1024
"""Rows and columns of a tile at half the resolution and more, which takes more memory per pixel."""

TILES_PX = {
    "detail": FINE_TILE_PX,
    "features": FINE_TILE_PX,
    "encode": (512, 2048),
    "compare": (256, 2048),
    "score": (256, 2048),
    "enlarge": FINE_TILE_PX,
}
"""Rows and columns of a tile of each stage; fewer rows if planes would otherwise not occupy all
threads. Tiles are low: whole rows are copied in one go. The farther a stage sees, the higher they
are, as it computes the overlap twice."""

ALIGNED = 16
"""Values after which a new line of the cache begins."""

SMALLEST_TILE_PX = 128
"""Smaller tiles would mostly compute their overlap."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage takes and gives.

    Attributes
    ----------
    inputs, compared, outputs : mapping of str to int
        Pixels along y and x for one value of each array; those `compared` are of three planes.
    reach_px : int
        How far a stage sees, up to the next multiple of 16 px, on whose grid all tiles lie.
    """

    inputs: Mapping[str, int]
    compared: Mapping[str, int]
    outputs: Mapping[str, int]
    reach_px: int

    def model_inputs(self) -> dict[str, int]:
        """Return pixels along y and x for one value of each input of the model."""
        of_planes = {part: px for name, px in self.compared.items() for part in of_three(name)}
        return {**of_planes, **self.inputs}


STAGES = {
    "detail": Stage({"plane": 1}, {}, {"detail": 1}, 16),
    "features": Stage({}, {"detail": 1}, {"quarter": 4, "edges": 2, "prior": 4}, 16),
    "encode": Stage({"quarter": 4}, {}, {"eighth": 8, "sixteenth": 16}, 64),
    "compare": Stage({}, SCALES, SCALES, 16),
    "score": Stage({"edges": 2, "prior": 4}, SCALES, {"scores": 1}, 32),
    "enlarge": Stage({"coarse": 2}, {}, {"enlarged": 1}, 16),
}
"""The stages, in order."""

Compared = Mapping[str, Sequence[Float32Array]]
"""Arrays of three planes each: before, here and after."""


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
        self,
        name: str,
        arrays: Arrays,
        compared: Compared | None = None,
        spare: Sequence[Float32Array | None] = (),
    ) -> list[Float32Array]:
        """Compute one stage of a plane.

        Parameters
        ----------
        name : str
            One of `STAGES`.
        arrays : mapping of str to ndarray of shape (1, C, Y, X)
            Its inputs of one plane. All inputs cover the same pixels.
        compared : mapping of str to sequence of ndarray of shape (1, C, Y, X), optional
            Its inputs of three planes: of the one before, the plane itself and the one after.
        spare : sequence of ndarray or None, optional
            Outputs of an earlier plane that are overwritten, since nobody needs them any more: new
            memory takes longer than filling it does.

        Returns
        -------
        list of ndarray of shape (1, C, Y, X)
            Its outputs, in their order.
        """
        stage, compared = STAGES[name], compared or {}
        size = _size(stage, arrays, compared)
        shapes = _shapes(self._sessions[name].channels, stage.outputs.values(), size)
        whole = [
            paged_zeros(shape, np.float32) if array is None else array
            for shape, array in zip(shapes, spare or [None] * len(shapes), strict=True)
        ]
        fill = partial(self._fill_tile, name, arrays, compared, size, whole)
        self._each(fill, self._tiles(size[0], size[1], TILES_PX[name]))
        return whole

    def _fill_tile(
        self,
        name: str,
        arrays: Arrays,
        compared: Compared,
        size: tuple[int, ...],
        whole: list[Float32Array],
        kept: "_Kept",
    ) -> None:
        """Fill a tile of the outputs."""
        self.check()
        stage, session = STAGES[name], self._sessions[name]
        reach = stage.reach_px
        seen = tuple(
            range(max(k.start - reach, 0), min(k.stop + reach, side))
            for k, side in zip(kept, size, strict=True)
        )
        inner = tuple(
            range(k.start - s.start, k.stop - s.start) for k, s in zip(kept, seen, strict=True)
        )
        sides, inputs = tuple(len(one) for one in seen), stage.model_inputs()
        shapes = _shapes(session.channels_taken, inputs.values(), sides)
        shapes += _shapes(session.channels, stage.outputs.values(), sides)
        with self._buffers.lend(shapes) as lent:
            cut, parts = dict(zip(inputs, lent, strict=False)), lent[len(inputs) :]
            for key, factor in stage.inputs.items():
                cut[key][...] = arrays[key][_window(seen, factor)]
            for key, factor in stage.compared.items():
                planes = (plane[_window(seen, factor)] for plane in compared[key])
                _compare(*planes, *(cut[part] for part in of_three(key)))
            session.fill(cut, parts)
            for part, out, factor in zip(parts, whole, stage.outputs.values(), strict=True):
                out[_window(kept, factor)] = part[_window(inner, factor)]

    def _each(self, fill: Callable[["_Kept"], None], tiles: list["_Kept"]) -> None:
        if self._workers is None or len(tiles) == 1:
            for tile in tiles:
                fill(tile)
        else:
            self._workers.run_all(fill, tiles)

    def _tiles(self, height: int, width: int, most: tuple[int, int]) -> list["_Kept"]:
        """Cover a plane with tiles, enough for all threads."""
        threads = 1 if self._workers is None else self._workers.threads
        columns = min(most[1], width)
        # Narrow tiles are the higher, in about the same memory.
        highest = min(most[0] * most[1] // columns, -(-height // threads))
        rows = max(SMALLEST_TILE_PX, -(-highest // 16) * 16)
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


def _compare(
    before: Float32Array,
    here: Float32Array,
    after: Float32Array,
    *parts: Float32Array,
) -> None:
    """Fill what is taken of three planes, in the order of `of_three`."""
    own, around, rise = parts
    np.copyto(own, here)
    np.add(before, after, out=around)
    np.subtract(after, before, out=rise)


def _size(stage: Stage, arrays: Arrays, compared: Compared) -> tuple[int, ...]:
    """Return the pixels along y and x that the inputs of a stage cover."""
    given = {**arrays, **{name: planes[1] for name, planes in compared.items()}}
    name, array = next(iter(given.items()))
    px = {**stage.inputs, **stage.compared}[name]
    return tuple(px * side for side in array.shape[2:])


def _shapes(
    channels: Iterable[int], factors: Iterable[int], size: Sequence[int]
) -> list[tuple[int, ...]]:
    """Return the shapes of arrays that cover `size` pixels at their resolutions."""
    pairs = zip(channels, factors, strict=True)
    return [(1, count, *(side // factor for side in size)) for count, factor in pairs]


def _window(ranges: tuple[range, ...], factor: int) -> tuple[Any, ...]:
    return (..., *(slice(r.start // factor, r.stop // factor) for r in ranges))
