"""One pass over the planes: measure, decide, compose; memory does not grow with their number."""

from collections import deque
from collections.abc import Generator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure import TiledMeasure, choose_measure, laplacian
from napari_umis_fusion.fusion._decision import (
    INVALID,
    Decision,
    Verified,
    copy_pixels,
    take_sharper,
)
from napari_umis_fusion.fusion._plane_difference import PlaneDifference
from napari_umis_fusion.fusion._seam_evidence import GreyScales, SeamEvidence
from napari_umis_fusion.fusion._seams import TakeoverSolver
from napari_umis_fusion.fusion._weighted_mean import WeightedMean
from napari_umis_fusion.preprocess import GreyConverter, comparable
from napari_umis_fusion.runtime import ScratchMemory, Tile, Workers, tiles_of
from napari_umis_fusion.stack import CheckedPlane, Plane, Stack, fill_invalid

Map = NDArray[np.float32]


class Compositor:
    """Takes planes in focal order and holds the fusion of those so far.

    Parameters
    ----------
    stack : Stack
        Where the planes come from; its middle plane is looked at for the range of grey.
    config : FusionConfig
        How to fuse.
    workspace : ScratchMemory
        Room for the maps.
    workers : Workers
        Threads to run on.
    averages : bool
        Whether the weighted mean is summed.
    verified : Verified, optional
        The index map that decides, in a second pass; else the config does.
    to_grey : GreyConverter, optional
        That of the first pass, which has looked at the middle plane.

    Attributes
    ----------
    all_in_focus : ndarray of shape (Y, X) or (Y, X, C)
        Every pixel copied from the plane that `decision` names.
    decision : Decision
        Which plane each pixel comes from, and why.
    weighted : WeightedMean or None
        The weighted mean.
    measure : StackMeasure
        The focus measure in use.
    to_grey : GreyConverter
        What turns planes into grey.
    """

    def __init__(
        self,
        stack: Stack,
        config: FusionConfig,
        workspace: ScratchMemory,
        workers: Workers,
        *,
        averages: bool,
        verified: Verified | None = None,
        to_grey: GreyConverter | None = None,
    ) -> None:
        height, width = stack.shape[1:3]
        self.config = config
        self.to_grey = to_grey or GreyConverter(stack, config.channel)
        self.measure = choose_measure(config, workers, self.to_grey)
        self.decision = Decision.blank(height, width, workspace)
        self.all_in_focus: Plane = workspace.lasting(stack.shape[1:], stack.dtype)
        self.weighted: WeightedMean | None = None
        if averages:
            self.weighted = WeightedMean(stack.shape[1:], stack.dtype, workspace)
        self._verified = verified
        self._workers = workers
        self._pending: deque[tuple[int, CheckedPlane, Map]] = deque()
        self._tiles = tiles_of(self.all_in_focus, config.tile_px)
        shape = (height, width)
        self._free: list[Map] = []
        self._blank = partial(workspace.full, shape, np.float32, 0)
        self._focus: Map = self._blank()
        self._weight: Map = self._focus
        self._takeover: NDArray[np.bool_] = workspace.full(shape, np.bool_, False)
        self._plane_difference: PlaneDifference | None = None
        if self.measure.is_share and (config.verification == "seams" or averages):
            self._plane_difference = PlaneDifference(shape, config, workers, workspace)
        if config.verification == "seams":
            self._contest = SeamEvidence.blank(*shape, workspace)
            self._solver = TakeoverSolver(config.seam_smoothness, shape, workers, workspace)
        self._scales = GreyScales(1.0, self.to_grey.range.scale)
        self._last: int | None = None
        self._z = 0
        self._lighting = stack.lighting(self.to_grey.range)

    def iter_add(self, reading: CheckedPlane, z: int) -> Generator[None]:
        """Take plane `z`, after those before it, yielding every 50 ms while threads work."""
        grey = self._free.pop() if self._free else self._blank()
        yield from self._convert(reading, grey)
        if self._lighting is not None:
            job = self._workers.submit(self._lighting.correct, grey, z)
            yield from self._workers.result(job)
        yield from self.measure.iter_add(grey, reading.plane)
        self._pending.append((z, reading, grey))
        if len(self._pending) > self.measure.lag:
            yield from self._fuse_oldest()

    def iter_finish(self) -> Generator[None]:
        """Fuse the planes that waited for those after them."""
        yield from self.measure.iter_end()
        while self._pending:
            yield from self._fuse_oldest()

    def _convert(self, reading: CheckedPlane, grey: Map) -> Generator[None]:
        plane, invalid = reading.plane, reading.invalid

        def convert(tile: Tile) -> None:
            grey[tile.window] = self.to_grey(plane[tile.window])

        yield from self._workers.each(convert, self._tiles)
        if reading.borrows and invalid is not None and self._pending:
            np.copyto(grey, self._pending[-1][2], where=invalid)
        elif invalid is not None:
            yield from self._workers.result(self._workers.submit(fill_invalid, grey, invalid))

    def _fuse_oldest(self) -> Generator[None]:
        self._z, reading, grey = self._pending.popleft()
        plane = reading.plane
        self._weight = yield from self.measure.iter_fill(self._focus)
        if reading.invalid is not None:
            self._focus[reading.invalid] = self._weight[reading.invalid] = INVALID
        if self._last is None:
            self._scales = yield from self._find_scales(plane, grey)
        elif self._plane_difference is not None:
            yield from self._plane_difference.iter_measure(grey, plane)
        if self._last is not None and self._last + 1 < self._z:
            self.decision.last[...] = INVALID  # the plane between was left out
        yield from self._decide(plane)
        yield from self._workers.each(lambda tile: self._compose(plane, grey, tile), self._tiles)
        self._free.append(grey)
        self._last = self._z

    def _find_scales(self, plane: Plane, grey: Map) -> Generator[None, None, GreyScales]:
        """Compare the measure with the default one on the first plane."""
        config = self.config
        is_default = config.focus_measure == "laplacian" and config.detail_sigma_px == 1
        if config.verification != "seams" or is_default or self.measure.is_share:
            return self._scales
        focus = np.empty_like(self._focus)
        yield from self._default_measure().iter_fill(grey, plane, focus)
        mean = float(np.maximum(self._focus, 0).mean(dtype=np.float64))
        wanted = float(focus.mean(dtype=np.float64))
        return replace(self._scales, focus=wanted / mean if mean > 0 else 1.0)

    def _default_measure(self) -> TiledMeasure:
        default = laplacian(1.0, self.config.window_sigma_px)
        return TiledMeasure(default, self._workers, self.config)

    def iter_detail(self, detail: Map) -> Generator[None]:
        """Fill `detail` with the default focus of the all-in-focus image; 0 where it is invalid."""
        invalid = self.decision.chosen < 0
        reading = CheckedPlane(self.all_in_focus, invalid if invalid.any() else None)
        grey = self._blank()
        yield from self._convert(reading, grey)
        yield from self._default_measure().iter_fill(grey, self.all_in_focus, detail)
        detail[invalid] = 0

    def _decide(self, plane: Plane) -> Generator[None]:
        """Fill `_takeover`."""
        if self._verified is not None:
            yield from self._workers.each(partial(self._follow, self._verified), self._tiles)
            return
        if self.config.verification != "seams":
            yield from self._workers.each(self._take_sharper, self._tiles)
            return
        if self._last is not None:
            yield from self._solve(plane)
        yield from self._workers.each(self._settle, self._tiles)

    def _follow(self, verified: Verified, tile: Tile) -> None:
        verified.follow(self._focus, self.decision, self._takeover, self._z, tile)

    def _take_sharper(self, tile: Tile) -> None:
        take_sharper(self._focus, self.decision, self._takeover, tile)

    def _settle(self, tile: Tile) -> None:
        self._contest.settle(self._focus, self.decision, self._takeover, tile)

    def _solve(self, plane: Plane) -> Generator[None]:
        contest = self._contest
        black = self.to_grey.range.black
        pair = [self._workers.submit(comparable, p, black) for p in (plane, self.all_in_focus)]
        new = yield from self._workers.result(pair[0])
        chosen = yield from self._workers.result(pair[1])

        def weigh(tile: Tile) -> None:
            if self._plane_difference is None:
                contest.add_focus_evidence(self._focus, self.decision, self._scales.focus, tile)
            else:
                contest.add_share_evidence(
                    self._focus, self.decision, self._plane_difference.detail, tile
                )
            contest.measure_visibility((new, chosen), self._scales.value, tile)

        yield from self._workers.each(weigh, self._tiles)
        yield from self._solver.iter_solve(contest.wish, contest.evidence, contest.visible)
        yield from self._workers.each(contest.conclude, self._tiles)

    def _compose(self, plane: Plane, grey: Map, tile: Tile) -> None:
        copy_pixels(plane, self._takeover, self.all_in_focus, tile)
        if self._plane_difference is not None:
            copy_pixels(grey, self._takeover, self._plane_difference.chosen, tile)
        self.decision.rank(self._focus, tile)
        self.decision.switch(self._focus, self._takeover, self._z, tile)
        if self.weighted is not None:
            agreement = None if self._plane_difference is None else self._plane_difference.agreement
            self.weighted.add(plane, self._weight, self._takeover, agreement, tile)
