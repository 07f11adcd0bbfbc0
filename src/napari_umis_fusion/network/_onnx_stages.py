"""The stages of the plane ranker, run by ONNX Runtime in tiles.

Each tile is computed by one thread, and is small enough to stay in its cache. Tiles overlap by what
a stage sees around a pixel, so that the result equals that of the whole plane up to rounding.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from threading import Lock
from typing import Any

import numpy as np

from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.network._onnx_runtime import onnx_runtime
from napari_umis_fusion.network._ranker_graphs import NEIGHBOURS, SCALES, ranker_models
from napari_umis_fusion.network._ranker_layers import Weights
from napari_umis_fusion.runtime import Float32Array, Workers

Arrays = Mapping[str, Float32Array]

TILE_PX = 512
"""Side of a tile; less for planes that would otherwise not occupy all threads."""

FINE_TILE_PX = 384
"""The same for stages at half the resolution and more, which take more memory for a pixel."""

FINE_STAGES = ("detail", "features", "score", "enlarge")

SMALLEST_TILE_PX = 128
"""Smaller tiles would mostly compute their overlap."""

ARENA = {"arena_extend_strategy": 1, "max_mem": 0, "initial_chunk_size_bytes": 2**24}
"""Settings of the memory that all sessions share: it grows by what is asked for."""

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
        self._sessions = {name: open_session(getattr(models, name)) for name in STAGES}

    def check(self) -> None:
        """Raise `CancelledError` if the work was abandoned."""
        if self._workers is not None:
            self._workers.check()

    def run(self, name: str, arrays: Arrays) -> list[Float32Array]:
        """Compute one stage of a plane.

        Parameters
        ----------
        name : str
            One of `STAGES`.
        arrays : mapping of str to ndarray of shape (1, C, Y, X)
            Its inputs, which cover the same pixels.

        Returns
        -------
        list of ndarray of shape (1, C, Y, X)
            Its outputs, in their order.
        """
        stage, session = STAGES[name], self._sessions[name]
        first, factor = next(iter(stage.inputs.items()))
        size = tuple(factor * side for side in arrays[first].shape[2:])
        side = min(TILE_PX, FINE_TILE_PX) if name in FINE_STAGES else TILE_PX
        tiles = self._tiles(size[0], size[1], side)
        if len(tiles) == 1:
            self.check()
            return compute(session, {key: arrays[key] for key in stage.inputs})
        return self._run_tiles(stage, session, arrays, (size[0], size[1]), tiles)

    def _run_tiles(
        self,
        stage: Stage,
        session: Any,
        arrays: Arrays,
        size: tuple[int, int],
        tiles: list["_Kept"],
    ) -> list[Float32Array]:
        whole: list[Float32Array] = []
        lock = Lock()
        factors = list(stage.outputs.values())

        def fill(kept: _Kept) -> None:
            self.check()
            seen = tuple(
                range(max(k.start - stage.reach_px, 0), min(k.stop + stage.reach_px, side))
                for k, side in zip(kept, size, strict=True)
            )
            cut = {key: _crop(arrays[key], seen, factor) for key, factor in stage.inputs.items()}
            parts = compute(session, cut)
            with lock:  # only the first tile knows the numbers of channels
                if not whole:
                    sides = [(size[0] // f, size[1] // f) for f in factors]
                    pairs = zip(parts, sides, strict=True)
                    whole.extend(np.empty((*p.shape[:2], *s), np.float32) for p, s in pairs)
            for part, out, factor in zip(parts, whole, factors, strict=True):
                inner = tuple(
                    range(k.start - s.start, k.stop - s.start)
                    for k, s in zip(kept, seen, strict=True)
                )
                out[_window(kept, factor)] = part[_window(inner, factor)]

        self._each(fill, tiles)
        return whole

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


def _window(ranges: tuple[range, ...], factor: int) -> tuple[Any, ...]:
    return (..., *(slice(r.start // factor, r.stop // factor) for r in ranges))


def _crop(array: Float32Array, seen: tuple[range, ...], factor: int) -> Float32Array:
    return np.ascontiguousarray(array[_window(seen, factor)])


@cache
def _share_arena() -> bool:
    """Let all sessions of this process share one arena; return whether they can.

    Without an arena, the pages of every buffer are asked for anew; an arena for each session keeps
    the most that each ever held.
    """
    onnxruntime = onnx_runtime()
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    try:
        onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg(ARENA))
    except Exception:  # another package has made one, or this release takes no such settings
        return False
    return True


def open_session(model: bytes) -> Any:
    """Return a session that computes on the thread that calls it."""
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    if _share_arena():
        options.add_session_config_entry("session.use_env_allocators", "1")
    else:
        options.enable_cpu_mem_arena = False
    options.log_severity_level = 3  # errors only, which are raised too
    return _checked(
        lambda: onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    )


def compute(session: Any, arrays: Arrays) -> list[Float32Array]:
    """Run a session; its exceptions become ours."""
    return list(_checked(lambda: session.run(None, dict(arrays))))


def _checked(call: Callable[[], Any]) -> Any:
    """Call ONNX Runtime; its exceptions, which have no common base, become ours."""
    try:
        return call()
    except MemoryError:
        raise
    except Exception as error:
        text = str(error)
        if "bad_alloc" in text or "allocate memory" in text.lower():
            raise MemoryError(text) from error
        first = text.splitlines()[0] if text else type(error).__name__
        raise DeviceError(
            f"ONNX Runtime cannot run the network on this cpu ({first}); reinstall onnxruntime, or "
            "remove it, so that torch runs the network"
        ) from error
