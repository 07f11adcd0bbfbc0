"""Ranking of planes at full and at half the resolution.

The receptive field of the network is `REACH_PX`, and it was trained on blur of tens of pixels.
Wider blur, as of a dark body in front of a bright background at high magnification, looks to it
like structure of an even plane; at half the resolution it does not.
"""

from collections.abc import Iterator

import torch
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.network._halving import COARSE_SHARE, halved
from napari_umis_fusion.network._plane_ranker import PlaneRanker, Scores
from napari_umis_fusion.network._ranking_stream import RankingStream
from napari_umis_fusion.runtime import FloatMap, Workers


class TwoScaleStream:
    """Scores planes as `RankingStream` does, at two resolutions; takes the same parameters.

    Scores for copying values are from both resolutions, those for the mean from the full one.
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
        coarse = -(-size[0] // 2), -(-size[1] // 2)
        self._size = size
        self._fine, self._coarse = (
            RankingStream(model, device, shape, rows, half=half, workers=workers)
            # Half the rows at half the resolution: strips of both cover the same area.
            for shape, rows in ((size, strip_rows), (coarse, max(1, strip_rows // 2)))
        )

    def push(self, plane: FloatMap) -> Scores | None:
        """Add the next plane (Y, X); return the scores of an earlier one, or None."""
        fine, coarse = self._fine.push(plane), self._coarse.push(halved(plane))
        return None if fine is None or coarse is None else self._sum(fine, coarse)

    def end(self) -> Iterator[Scores]:
        """Yield the scores of the remaining planes; no plane follows."""
        for fine, coarse in zip(self._fine.end(), self._coarse.end(), strict=True):
            yield self._sum(fine, coarse)

    def _sum(self, fine: Scores, coarse: Scores) -> Scores:
        height, width = self._size
        large = F.interpolate(
            coarse.select[None, None], scale_factor=2, mode="bilinear", align_corners=False
        )
        return Scores(fine.select + COARSE_SHARE * large[0, 0, :height, :width], fine.weigh)
