"""The maps of a result, made from a finished decision."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.fusion.decision import Decision, Window
from napari_umis_fusion.fusion.depth._depth_fit import DepthFit
from napari_umis_fusion.fusion.depth._surface import find_unsupported
from napari_umis_fusion.runtime import BoolMap, FloatMap, ScratchMemory, Tile


@dataclass(frozen=True, slots=True)
class FinalMaps:
    """Maps of a finished decision, of shape (Y, X), float32; see `FusionResult`."""

    sub_plane: FloatMap
    confidence: FloatMap
    focus: FloatMap
    sub_plane_error: FloatMap | None = None

    @classmethod
    def blank(
        cls, shape: tuple[int, ...], workspace: ScratchMemory, *, with_error: bool = False
    ) -> "FinalMaps":
        """Create empty maps, which outlive the scratch memory."""
        maps = [workspace.lasting(shape, np.float32) for _ in range(3 + with_error)]
        return cls(*maps)

    def fill(self, decision: Decision, overruled: BoolMap, fit: DepthFit, tile: Tile) -> None:
        """Fill a tile; where verification overruled the decision, nothing is known for sure."""
        window = tile.window
        self.focus[window] = np.maximum(decision.best[window], 0)
        self.confidence[window] = np.where(overruled[window], 0, _confidence(decision, window))
        self.sub_plane[window], error = fit.settle(tile)
        if self.sub_plane_error is not None:
            self.sub_plane_error[window] = error

    def mend(self, window: tuple[slice, slice], changed: BoolMap, z: int) -> None:
        """Replace the plane of some pixels by `z`, to which no peak was fitted."""
        self.confidence[window][changed] = 0
        self.sub_plane[window][changed] = z
        if self.sub_plane_error is not None:
            self.sub_plane_error[window][changed] = np.nan

    def follow(self, index_map: NDArray[np.uint16], tile: Tile) -> None:
        """Give up depths of a tile that were those of islands which are mended now."""
        window = tile.window
        depth = self.sub_plane[window]
        planes = np.where(np.isfinite(depth), np.rint(depth), index_map[window])
        lost = find_unsupported(planes.astype(np.uint16), index_map, tile)
        np.copyto(depth, index_map[window], where=lost, casting="unsafe")
        if self.sub_plane_error is not None:
            self.sub_plane_error[window][lost] = np.nan


def _confidence(decision: Decision, window: Window) -> FloatMap:
    """Return 1 - (best other focus) / (chosen focus), within 0 to 1; 0 if another is higher."""
    chosen, rival = decision.chosen[window], decision.second[window]
    # The focus of a badly trained network may overflow; infinity gives a confidence of 0. All are
    # divided: to divide some takes longer.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio = np.where((chosen > 0) & (rival >= 0), rival / chosen, np.float32(1))
    contrast: FloatMap = np.clip(1 - ratio, 0, 1)
    return contrast
