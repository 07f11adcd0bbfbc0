"""The learned focus measure: a network ranks each plane compared with its neighbours along z."""

import copy
import os
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure._planewise import iter_median
from napari_umis_fusion.network import (
    REACH_PLANES,
    Checkpoint,
    ScoreMaps,
    open_checkpoint,
    runs_without_torch,
)
from napari_umis_fusion.runtime import FloatMap, Tile, Workers, paged_zeros, tiles_of
from napari_umis_fusion.stack import Plane

if TYPE_CHECKING:
    from concurrent.futures import Future

    from napari_umis_fusion.network import PlaneRanker

MAX_SCORE_DIFFERENCE = 60.0
"""Limit of the difference from the first plane's score, beyond which the decision is certain; its
exponential is within the range of float32."""


class Scorer(Protocol):
    """Scores planes that arrive one after the other; both methods block, on one thread.

    Attributes
    ----------
    device : str
        The device that is in use now.
    notes : list of str
        Notes for the user on what was changed because memory ran out.
    """

    @property
    def device(self) -> str: ...

    @property
    def notes(self) -> list[str]: ...

    def push(self, plane: FloatMap) -> list[ScoreMaps]:
        """Add the next plane (Y, X), in spans of the stack; return scores that are known now."""
        ...

    def end(self) -> list[ScoreMaps]:
        """Return the scores of the last planes."""
        ...


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
        Rows that torch computes at once; by default chosen for the planes' width. Focus is the
        same up to rounding.

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
        source: "str | os.PathLike[str] | Checkpoint | PlaneRanker | None",
        config: FusionConfig,
        contrast: float,
        workers: Workers,
        strip_rows: int | None = None,
    ) -> None:
        self.checkpoint: Checkpoint | None = None
        if source is None or isinstance(source, (str, os.PathLike, Checkpoint)):
            self.checkpoint = open_checkpoint(source, "plane-ranker")
        self._scorer = _choose_scorer(
            self.checkpoint or cast("PlaneRanker", source), config, workers, strip_rows
        )
        # To a span of 0 to 1, that of the training stacks.
        self._gain = np.float32(1 / contrast) if contrast > 0 else np.float32(1)
        self._config = config
        self._workers = workers
        self._ready: deque[ScoreMaps] = deque()
        self._under_way: Future[list[ScoreMaps]] | None = None
        self._first: tuple[FloatMap, FloatMap] | None = None

    @property
    def device(self) -> str:
        """The device that is in use now."""
        return self._scorer.device

    @property
    def notes(self) -> list[str]:
        """Notes for the user on what was changed because memory ran out."""
        return self._scorer.notes

    def iter_add(self, grey: FloatMap, plane: Plane) -> Generator[None]:
        """Add the next plane; its computation starts when the previous one is finished."""
        if self._config.median_filter:
            grey = yield from iter_median(grey, self._workers, self._config.tile_px)
        yield from self._iter_collect()
        self._under_way = self._workers.submit_ordered(self._push, grey)

    def iter_end(self) -> Generator[None]:
        """Score the last planes."""
        yield from self._iter_collect()
        self._under_way = self._workers.submit_ordered(self._scorer.end)
        yield from self._iter_collect()

    def _iter_collect(self) -> Generator[None]:
        """Wait for the running job, if there is one."""
        if self._under_way is not None:
            self._ready += yield from self._workers.result(self._under_way)
            self._under_way = None

    def _push(self, grey: FloatMap) -> list[ScoreMaps]:
        scaled = paged_zeros(grey.shape, np.float32)
        return self._scorer.push(np.multiply(grey, self._gain, scaled))

    def iter_fill(self, focus: FloatMap) -> Generator[None, None, FloatMap]:
        """Fill `focus` with that of the oldest plane, and return that of the weighted blend."""
        scores = self._ready.popleft()
        select, weigh = scores.select, scores.weigh
        if self._first is None:
            self._first = select.copy(), weigh.copy()
        weight: FloatMap = paged_zeros(focus.shape, np.float32)
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
        return {"device": self.device, **weights}


def _choose_scorer(
    source: "Checkpoint | PlaneRanker", config: FusionConfig, workers: Workers, rows: int | None
) -> Scorer:
    """Return what computes on the device of a config; torch is imported only if it is used."""
    if runs_without_torch(config.device):
        from napari_umis_fusion.focus_measure._onnx_scorer import OnnxScorer

        if isinstance(source, Checkpoint):
            return OnnxScorer(source.arrays, workers)
        state = source.state_dict().items()
        return OnnxScorer({name: value.cpu().numpy() for name, value in state}, workers)
    from napari_umis_fusion.focus_measure._torch_scorer import TorchScorer

    if isinstance(source, Checkpoint):
        model = cast("PlaneRanker", source.model())
    else:  # a copy, since the caller may continue to train the network
        model = copy.deepcopy(source).eval()
    return TorchScorer(model, config.device, workers, rows)


def _exponential(scores: FloatMap, first: FloatMap, factor: np.float32, out: FloatMap) -> None:
    """Fill `out` with exp(`factor` * (`scores` - `first`)), within the range of float32."""
    np.subtract(scores, first, out=out)
    np.clip(out, -MAX_SCORE_DIFFERENCE, MAX_SCORE_DIFFERENCE, out=out)
    np.multiply(out, factor, out=out)
    np.exp(out, out=out)
