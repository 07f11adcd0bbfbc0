"""What is corrected of the weighted mean: its base, its fine detail, and edges that it made."""

from collections.abc import Generator

from napari_umis_fusion.fusion.mean._base import BaseCorrection
from napari_umis_fusion.fusion.mean._edge_limits import EdgeLimits
from napari_umis_fusion.fusion.mean._fine_detail import FineDetail
from napari_umis_fusion.fusion.mean._weighted_mean import WeightedMean
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import AnyArray, FloatMap, ScratchMemory, Workers
from napari_umis_fusion.stack import Plane, Stack


class MeanCorrection:
    """Collects what the planes of a stack show, and corrects their weighted mean.

    Parameters
    ----------
    stack : Stack
        The planes.
    to_grey : GreyConverter
        Conversion of planes to grey levels.
    grey_levels : float
        Grey levels per unit of the values.
    workspace : ScratchMemory
        Memory for the maps.

    Attributes
    ----------
    edges : EdgeLimits
        The gradients of the planes.
    """

    def __init__(
        self, stack: Stack, to_grey: GreyConverter, grey_levels: float, workspace: ScratchMemory
    ) -> None:
        shape = stack.shape[1:]
        self._base = BaseCorrection(shape, stack.dtype, len(stack), grey_levels, workspace)
        self._detail = FineDetail(shape, to_grey.range.black, workspace)
        self.edges = EdgeLimits((shape[0], shape[1]), to_grey, workspace)

    def iter_add(
        self, plane: Plane, grey: FloatMap, weight: FloatMap, z: int, workers: Workers
    ) -> Generator[None]:
        """Add plane `z`, with its grey levels; its weight (Y, X) is negative where invalid."""
        yield from self._base.iter_add(plane, weight, z, workers)
        yield from self._detail.iter_add(plane, grey, weight, workers)
        yield from self.edges.iter_add(plane, workers)

    def iter_fill(self, image: Plane, mean: WeightedMean, workers: Workers) -> Generator[None]:
        """Fill an image with the mean of all planes, corrected, once these are added."""
        yield from self._base.iter_settle(mean, workers)
        yield from mean.iter_fill(image, workers, self)
        yield from self.edges.iter_soften(image, self._base, workers)

    def corrected(self, mean: WeightedMean, rows: slice) -> AnyArray:
        """Return rows of the mean, corrected but for its edges."""
        wider = self._detail.wider(rows)
        around = mean.estimate(wider)
        inner = around[rows.start - wider.start :][: rows.stop - rows.start]
        detailed = self._detail.added(inner, around, self._base.total[rows], rows)
        return self._base.correct(detailed, rows)
