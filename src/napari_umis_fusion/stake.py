"""How much is at stake between a new plane and those chosen so far, where focus is a share."""

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure.classical import laplacian
from napari_umis_fusion.focus_measure.planewise import TiledMeasure
from napari_umis_fusion.stack import Plane
from napari_umis_fusion.workers import Workers
from napari_umis_fusion.workspace import Workspace

Map = NDArray[np.float32]

WINDOW_SIGMA_PX = 2.0
"""Window over which the detail is averaged that two planes differ by."""


class Stake:
    """Measures the detail by which a plane differs from the choice so far.

    Attributes
    ----------
    detail : ndarray of shape (Y, X), float32
        In grey levels of the default focus measure.
    chosen : ndarray of shape (Y, X), float32
        Grey levels of the choice so far; kept by whoever takes pixels over.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        config: FusionConfig,
        workers: Workers,
        workspace: Workspace,
    ) -> None:
        self.detail: Map = workspace.full(shape, np.float32, 0)
        self.chosen: Map = workspace.full(shape, np.float32, 0)
        self._workers = workers
        plain = config.replace(median_filter=False)
        self._measure = TiledMeasure(laplacian(1.0, WINDOW_SIGMA_PX), workers, plain)

    def iter_measure(self, grey: Map, plane: Plane) -> Generator[None]:
        """Fill `detail` for a new plane with these grey levels."""
        difference = self._workers.submit(np.subtract, grey, self.chosen)
        differing = yield from self._workers.result(difference)
        yield from self._measure.iter_fill(differing, plane, self.detail)
