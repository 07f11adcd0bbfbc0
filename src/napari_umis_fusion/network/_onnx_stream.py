"""Scores of planes as they arrive, computed without torch.

The features of a plane are computed once, and compared with those of its neighbours when these are
known. Memory does not grow with the number of planes.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from napari_umis_fusion.network._halving import halved
from napari_umis_fusion.network._onnx_session import Arrays
from napari_umis_fusion.network._onnx_stages import Compared, OnnxStages
from napari_umis_fusion.network._ranker_graphs import SCALES
from napari_umis_fusion.network._ranker_layout import REACH_PLANES, STRIDE_PX
from napari_umis_fusion.runtime import Float32Array, FloatMap

Item = TypeVar("Item")

Levels = list[Float32Array]
"""Features at a quarter, an eighth and a sixteenth of the resolution."""


@dataclass(frozen=True, slots=True)
class ScoreMaps:
    """Scores of each pixel of a plane, of shape (Y, X), float32; see `Scores`."""

    select: FloatMap
    weigh: FloatMap


class _Neighbours(Generic[Item]):
    """Hands out each plane with its neighbours; a missing one is replaced by the plane itself."""

    def __init__(self) -> None:
        self._last: list[Item] = []

    def push(self, item: Item) -> tuple[Item, Item, Item] | None:
        """Add the next plane; return the one before it, between its neighbours."""
        if not self._last:
            self._last = [item]
            return None
        found = self._last[0], self._last[-1], item
        self._last = [self._last[-1], item]
        return found

    def end(self) -> tuple[Item, Item, Item]:
        """Return the last plane between its neighbours."""
        return self._last[0], self._last[-1], self._last[-1]


IN_USE = {
    "detail": (3,),
    "features": (3, REACH_PLANES, REACH_PLANES),
    "encode": (3, 3),
    "compare": (3, 3, 3),
}
"""How many planes each output of a stage is in use for: compared with both neighbours, kept for the
last stage. Scores are not here: whoever asked for them keeps
them."""


class _Outputs:
    """Runs the stages of one stream, and gives them the arrays of planes that are done with."""

    def __init__(self, stages: OnnxStages) -> None:
        self._stages = stages
        self._old = {name: [deque[Float32Array]() for _ in uses] for name, uses in IN_USE.items()}

    def run(
        self, name: str, arrays: Arrays, compared: Compared | None = None
    ) -> list[Float32Array]:
        """Compute one stage of a plane, as `OnnxStages.run` does."""
        old, uses = self._old[name], IN_USE[name]
        spare = [
            kept.popleft() if len(kept) == planes else None
            for kept, planes in zip(old, uses, strict=True)
        ]
        found = self._stages.run(name, arrays, compared, spare)
        for kept, array in zip(old, found, strict=True):
            kept.append(array)
        return found


class OnnxRankingStream:
    """Scores the planes of one stack as they arrive, with a delay of `REACH_PLANES`.

    Parameters
    ----------
    stages : OnnxStages
        The network.
    size : tuple of int
        (Y, X) of the planes.
    """

    def __init__(self, stages: OnnxStages, size: tuple[int, int]) -> None:
        self._stages, self._outputs = stages, _Outputs(stages)
        self._size = size
        self._details = _Neighbours[Float32Array]()
        self._levels = _Neighbours[Levels]()
        self._compared = _Neighbours[Levels]()
        # What the last stage takes of planes that wait for their neighbours.
        self._fine: deque[Arrays] = deque()

    def push(self, plane: FloatMap) -> ScoreMaps | None:
        """Add the next plane, and return the scores of the one `REACH_PLANES` before it.

        Parameters
        ----------
        plane : ndarray of shape (Y, X), float32
            Scaled so that the stack spans about 0 to 1.

        Returns
        -------
        ScoreMaps or None
            None if there is no such plane yet.
        """
        height, width = plane.shape
        to_grid = ((0, -height % STRIDE_PX), (0, -width % STRIDE_PX))
        padded = np.pad(plane, to_grid, mode="edge") if any(map(any, to_grid)) else plane
        unit = np.ascontiguousarray(padded, np.float32)[None, None]
        known = self._details.push(self._outputs.run("detail", {"plane": unit})[0])
        return None if known is None else self._extract(known)

    def end(self) -> Iterator[ScoreMaps]:
        """Yield the scores of the remaining planes; no plane follows."""
        for scores in (
            self._extract(self._details.end()),
            self._compare(self._levels.end()),
        ):
            if scores is not None:
                yield scores
        yield self._score(self._compared.end())

    def _extract(self, details: tuple[Float32Array, ...]) -> ScoreMaps | None:
        quarter, edges, prior = self._outputs.run("features", {}, {"detail": details})
        self._fine.append({"edges": edges, "prior": prior})
        known = self._levels.push([quarter, *self._outputs.run("encode", {"quarter": quarter})])
        return None if known is None else self._compare(known)

    def _compare(self, levels: tuple[Levels, ...]) -> ScoreMaps | None:
        known = self._compared.push(self._outputs.run("compare", {}, _by_scale(levels)))
        return None if known is None else self._score(known)

    def _score(self, compared: tuple[Levels, ...]) -> ScoreMaps:
        found = self._stages.run("score", self._fine.popleft(), _by_scale(compared))
        height, width = self._size
        scores = found[0][0, :, :height, :width]
        return ScoreMaps(scores[0], scores[1])


class OnnxTwoScaleStream:
    """Scores planes at full and at half the resolution, as `TwoScaleStream` does.

    Takes the parameters of `OnnxRankingStream`.
    """

    def __init__(self, stages: OnnxStages, size: tuple[int, int]) -> None:
        coarse = -(-size[0] // 2), -(-size[1] // 2)
        self._size, self._stages = size, stages
        self._enlarged: list[Float32Array] = []
        self._fine, self._coarse = (
            OnnxRankingStream(stages, size),
            OnnxRankingStream(stages, coarse),
        )

    def push(self, plane: FloatMap) -> ScoreMaps | None:
        """Add the next plane (Y, X); return the scores of an earlier one, or None."""
        fine, coarse = self._fine.push(plane), self._coarse.push(halved(plane))
        return None if fine is None or coarse is None else self._sum(fine, coarse)

    def end(self) -> Iterator[ScoreMaps]:
        """Yield the scores of the remaining planes; no plane follows."""
        for fine, coarse in zip(self._fine.end(), self._coarse.end(), strict=True):
            yield self._sum(fine, coarse)

    def _sum(self, fine: ScoreMaps, coarse: ScoreMaps) -> ScoreMaps:
        height, width = self._size
        taken = np.ascontiguousarray(coarse.select)[None, None]
        self._enlarged = self._stages.run("enlarge", {"coarse": taken}, spare=self._enlarged)
        fine.select[...] += self._enlarged[0][0, 0, :height, :width]
        return fine


def _by_scale(planes: tuple[Levels, ...]) -> dict[str, tuple[Float32Array, ...]]:
    """Return the features of three planes at each scale, by the name of the scale."""
    return dict(zip(SCALES, zip(*planes, strict=True), strict=True))
