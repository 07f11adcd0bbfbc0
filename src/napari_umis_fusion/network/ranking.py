"""Planes stream through the network: each is scored once the planes after it are known.

What is kept of a plane does not grow with their number. Large planes run in strips of rows that
overlap by the network's reach, so that the scores are those of the whole up to rounding.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_umis_fusion.network.plane_ranker import (
    REACH_PX,
    STRIDE_PX,
    Percept,
    PlaneRanker,
    Scores,
    Sight,
)
from napari_umis_fusion.network.ranking_tiles import conclude_by_tiles, perceive_by_tiles

Map = NDArray[np.float32]

TILE_PX = 256
"""Side of the tiles in which a CPU computes fine scales: they stay in its cache."""


class _Window:
    """Gives features in sight of their neighbours along z: those of the plane before the last."""

    def __init__(self) -> None:
        self._here: list[Tensor] = []
        self._rise: list[Tensor] = []

    def push(self, after: list[Tensor]) -> list[Sight] | None:
        """Take the next plane's features; returns those of the plane before it, if there is one."""
        here, before = self._here, self._rise
        self._here = after
        if not here:
            self._rise = [torch.zeros_like(level) for level in after]
            return None
        self._rise = [new - old for new, old in zip(after, here, strict=True)]
        falls = (-rise for rise in self._rise)
        return [Sight(*parts) for parts in zip(here, before, falls, strict=True)]

    def end(self) -> list[Sight]:
        """Return the last plane's features; no plane follows."""
        pairs = zip(self._here, self._rise, strict=True)
        return [Sight(here, rise, torch.zeros_like(here)) for here, rise in pairs]


class _Strip:
    """Rows of all planes, one plane after the other, through the network's stages."""

    def __init__(self, model: PlaneRanker, tile_px: int) -> None:
        self._model = model
        self._tile_px = tile_px
        self._details: deque[Tensor] = deque(maxlen=3)
        self._windows = (_Window(), _Window())
        self._percepts: deque[Percept] = deque()

    def push(self, rows: Tensor) -> Scores | None:
        """Take the next plane's rows (1, 1, Y, X)."""
        self._details.append(self._model.detail(rows))
        if len(self._details) == 1:
            return None
        return self._perceive(self._details[-2], self._details[-1])

    def end(self) -> Iterator[Scores]:
        """Yield the scores of the planes not yet told."""
        last = self._details[-1]
        self._details.append(last)
        compare, sum_up = self._windows
        for scores in (
            self._perceive(last, last),
            self._compare(compare.end()),
            self._conclude(sum_up.end()),
        ):
            if scores is not None:
                yield scores

    def _perceive(self, here: Tensor, after: Tensor) -> Scores | None:
        before = self._details[0] if len(self._details) == 3 else here
        percept = perceive_by_tiles(self._model, (before, here, after), self._tile_px)
        levels = self._model.deepen(percept.quarter)
        self._percepts.append(percept)
        sight = self._windows[0].push(list(levels))
        return None if sight is None else self._compare(sight)

    def _compare(self, sight: list[Sight]) -> Scores | None:
        further = self._windows[1].push(list(self._model.compare(sight)))
        return None if further is None else self._conclude(further)

    def _conclude(self, sight: list[Sight]) -> Scores:
        quarter, percept = self._model.sum_up(sight), self._percepts.popleft()
        return conclude_by_tiles(self._model, quarter, percept, self._tile_px)


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
    """

    def __init__(
        self,
        model: PlaneRanker,
        device: torch.device,
        size: tuple[int, int],
        strip_rows: int,
        half: bool,
    ) -> None:
        self._device = device
        self._size = size
        self._half = half
        self._rows = cut_rows(size[0], strip_rows)
        tile_px = TILE_PX if device.type == "cpu" else max(size)
        self._strips = [_Strip(model, tile_px) for _ in self._rows]

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
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
            parts = [
                strip.push(self._load(plane[rows.seen]))
                for strip, rows in zip(self._strips, self._rows, strict=True)
            ]
        return self._joined([part for part in parts if part is not None])

    @torch.inference_mode()
    def end(self) -> Iterator[Scores]:
        """Yield the scores of the planes not yet told; no plane follows."""
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
            left = [list(strip.end()) for strip in self._strips]
        for parts in zip(*left, strict=True):
            joined = self._joined(list(parts))
            assert joined is not None
            yield joined

    def _load(self, rows: Map) -> Tensor:
        """Copy rows to the device, padded to what the network accepts."""
        height, width = rows.shape
        padded = np.pad(rows, ((0, -height % STRIDE_PX), (0, -width % STRIDE_PX)), mode="edge")
        return torch.from_numpy(padded).to(self._device)[None, None]

    def _joined(self, parts: list[Scores]) -> Scores | None:
        if not parts:
            return None
        width = self._size[1]
        select, weigh = (
            torch.cat(
                [m[0, rows.told, :width] for m, rows in zip(maps, self._rows, strict=True)]
            ).cpu()
            for maps in ([p.select for p in parts], [p.weigh for p in parts])
        )
        return Scores(select, weigh)


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
