"""For which pixels a plane, or a composite of several, is chosen instead of another composite."""

from collections.abc import Generator

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.decision import Verified, take_sharper
from napari_umis_fusion.fusion.seams._composite import Composite
from napari_umis_fusion.fusion.seams._plane_difference import PlaneDifference
from napari_umis_fusion.fusion.seams._seam_borders import SeamBorders
from napari_umis_fusion.fusion.seams._seam_evidence import GreyScales
from napari_umis_fusion.runtime import BoolMap, FloatMap, ScratchMemory, Tile, Workers, tiles_of
from napari_umis_fusion.stack import Plane


class Takeovers:
    """Decides by the verification of a config.

    Parameters
    ----------
    config : FusionConfig
        Options of the fusion.
    shape : tuple of int
        (Y, X) of the planes.
    black : float
        Recorded value of black.
    workspace : ScratchMemory
        Memory for the maps.
    workers : Workers
        Threads to run on.
    is_share : bool
        Whether focus compares only the planes of one pixel.
    averages : bool
        Whether a mean is computed, too.
    verified : Verified, optional
        In a second pass, the index map that decides instead of focus.

    Attributes
    ----------
    takeover : ndarray of shape (Y, X), bool
        Pixels for which the image is chosen that was compared last.
    difference : PlaneDifference or None
        Of the two that were compared last: its detail is for seams, its agreement for the mean.
    seams : SeamBorders or None
        Where borders run; None if verification leaves planes alone or comes at the end.
    """

    def __init__(
        self,
        config: FusionConfig,
        shape: tuple[int, int],
        black: float,
        workspace: ScratchMemory,
        workers: Workers,
        *,
        is_share: bool,
        averages: bool,
        verified: Verified | None,
    ) -> None:
        self.takeover: BoolMap = workspace.full(shape, np.bool_, False)
        self.seams: SeamBorders | None = None
        if config.verification == "seams":
            given = config.seam_smoothness, black, shape, config.tile_px
            self.seams = SeamBorders(*given, workspace, workers)
        self.difference: PlaneDifference | None = None
        if is_share and (averages or self.seams is not None):
            self.difference = PlaneDifference(shape, config, workers, workspace)
        self._verified, self._workers = verified, workers
        self._tiles = tiles_of(self.takeover, config.tile_px)

    @property
    def agreement(self) -> FloatMap | None:
        """Agreement in brightness of the two that were compared last, where it is measured."""
        return None if self.difference is None else self.difference.agreement

    def iter_decide(
        self,
        image: Plane,
        grey: FloatMap,
        focus: FloatMap,
        below: Composite,
        scales: GreyScales,
        *,
        joins: bool,
        z: int,
    ) -> Generator[None]:
        """Fill `takeover`, yielding every 50 ms while threads work.

        Parameters
        ----------
        image : ndarray of shape (Y, X) or (Y, X, C)
            What may be chosen: a plane, or what several show together.
        grey, focus : ndarray of shape (Y, X)
            Its grey levels and its focus.
        below : Composite
            What it is compared with.
        scales : GreyScales
            Units of focus and values.
        joins : bool
            Whether there is anything below yet.
        z : int
            The plane that was added last.
        """
        difference, each = self.difference, self._workers.each
        if joins and difference is not None:
            yield from difference.iter_measure(grey, below.grey, image)
        if self.seams is not None:
            if not joins:
                self.takeover[...] = True
                return
            detail = None if difference is None else difference.detail
            shown = (image, below.image), (grey, below.grey)
            yield from self.seams.iter_solve(*shown, focus, below.decision, detail, scales)
            yield from self.seams.iter_threshold(focus, below.decision, self.takeover)
            return

        def choose(tile: Tile) -> None:
            if self._verified is None:
                take_sharper(focus, below.decision, self.takeover, tile)
            else:
                self._verified.follow(focus, below.decision, self.takeover, z, tile)

        yield from each(choose, self._tiles)
