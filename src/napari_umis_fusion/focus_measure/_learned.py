"""The learned focus measure: a network ranks each plane compared with its neighbours along z."""

import copy
import os
from collections import deque
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

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
from napari_umis_fusion.runtime import FloatMap, Tile, Workers, run_to_end, tiles_of
from napari_umis_fusion.stack import Plane

if TYPE_CHECKING:
    from concurrent.futures import Future

Done = TypeVar("Done")

STRIP_PIXELS = 2**22
"""Pixels of a strip of rows; they take about 0.6 GB."""

MIN_STRIP_ROWS = 256
"""Shorter strips would mostly compute rows that overlap those of their neighbours."""

MAX_SCORE_DIFFERENCE = 60.0
"""Limit of the difference from the first plane's score, beyond which the decision is certain; its
exponential is within the range of float32."""


class LearnedFocusMeasure:
    """Measures focus with a `PlaneRanker`; focus is the exponential of its score.

    Parameters
    ----------
    source : path, Checkpoint or PlaneRanker, optional
        Trained weights, by default those of this package; a network is copied, not changed.
    config : FusionConfig
        Device, median filter and tiles.
    contrast : float
        Span of the stack in grey levels.
    workers : Workers
        Threads to run on.
    strip_rows : int, optional
        Rows computed at once; by default chosen for the planes' width. Focus is the same up to
        rounding.

    Attributes
    ----------
    checkpoint : Checkpoint or None
        The checkpoint of the weights; None if a network was given.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be loaded, or belongs to another network.
    DeviceError
        If the device is absent.
    """

    # One more than the network needs: it computes on one plane while an earlier one is fused.
    delay_planes = REACH_PLANES + 1
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
            # A copy, since the caller may continue to train the network.
            model: Network = copy.deepcopy(source).eval()
        else:
            self.checkpoint = open_checkpoint(source, "plane-ranker")
            model = self.checkpoint.model()
        assert isinstance(model, PlaneRanker)
        self._model = model
        device = choose_device(config.device)
        self._policy = MemoryPolicy(device, strip_rows, choose_rows=_default_rows)
        # To a span of 0 to 1, that of the training stacks.
        self._gain = np.float32(1 / contrast) if contrast > 0 else np.float32(1)
        self._config = config
        self._workers = workers
        self._stream: tuple[torch.device, int, TwoScaleStream] | None = None
        self._size = (0, 0)
        # All planes that scores still to come depend on, to start again with after a failure.
        self._recent: deque[FloatMap] = deque(maxlen=2 * REACH_PLANES)
        self._ready: deque[Scores] = deque()
        self._under_way: Future[list[Scores]] | None = None
        self._first: tuple[FloatMap, FloatMap] | None = None

    @property
    def device(self) -> torch.device:
        """The device that is in use now."""
        return self._policy.device

    @property
    def notes(self) -> list[str]:
        """Notes for the user on what was changed because memory ran out."""
        return self._policy.notes

    def iter_add(self, grey: FloatMap, plane: Plane) -> Generator[None]:
        """Add the next plane; its computation starts when the previous one is finished."""
        if self._config.median_filter:
            grey = yield from iter_median(grey, self._workers, self._config.tile_px)
        self._size = grey.shape[0], grey.shape[1]
        yield from self._iter_collect()
        self._under_way = self._workers.submit_ordered(self._push_plane, grey)

    def iter_end(self) -> Generator[None]:
        """Score the last planes."""
        yield from self._iter_collect()
        if self._stream is not None:
            self._under_way = self._workers.submit_ordered(self._flush)
            yield from self._iter_collect()
            self._stream = None

    def _iter_collect(self) -> Generator[None]:
        """Wait for the running job, if there is one."""
        if self._under_way is not None:
            self._ready += yield from self._workers.result(self._under_way)
            self._under_way = None

    def _push_plane(self, grey: FloatMap) -> list[Scores]:
        unit = grey * self._gain
        scores = self._run_on_device(lambda stream: stream.push(unit))
        self._recent.append(unit)  # to be processed again if memory runs out
        return [] if scores is None else [scores]

    def _flush(self) -> list[Scores]:
        return self._run_on_device(lambda stream: list(stream.end()))

    def iter_fill(self, focus: FloatMap) -> Generator[None, None, FloatMap]:
        """Fill `focus` with that of the oldest plane, and return that of the weighted blend."""
        scores = self._ready.popleft()
        select, weigh = scores.select.numpy(), scores.weigh.numpy()
        if self._first is None:
            self._first = select.copy(), weigh.copy()
        weight = np.empty_like(focus)
        # The blend weights by the square of focus: half the score gives its exponential.
        # Relative to the first plane, whose scores become focus 1, the exponentials stay in range.
        maps = ((select, self._first[0], 1, focus), (weigh, self._first[1], 0.5, weight))

        def fill(tile: Tile) -> None:
            for scores, first, factor, out in maps:
                window = tile.window
                _exponential(scores[window], first[window], np.float32(factor), out[window])

        yield from self._workers.each(fill, tiles_of(focus, self._config.tile_px))
        return weight

    def provenance(self) -> dict[str, Any]:
        """Return the hash of the weights, and the device."""
        weights = {} if self.checkpoint is None else {"weights_sha256": self.checkpoint.sha256}
        return {"device": self.device.type, **weights}

    def _run_on_device(self, job: Callable[[TwoScaleStream], Done]) -> Done:
        """Run a job on the stream; if memory runs out, on a new one that needs less."""

        def step(device: torch.device, rows: int) -> Generator[None, None, Done]:
            yield
            try:
                return job(self._stream_for(device, rows))
            except BaseException:  # some strips may have processed the plane, others not
                self._stream = None
                raise

        return run_to_end(self._policy.iter_run(step, self._size))

    def _stream_for(self, device: torch.device, rows: int) -> TwoScaleStream:
        """Return the stream of a device and a number of rows; a new one if they changed."""
        if self._stream is not None and self._stream[:2] == (device, rows):
            return self._stream[2]
        self._stream = None
        half, workers = computes_bfloat16(device), self._workers
        stream = TwoScaleStream(self._model, device, self._size, rows, half=half, workers=workers)
        for plane in self._recent:  # repeats what the former stream had processed
            stream.push(plane)
        self._stream = device, rows, stream
        return stream


def _default_rows(_: torch.device, width: int) -> int:
    return max(MIN_STRIP_ROWS, STRIP_PIXELS // width)


def _exponential(scores: FloatMap, first: FloatMap, factor: np.float32, out: FloatMap) -> None:
    """Fill `out` with exp(`factor` * (`scores` - `first`)), within the range of float32."""
    np.subtract(scores, first, out=out)
    np.clip(out, -MAX_SCORE_DIFFERENCE, MAX_SCORE_DIFFERENCE, out=out)
    np.multiply(out, factor, out=out)
    np.exp(out, out=out)
