"""Planes stream through the network: each is scored once the planes after it are known.

What is kept of a plane does not grow with their number. Large planes run in strips of rows that
overlap by the network's reach, so that the scores are those of the whole up to rounding.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_umis_fusion.network._device import single_torch_thread
from napari_umis_fusion.network._plane_ranker import REACH_PX, STRIDE_PX, PlaneRanker, Scores
from napari_umis_fusion.network._ranking_tiles import FineStages
from napari_umis_fusion.network._streaming_ranker import (
    FineFeatures,
    PendingFeatures,
    StreamingMixing,
    StreamingRanker,
)
from napari_umis_fusion.runtime import Workers

Map = NDArray[np.float32]

TILE_PX = 512
"""Side of the tiles in which a CPU computes fine scales: they stay in its cache."""

FEWEST_PIXELS = 2**20
"""Of a plane whose coarse scales are worth more than one thread."""


class _Window:
    """Mixes features with those of the planes before and after: one plane later."""

    def __init__(self, mixings: list[StreamingMixing]) -> None:
        self._mixings = mixings
        self._waiting: list[PendingFeatures] = []

    def push(self, levels: list[Tensor]) -> list[Tensor] | None:
        """Take the next plane's features; returns those of the plane before it, if there is one."""
        before, mixings = self._waiting, self._mixings
        if not before:
            self._waiting = [m.first(level) for m, level in zip(mixings, levels, strict=True)]
            return None
        mixed = [m.mixed(b, level) for m, b, level in zip(mixings, before, levels, strict=True)]
        self._waiting = [
            m.next(b, level) for m, b, level in zip(mixings, before, levels, strict=True)
        ]
        return mixed

    def end(self) -> list[Tensor]:
        """Return the last plane's features; no plane follows."""
        pairs = zip(self._mixings, self._waiting, strict=True)
        return [mixing.mixed(last, last.features) for mixing, last in pairs]


