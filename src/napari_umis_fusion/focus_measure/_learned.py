"""The focus measure of the network that ranks planes in sight of their neighbours."""

import copy
import os
from collections import deque
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure._planewise import iter_median
from napari_umis_fusion.network import (
    REACH_PLANES,
    Checkpoint,
    MemoryPolicy,
    Network,
    PlaneRanker,
    Scores,
    TwoScaleStream,
    choose_device,
    computes_bfloat16,
    open_checkpoint,
)
from napari_umis_fusion.runtime import Tile, Workers, run_to_end, tiles_of
from napari_umis_fusion.stack import Plane

if TYPE_CHECKING:
    from concurrent.futures import Future

Done = TypeVar("Done")
Map = NDArray[np.float32]

STRIP_PIXELS = 2**22
"""Of a strip of rows: about 0.6 GB."""

MIN_STRIP_ROWS = 256
"""Shorter strips would mostly compute what they share with their neighbours."""

FARTHEST = 60.0
"""Scores further from the first plane's leave no doubt; their exponentials fit into 32 bits."""


class LearnedFocusMeasure:
    """Measures focus with a `PlaneRanker`; focus is the exponential of its score.

    Parameters
    ----------
    source : path, Checkpoint or PlaneRanker, optional
        Trained weights, by default those of this package; a network is read, never changed.
    config : FusionConfig
        Device, median filter and tiles.
    contrast : float
        Grey levels that the stack spans.
    workers : Workers
        Threads to run on.
    strip_rows : int, optional
        Rows computed at once; by default chosen for the planes' width. Focus is the same up to
        rounding.

    Attributes
    ----------
    checkpoint : Checkpoint or None
        Where the weights come from; None if a network was given.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be loaded, or belongs to another network.
    DeviceError
        If the device is absent.
    """

    lag = REACH_PLANES + 1  # the network works on a plane while those before it are fused
    is_share = True

    def __init__(
        self,
        source: str | os.PathLike[str] | Checkpoint | PlaneRanker | None,
        config: FusionConfig,
        contrast: float,
        workers: Workers,
        strip_rows: int | None = None,
    ) -> None:
        self.checkpoint: Checkpoint | None = None
        if isinstance(source, PlaneRanker):
            model: Network = copy.deepcopy(source).eval()
        else:
            self.checkpoint = open_checkpoint(source, "plane-ranker")
            model = self.checkpoint.model()
        assert isinstance(model, PlaneRanker)
        self._model = model
        device = choose_device(config.device)
        self._policy = MemoryPolicy(device, strip_rows, choose_rows=_default_rows)
        self._gain = np.float32(1 / contrast) if contrast > 0 else np.float32(1)
        self._config = config
        self._workers = workers
        self._stream: tuple[torch.device, int, TwoScaleStream] | None = None
        self._size = (0, 0)
        self._recent: deque[Map] = deque(maxlen=2 * REACH_PLANES)
        self._ready: deque[Scores] = deque()
        self._under_way: Future[list[Scores]] | None = None
        self._first: tuple[Map, Map] | None = None

    @property
    def device(self) -> torch.device:
        """Where planes are computed now."""
        return self._policy.device

    @property
    def notes(self) -> list[str]:
        """What was changed for want of memory, for people to read."""
        return self._policy.notes

    def iter_add(self, grey: Map, plane: Plane) -> Generator[None]:
        """Take the next plane, and start on it once the one before it is done."""
        if self._config.median_filter:
            grey = yield from iter_median(grey, self._workers, self._config.tile_px)
        self._size = grey.shape[0], grey.shape[1]
        yield from self._iter_collect()
        self._under_way = self._workers.submit_ordered(self._push, grey)

    def iter_end(self) -> Generator[None]:
        """Score the last planes."""
        yield from self._iter_collect()
        if self._stream is not None:
            self._under_way = self._workers.submit_ordered(self._end)
            yield from self._iter_collect()
            self._stream = None

    def _iter_collect(self) -> Generator[None]:
        """Wait for the job under way, if there is one."""
        if self._under_way is not None:
            self._ready += yield from self._workers.result(self._under_way)
            self._under_way = None

    def _push(self, grey: Map) -> list[Scores]:
        unit = grey * self._gain
        scores = self._do(lambda stream: stream.push(unit))
        self._recent.append(unit)  # to be taken up again where memory runs out
        return [] if scores is None else [scores]

    def _end(self) -> list[Scores]:
        return self._do(lambda stream: list(stream.end()))

    def iter_fill(self, focus: Map) -> Generator[None, None, Map]:
        """Fill `focus` with the oldest plane's; returns that of the weighted blend."""
        scores = self._ready.popleft()
        select, weigh = scores.select.numpy(), scores.weigh.numpy()
        if self._first is None:
            self._first = select.copy(), weigh.copy()
        weight = np.empty_like(focus)
        # The blend weighs by the square of focus.
        maps = ((select, self._first[0], 1, focus), (weigh, self._first[1], 0.5, weight))

        def fill(tile: Tile) -> None:
            for scores, first, factor, out in maps:
                window = tile.window
                _exponential(scores[window], first[window], np.float32(factor), out[window])

        yield from self._workers.each(fill, tiles_of(focus, self._config.tile_px))
        return weight

    def provenance(self) -> dict[str, Any]:
        """Return the weights and where they ran."""
        weights = {} if self.checkpoint is None else {"weights_sha256": self.checkpoint.sha256}
        return {"device": self.device.type, **weights}

    def _do(self, job: Callable[[TwoScaleStream], Done]) -> Done:
        """Let the stream do something; where memory runs out, one like it that needs less."""

        def step(device: torch.device, rows: int) -> Generator[None, None, Done]:
            yield
            try:
                return job(self._stream_on(device, rows))
            except BaseException:  # some strips may have seen the plane, others not
                self._stream = None
                raise

        return run_to_end(self._policy.iter_run(step, self._size))

    def _stream_on(self, device: torch.device, rows: int) -> TwoScaleStream:
        """Return the stream, on this device in strips of so many rows."""
        if self._stream is not None and self._stream[:2] == (device, rows):
            return self._stream[2]
        self._stream = None
        half, workers = computes_bfloat16(device), self._workers
        stream = TwoScaleStream(self._model, device, self._size, rows, half=half, workers=workers)
        for plane in self._recent:  # what the stream before had seen
            stream.push(plane)
        self._stream = device, rows, stream
        return stream


def _default_rows(_: torch.device, width: int) -> int:
    return max(MIN_STRIP_ROWS, STRIP_PIXELS // width)


def _exponential(scores: Map, first: Map, factor: np.float32, out: Map) -> None:
    """Fill `out` with the exponential of `factor` times the scores' lead over the first plane's."""
    np.subtract(scores, first, out=out)
    np.clip(out, -FARTHEST, FARTHEST, out=out)
    np.multiply(out, factor, out=out)
    np.exp(out, out=out)
