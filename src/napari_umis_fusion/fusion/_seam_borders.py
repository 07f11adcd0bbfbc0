"""Where the border between two composites runs: evidence, solution and threshold."""

from collections.abc import Generator

from napari_umis_fusion.fusion._composite import Composite
from napari_umis_fusion.fusion._decision import Decision
from napari_umis_fusion.fusion._seam_evidence import GreyScales, SeamEvidence
from napari_umis_fusion.fusion._seams import TakeoverSolver
from napari_umis_fusion.preprocess import comparable
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
        self._black, self._workers = black, workers
        self._tiles = tiles_of(self.evidence.target[:, : shape[1]], tile_px)

    def iter_solve(
        self,
        image: Plane,
        focus: FloatMap,
        below: Composite,
        detail: FloatMap | None,
        scales: GreyScales,
    ) -> Generator[None]:
        """Solve for the takeover of an image, yielding every 50 ms while threads work.

        Parameters
        ----------
        image : ndarray of shape (Y, X) or (Y, X, C)
            A plane, or what several show together.
        focus : ndarray of shape (Y, X)
            Its focus.
        below : Composite
            What it is compared with.
        detail : ndarray of shape (Y, X) or None
            Detail of the difference of both, where focus is a share.
        scales : GreyScales
            Units of focus and values.
        """
        seams, workers = self.evidence, self._workers
        pair = [workers.submit(comparable, p, self._black) for p in (image, below.image)]
        new = yield from workers.result(pair[0])
        chosen = yield from workers.result(pair[1])

        def weigh(tile: Tile) -> None:
            if detail is None:
                seams.add_focus_evidence(focus, below.decision, scales.focus, tile)
            else:
                seams.add_share_evidence(focus, below.decision, detail, tile)
            seams.measure_visibility((new, chosen), scales.value, tile)

        yield from workers.each(weigh, self._tiles)
        yield from self.solver.iter_solve(seams.target, seams.evidence, seams.visibility)
        yield from workers.each(seams.normalise, self._tiles)

    def iter_threshold(
        self, focus: FloatMap, decision: Decision, takeover: BoolMap
    ) -> Generator[None]:
        """Fill `takeover`; see `SeamEvidence.threshold_takeover`."""

        def threshold(tile: Tile) -> None:
            self.evidence.threshold_takeover(focus, decision, takeover, tile)

        yield from self._workers.each(threshold, self._tiles)