class _Strip:
    """Rows of all planes, one plane after the other, through the network's stages."""

    def __init__(self, ranker: StreamingRanker, fine_stages: FineStages) -> None:
        self._ranker = ranker
        self._fine_stages = fine_stages
        self._details: deque[Tensor] = deque(maxlen=3)
        self._compare, self._sum_up = (_Window(mixings) for mixings in ranker.mixings)
        self._fine: deque[FineFeatures] = deque()

    def push(self, rows: Tensor) -> Tensor | None:
        """Take the next plane's rows (1, 1, Y, X)."""
        self._details.append(self._ranker.detail(rows))
        if len(self._details) == 1:
            return None
        return self._perceive(self._details[-2], self._details[-1])

    def end(self) -> Iterator[Tensor]:
        """Yield the scores of the planes not yet told."""
        last = self._details[-1]
        self._details.append(last)
        scores = self._perceive(last, last)
        if scores is not None:
            yield scores
        scores = self._refine(self._compare.end())
        if scores is not None:
            yield scores
        yield self._conclude(self._sum_up.end())

    def _perceive(self, here: Tensor, after: Tensor) -> Tensor | None:
        before = self._details[0] if len(self._details) == 3 else here
        quarter, fine = self._fine_stages.perceive((before, here, after))
        self._fine.append(fine)
        mixed = self._compare.push(self._ranker.deepen(quarter))
        return None if mixed is None else self._refine(mixed)

    def _refine(self, mixed: list[Tensor]) -> Tensor | None:
        further = self._sum_up.push(self._ranker.compare(mixed))
        return None if further is None else self._conclude(further)

    def _conclude(self, mixed: list[Tensor]) -> Tensor:
        quarter, fine = self._ranker.sum_up(mixed), self._fine.popleft()
        return self._fine_stages.conclude(quarter, fine)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that a strip looks at, and which of them it tells."""

    seen: slice
    told: slice


class RankingStream:
    """Scores the planes of one stack as they arrive; each comes `REACH_PLANES` later.

    Parameters
    ----------
    model : PlaneRanker
        In evaluation mode; read, never changed.
    device : torch.device
        Where to compute.
    size : tuple of int
        (Y, X) of the planes.
    strip_rows : int
        Rows told by a strip.
    half : bool
        Compute in bfloat16 where it does no harm.
    workers : Workers, optional
        Threads that help on a CPU; the work ends when they do, with `CancelledError`.
    """

    def __init__(
        self,
        model: PlaneRanker,
        device: torch.device,
        size: tuple[int, int],
        strip_rows: int,
        *,
        half: bool,
        workers: Workers | None = None,
    ) -> None:
        self._device = device
        self._size = size
        self._workers = workers
        self._is_small = size[0] * size[1] < FEWEST_PIXELS
        self._rows = cut_rows(size[0], strip_rows)
        ranker = StreamingRanker(model, device, half=half)
        on_cpu = device.type == "cpu"
        fine = FineStages(ranker, TILE_PX if on_cpu else max(size), workers if on_cpu else None)
        self._strips = [_Strip(ranker, fine) for _ in self._rows]

    @torch.inference_mode()
    def push(self, plane: Map) -> Scores | None:
        """Take the next plane, and return the scores of the one `REACH_PLANES` before it.

        Parameters
        ----------
        plane : ndarray of shape (Y, X), float32
            The stack spans about 0 to 1.

        Returns
        -------
        Scores or None
            Of shape (Y, X), on the CPU; None where no such plane is known yet.
        """
        parts = []
        with self._own_threads():
            for strip, rows in zip(self._strips, self._rows, strict=True):
                self._check()
                parts.append(strip.push(self._load(plane[rows.seen])))
        return self._joined([part for part in parts if part is not None])

    @torch.inference_mode()
    def end(self) -> Iterator[Scores]:
        """Yield the scores of the planes not yet told; no plane follows."""
        left = []
        with self._own_threads():
            for strip in self._strips:
                self._check()
                left.append(list(strip.end()))
        for parts in zip(*left, strict=True):
            joined = self._joined(list(parts))
            assert joined is not None
            yield joined

    @contextmanager
    def _own_threads(self) -> Iterator[None]:
        """Let torch compute with as many threads as pay, and leave the others as they were."""
        threads = torch.get_num_threads()
        if self._is_small and self._workers is not None:
            single_torch_thread()
        try:
            yield
        finally:
            torch.set_num_threads(threads)  # also undoes what the workers' threads have set

    def _check(self) -> None:
        if self._workers is not None:
            self._workers.check()

    def _load(self, rows: Map) -> Tensor:
        """Copy rows to the device, padded to what the network accepts."""
        height, width = rows.shape
        padded = np.pad(rows, ((0, -height % STRIDE_PX), (0, -width % STRIDE_PX)), mode="edge")
        return torch.from_numpy(padded).to(self._device)[None, None]

    def _joined(self, parts: list[Tensor]) -> Scores | None:
        """Join the scores (1, 2, Y, X) of strips."""
        if not parts:
            return None
        width = self._size[1]
        pairs = zip(parts, self._rows, strict=True)
        told = [part[0, :, rows.told, :width] for part, rows in pairs]
        return Scores(*(told[0] if len(told) == 1 else torch.cat(told, 1)).cpu())


def cut_rows(height: int, strip_rows: int) -> list[_Rows]:
    """Cut rows into strips that see `REACH_PX` beyond what they tell, on the network's grid."""
    step = max(STRIDE_PX, strip_rows // STRIDE_PX * STRIDE_PX)
    reach = -(-REACH_PX // STRIDE_PX) * STRIDE_PX
    strips = []
    for start in range(0, height, step):
        stop, first = min(start + step, height), max(start - reach, 0)
        seen = slice(first, min(stop + reach, height))
        strips.append(_Rows(seen, slice(start - first, stop - first)))
    return strips
