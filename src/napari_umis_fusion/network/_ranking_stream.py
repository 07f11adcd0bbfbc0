"""Scores of planes as they arrive: each is scored once the planes after it are known.

Memory does not grow with the number of planes. Large planes are processed in strips of rows that
overlap by the receptive field, so that the scores equal those of the whole up to rounding.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_umis_fusion.network._device import single_torch_thread
from napari_umis_fusion.network._plane_ranker import PlaneRanker, Scores
from napari_umis_fusion.network._ranker_layout import REACH_PX, STRIDE_PX
from napari_umis_fusion.network._ranking_tiles import FineStages
from napari_umis_fusion.network._streaming_ranker import (
    FineFeatures,
    StreamingMixing,
    StreamingRanker,
)
from napari_umis_fusion.runtime import FloatMap, Workers

TILE_PX = 512
"""Side of the tiles in which a CPU computes fine scales, so that they stay in its cache."""

FEWEST_PIXELS = 2**20
"""Smallest plane for whose coarse scales torch's own threads are faster than one."""


class _NeighbourWindow:
    """Mixes features with those of the planes before and after, with a delay of one plane."""

    def __init__(self, mixings: list[StreamingMixing]) -> None:
        self._mixings = mixings
        # The last plane, and the one before it.
        self._known: list[list[Tensor]] = []

    def push(self, levels: list[Tensor]) -> list[Tensor] | None:
        """Add the features of the next plane; return the mixed ones of the plane before it."""
        known = self._known
        self._known = [levels, *known[:1]]
        return self._mixed(known[-1], known[0], levels) if known else None

    def end(self) -> list[Tensor]:
        """Return the mixed features of the last plane."""
        last = self._known[0]
        return self._mixed(self._known[-1], last, last)

    def _mixed(self, *planes: list[Tensor]) -> list[Tensor]:
        return [mix(*three) for mix, *three in zip(self._mixings, *planes, strict=True)]


class _RowStrip:
    """A strip of rows of all planes, which pass the network's stages one after the other."""

    def __init__(self, ranker: StreamingRanker, fine_stages: FineStages) -> None:
        self._ranker = ranker
        self._fine_stages = fine_stages
        # A plane and its two neighbours.
        self._details: deque[Tensor] = deque(maxlen=3)
        self._first_mix, self._second_mix = (
            _NeighbourWindow(mixings) for mixings in ranker.mixings
        )
        self._fine: deque[FineFeatures] = deque()

    def push(self, rows: Tensor) -> Tensor | None:
        """Add the rows (1, 1, Y, X) of the next plane; return the scores of an earlier one."""
        self._details.append(self._ranker.subtract_local_mean(rows))
        if len(self._details) == 1:
            return None
        return self._extract_features(self._details[-2], self._details[-1])

    def end(self) -> Iterator[Tensor]:
        """Yield the scores of the remaining planes."""
        last = self._details[-1]
        # The missing neighbour is replaced by the plane itself.
        self._details.append(last)
        scores = self._extract_features(last, last)
        if scores is not None:
            yield scores
        scores = self._refine(self._first_mix.end())
        if scores is not None:
            yield scores
        yield self._score(self._second_mix.end())

    def _extract_features(self, here: Tensor, after: Tensor) -> Tensor | None:
        before = self._details[0] if len(self._details) == 3 else here
        quarter, fine = self._fine_stages.extract_features((before, here, after))
        self._fine.append(fine)
        mixed = self._first_mix.push(self._ranker.encode_scales(quarter))
        return None if mixed is None else self._refine(mixed)

    def _refine(self, mixed: list[Tensor]) -> Tensor | None:
        further = self._second_mix.push(self._ranker.mix_neighbours(mixed))
        return None if further is None else self._score(further)

    def _score(self, mixed: list[Tensor]) -> Tensor:
        quarter, fine = self._ranker.decode(mixed), self._fine.popleft()
        return self._fine_stages.score(quarter, fine)


@dataclass(frozen=True, slots=True)
class _StripRows:
    """Rows that a strip reads, and the rows among them whose scores are kept."""

    input: slice
    output: slice


class RankingStream:
    """Scores the planes of one stack as they arrive, with a delay of `REACH_PLANES`.

    Parameters
    ----------
    model : PlaneRanker
        In evaluation mode; read, not changed.
    device : torch.device
        Device to compute on.
    size : tuple of int
        (Y, X) of the planes.
    strip_rows : int
        Rows of scores that a strip returns.
    half : bool
        Compute in bfloat16 where the precision suffices.
    workers : Workers, optional
        Threads for the tiles of a CPU. If they are shut down, `CancelledError` is raised.
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
        self._rows = split_rows_with_context(size[0], strip_rows)
        ranker = StreamingRanker(model, device, half=half)
        on_cpu = device.type == "cpu"
        fine = FineStages(ranker, TILE_PX if on_cpu else max(size), workers if on_cpu else None)
        self._strips = [_RowStrip(ranker, fine) for _ in self._rows]

    @torch.inference_mode()
    def push(self, plane: FloatMap) -> Scores | None:
        """Add the next plane, and return the scores of the one `REACH_PLANES` before it.

        Parameters
        ----------
        plane : ndarray of shape (Y, X), float32
            Scaled so that the stack spans about 0 to 1.

        Returns
        -------
        Scores or None
            Of shape (Y, X), on the CPU; None if there is no such plane yet.
        """
        parts = []
        with self._own_threads():
            for strip, rows in zip(self._strips, self._rows, strict=True):
                self._check()
                parts.append(strip.push(self._load(plane[rows.input])))
        return self._joined([part for part in parts if part is not None])

    @torch.inference_mode()
    def end(self) -> Iterator[Scores]:
        """Yield the scores of the remaining planes; no plane follows."""
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
        """Set the number of torch's threads for the size of the planes, and restore it."""
        threads = torch.get_num_threads()
        if self._is_small and self._workers is not None:
            single_torch_thread()
        try:
            yield
        finally:
            torch.set_num_threads(threads)  # workers' threads set it too, for the process

    def _check(self) -> None:
        if self._workers is not None:
            self._workers.check()

    def _load(self, rows: FloatMap) -> Tensor:
        """Copy rows to the device, padded to multiples of the network's stride."""
        height, width = rows.shape
        padded = np.pad(rows, ((0, -height % STRIDE_PX), (0, -width % STRIDE_PX)), mode="edge")
        return torch.from_numpy(padded).to(self._device)[None, None]

    def _joined(self, parts: list[Tensor]) -> Scores | None:
        """Join the scores (1, 2, Y, X) of strips."""
        if not parts:
            return None
        width = self._size[1]
        pairs = zip(parts, self._rows, strict=True)
        outputs = [part[0, :, rows.output, :width] for part, rows in pairs]
        return Scores(*(outputs[0] if len(outputs) == 1 else torch.cat(outputs, 1)).cpu())


def split_rows_with_context(height: int, strip_rows: int) -> list[_StripRows]:
    """Split rows into strips that read `REACH_PX` more on each side, on the network's grid."""
    step = max(STRIDE_PX, strip_rows // STRIDE_PX * STRIDE_PX)
    reach = -(-REACH_PX // STRIDE_PX) * STRIDE_PX
    strips = []
    for start in range(0, height, step):
        stop, first = min(start + step, height), max(start - reach, 0)
        taken = slice(first, min(stop + reach, height))
        strips.append(_StripRows(taken, slice(start - first, stop - first)))
    return strips
