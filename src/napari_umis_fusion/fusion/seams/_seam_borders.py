"""Where the border between two composites runs: evidence, solution and threshold."""

from collections.abc import Generator
from typing import Any

import numpy as np

from napari_umis_fusion.fusion.decision import Decision
from napari_umis_fusion.fusion.seams._seam_evidence import GreyScales, SeamEvidence
from napari_umis_fusion.fusion.seams._seams import TakeoverSolver
from napari_umis_fusion.preprocess import GreyConverter, comparable
from napari_umis_fusion.runtime import BoolMap, FloatMap, ScratchMemory, Tile, Workers, tiles_of
from napari_umis_fusion.stack import Plane


class SeamBorders:
    """Solves for which pixels a new image is chosen instead of a composite.

    Parameters
    ----------
    smoothness : float
        Weight of visible borders relative to evidence.
    black : float
        Recorded value of black.
    shape : tuple of int
        (Y, X) of the planes.
    tile_px : int
        Side of tiles.
    workspace : ScratchMemory
        Memory for the maps.
    workers : Workers
        Threads to run on.

    Attributes
    ----------
    evidence : SeamEvidence
        What was solved last.
    solver : TakeoverSolver
        The solver.
    to_grey : GreyConverter or None
        Conversion to grey levels, where these lack a pattern that images show: it hides no border.
    """

    def __init__(
        self,
        smoothness: float,
        black: float,
        shape: tuple[int, int],
        tile_px: int,
        workspace: ScratchMemory,
        workers: Workers,
    ) -> None:
        self.evidence = SeamEvidence.blank(*shape, workspace)
        self.solver = TakeoverSolver(smoothness, shape, workers, workspace)
        self.to_grey: GreyConverter | None = None
        self._black, self._workers = black, workers
        self._tiles = tiles_of(self.evidence.target[:, : shape[1]], tile_px)

    def iter_solve(
        self,
        images: tuple[Plane, Plane],
        greys: tuple[FloatMap, FloatMap],
        focus: FloatMap,
        decision: Decision,
        detail: FloatMap | None,
        scales: GreyScales,
    ) -> Generator[None]:
        """Solve for the takeover of an image, yielding every 50 ms while threads work.

        Parameters
        ----------
        images : pair of ndarray of shape (Y, X) or (Y, X, C)
            A plane, or what several show together, and the composite that it is compared with.
        greys : pair of ndarray of shape (Y, X)
            Their grey levels; that of the composite may have no size.
        focus : ndarray of shape (Y, X)
            Focus of the first.
        decision : Decision
            That of the composite.
        detail : ndarray of shape (Y, X) or None
            Detail of the difference of both, where focus is a share.
        scales : GreyScales
            Units of focus and values.
        """
        seams, workers = self.evidence, self._workers
        value, to_grey = scales.value, self.to_grey if greys[1].size else None
        new: Any
        chosen: Any
        if to_grey is None:
            pair = [workers.submit(comparable, one, self._black) for one in images]
            new = yield from workers.result(pair[0])
            chosen = yield from workers.result(pair[1])
        else:
            value, (new, chosen) = 1.0, greys
            if images[0].ndim == 3:
                new = _WithoutPattern(images[0], greys[0], to_grey)
                chosen = _WithoutPattern(images[1], greys[1], to_grey)

        def weigh(tile: Tile) -> None:
            if detail is None:
                seams.add_focus_evidence(focus, decision, scales.focus, tile)
            else:
                seams.add_share_evidence(focus, decision, detail, tile)
            seams.measure_visibility((new, chosen), value, tile)

        yield from workers.each(weigh, self._tiles)
        yield from self.solver.iter_solve(seams.target, seams.evidence, seams.visibility)

    def iter_threshold(
        self, focus: FloatMap, decision: Decision, takeover: BoolMap
    ) -> Generator[None]:
        """Fill `takeover`; see `SeamEvidence.threshold_takeover`."""

        def threshold(tile: Tile) -> None:
            self.evidence.threshold_takeover(focus, decision, takeover, tile)

        yield from self._workers.each(threshold, self._tiles)


class _WithoutPattern:
    """An image of several channels in grey levels, less what was taken off its own grey image.

    Parts are made when they are asked for, since the whole would take much memory.
    """

    ndim = 3

    def __init__(self, image: Plane, grey: FloatMap, to_grey: GreyConverter) -> None:
        self._image, self._grey, self._to_grey = image, grey, to_grey

    def __getitem__(self, window: tuple[slice, slice]) -> FloatMap:
        part, to_grey = self._image[window], self._to_grey
        taken_off = to_grey(part) - self._grey[window]
        levels = comparable(part, to_grey.range.black) * np.float32(to_grey.range.scale)
        return np.asarray(levels - taken_off[..., None], np.float32)
