"""Scores of planes by torch, on any device."""

from collections import deque
from collections.abc import Callable, Generator
from typing import TypeVar

import numpy as np
import torch

from napari_umis_fusion.config import DeviceName
from napari_umis_fusion.network import (
    REACH_PLANES,
    MemoryPolicy,
    PlaneRanker,
    ScoreMaps,
    Scores,
    TwoScaleStream,
    choose_device,
    computes_bfloat16,
)
from napari_umis_fusion.runtime import FloatMap, Workers, run_to_end

Done = TypeVar("Done")

STRIP_PIXELS = 2**22
"""Pixels of a strip of rows; they take about 0.6 GB."""

MIN_STRIP_ROWS = 256
"""Shorter strips would mostly compute rows that overlap those of their neighbours."""


class TorchScorer:
    """Scores planes with torch; if memory runs out, in shorter strips, and finally on the CPU.

    Parameters
    ----------
    model : PlaneRanker
        Read, not changed.
    wanted : {"auto", "cpu", "cuda", "mps"}
        Device to compute on.
    workers : Workers
        Threads to run on.
    strip_rows : int, optional
        Rows computed at once; by default chosen for the planes' width.

    Raises
    ------
    DeviceError
        If the device is absent.
    """

    def __init__(
        self,
        model: PlaneRanker,
        wanted: DeviceName,
        workers: Workers,
        strip_rows: int | None = None,
    ) -> None:
        self._model, self._workers = model, workers
        device = choose_device(wanted)
        self._policy = MemoryPolicy(device, strip_rows, choose_rows=_default_rows)
        self._stream: tuple[torch.device, int, TwoScaleStream] | None = None
        self._size = (0, 0)
        # All planes that scores still to come depend on, to start again with after a failure.
        self._recent: deque[FloatMap] = deque(maxlen=2 * REACH_PLANES)

    @property
    def device(self) -> str:
        """The device that is in use now."""
        return self._policy.device.type

    @property
    def notes(self) -> list[str]:
        """Notes for the user on what was changed because memory ran out."""
        return self._policy.notes

    def push(self, plane: FloatMap) -> list[ScoreMaps]:
        """Add the next plane (Y, X), in spans of the stack; return scores that are known now."""
        self._size = plane.shape[0], plane.shape[1]
        scores = self._run_on_device(lambda stream: stream.push(plane))
        self._recent.append(plane)  # to be processed again if memory runs out
        return [] if scores is None else [_maps(scores)]

    def end(self) -> list[ScoreMaps]:
        """Return the scores of the last planes."""
        if self._stream is None:
            return []
        scores = self._run_on_device(lambda stream: list(stream.end()))
        self._stream = None
        return [_maps(each) for each in scores]

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


def _maps(scores: Scores) -> ScoreMaps:
    return ScoreMaps(np.asarray(scores.select), np.asarray(scores.weigh))


def _default_rows(_: torch.device, width: int) -> int:
    return max(MIN_STRIP_ROWS, STRIP_PIXELS // width)
