"""One pass over the planes: measure focus, decide, compose.

Memory is that of a few composites, whatever the number of planes.
"""

from collections import deque
from collections.abc import Collection, Generator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure import choose_measure
from napari_umis_fusion.fusion.decision import (
    INVALID,
    Decision,
    Preference,
    Verified,
    default_measure,
    iter_unit,
    needs_scale,
)
from napari_umis_fusion.fusion.depth import (
    NoiseLevel,
    PeakSharpness,
    SurfaceDecision,
    has_surface,
    peak_model,
)
from napari_umis_fusion.fusion.mean import (
    FAR_AGREEMENT,
    FAR_AGREEMENT_OF_COMPOSITES,
    MeanCorrection,
    WeightedMean,
)
from napari_umis_fusion.fusion.planes import GreyPlane, GreyPlanes
from napari_umis_fusion.fusion.seams import Composite, GreyScales, MergeOrder, Pile, Takeovers
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import BoolMap, FloatMap, ScratchMemory, Tile, Workers, tiles_of
from napari_umis_fusion.stack import OPACITY, CheckedPlane, Plane, Stack

if TYPE_CHECKING:
    from napari_umis_fusion.fusion.planes import SensorCorrection


class Compositor:
    """Composes planes as they arrive in focal order; see `MergeOrder`.

    Parameters
    ----------
    stack : Stack
        Source of the planes; its middle plane is read for the range of grey levels.
    config : FusionConfig
        Options of the fusion.
    workspace : ScratchMemory
        Memory for the maps.
    workers : Workers
        Threads to run on.
    averages : bool
        Whether the weighted mean is computed.
    verified : Verified, optional
        In a second pass, the index map that decides instead of focus.
    to_grey : GreyConverter, optional
        Converter of the first pass, so that the middle plane is not read again.
    scales : GreyScales, optional
        Units of whole planes, if the stack is a block of them.
    left_out : collection of int, optional
        Planes that are known not to come: the others are composed as if there were none of these.

    Attributes
    ----------
    all_in_focus : ndarray of shape (Y, X) or (Y, X, C)
        The composite of the first planes, and at the end of all: every pixel is copied from the
        plane that `decision` names.
    decision : Decision
        The plane of each pixel, with its focus.
    weighted : WeightedMean or None
        The weighted mean.
    measure : StackMeasure
        The focus measure in use.
    to_grey : GreyConverter
        Conversion of planes to grey.
    greys : GreyPlanes
        The planes in grey.
    surface : SurfaceDecision or None
        Decides on the depth where focus is a share; None where depth follows `decision`.
    preference : Preference or None
        Weighs focus where several planes are in focus; None without `FusionConfig.prefer`.
    correction : MeanCorrection or None
        Corrects the weighted mean; None where it stays as it is.
    opacity : ndarray of shape (Y, X) or None
        The highest opacity of all planes, in the dtype of the stack; None if they have none.
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
        scales: GreyScales | None = None,
        left_out: Collection[int] = (),
    ) -> None:
        shape = (stack.shape[1], stack.shape[2])
        self.config, self._workers = config, workers
        self.to_grey = to_grey or GreyConverter(stack, config.channel)
        self.measure = choose_measure(config, workers, self.to_grey)
        is_share = self.measure.is_share
        prefers = partial(Preference, config.prefer, is_share, shape, workspace)
        self.preference = prefers() if config.prefer else None
        # A peak is fitted to focus as it is measured.
        peak_is_focus = not (is_share or config.prefer)
        model = peak_model(config, is_share=is_share)
        self.decision = Decision.blank(*shape, workspace, peak_is_focus=peak_is_focus, model=model)
        self.all_in_focus: Plane = workspace.lasting(stack.shape[1:], stack.dtype)
        opaque = partial(workspace.full, shape, stack.dtype, 0)
        self.opacity: Plane | None = opaque() if stack.has_opacity else None
        self.weighted = _weighted_mean(stack, config, workspace) if averages else None
        # Planes whose focus is not known yet: the measure may need later planes.
        self._pending: deque[GreyPlane] = deque()
        self._tiles = tiles_of(self.all_in_focus, config.tile_px)
        self._blank = partial(workspace.full, shape, np.float32, 0)
        self.greys = GreyPlanes(stack, self.to_grey, self._tiles, workers, self._blank)
        self._focus: FloatMap = self._blank()
        self._weight: FloatMap = self._focus
        given = config, shape, self.to_grey.range.black, workspace, workers
        decide = partial(Takeovers, is_share=is_share, averages=averages, verified=verified)
        self._takeovers = decide(*given)
        apart = has_surface(config, is_share=is_share)
        measure = partial(PeakSharpness, shape, workspace, with_detail=apart)
        self._sharpness = measure() if is_share else None
        # A second pass fits no peaks.
        has_noise = model is not None and verified is None
        self._noise = NoiseLevel(self.decision.noise) if has_noise else None
        self.surface = self._surface(workspace) if apart else None
        self._pile = Pile(self._first_composite(workspace), workspace, workers, self._tiles)
        # Without seams, no border depends on what was composed before.
        self._order = MergeOrder(len(stack), left_out, in_turn=self._takeovers.seams is None)
        self._has_scales = scales is not None
        self._scales = scales or GreyScales(1.0, self.to_grey.range.scale)
        # What amounts of contrast choose gains too little by it (0.05 dB) for the time.
        is_corrected = averages and is_share and len(stack) > 1
        correct = partial(MeanCorrection, stack, self.to_grey, self._scales.value, workspace)
        self.correction = correct() if is_corrected else None
        self._last: int | None = None
        self._before: FloatMap | None = None  # grey image of the plane composed last
        self._z = 0

    def correct(self, correction: "SensorCorrection") -> None:
        """Take off what the camera adds, before any plane is added; borders do not see it, too."""
        self.greys.correction = correction
        if self._takeovers.seams is not None and correction.has_pattern:
            self._takeovers.seams.to_grey = self.to_grey

    def _surface(self, workspace: ScratchMemory) -> SurfaceDecision | None:
        """Return the decision on the depth, which works in maps of that on the image."""
        sharpness, seams = self._sharpness, self._takeovers.seams
        if sharpness is None or seams is None:
            return None
        lent = sharpness, seams, self._takeovers.takeover
        given = self.config.tile_px, workspace, self._workers
        return SurfaceDecision(self.decision, *lent, *given)

    def _first_composite(self, workspace: ScratchMemory) -> Composite:
        """Return the composite whose maps are those of the result."""
        is_compared = self._takeovers.difference is not None
        shape = self.decision.chosen.shape if is_compared else (0, 0)
        grey = workspace.full(shape, np.float32, 0)
        return Composite(self.all_in_focus, self.decision, grey, self.weighted)

    def iter_add(self, checked: CheckedPlane, z: int) -> Generator[None]:
        """Add plane `z`, after those before it, yielding every 50 ms while threads work."""
        for known in (yield from self.greys.iter_add(checked, z)):
            yield from self._iter_measure(known)

    def _iter_measure(self, known: GreyPlane) -> Generator[None]:
        """Measure a plane, and fuse the one whose focus is known by then."""
        yield from self.measure.iter_add(known.grey, known.checked.plane)
        self._pending.append(known)
        if len(self._pending) > self.measure.delay_planes:
            yield from self._fuse_oldest()

    def iter_finish(self) -> Generator[None]:
        """Compose the planes that waited for those after them, and merge all composites."""
        for known in self.greys.waiting():
            yield from self._iter_measure(known)
        yield from self.measure.iter_end()
        while self._pending:
            yield from self._fuse_oldest()
        for back in self._order.merges_at_end():
            yield from self._merge(back)
        # The maps of the result take their place.
        self._pile.forget_spare()
        if self.surface is not None:
            self.surface.forget_spare()

    def iter_average(self, image: Plane) -> Generator[None]:
        """Fill an image with the weighted mean, if there is one."""
        if self.weighted is None:
            return
        if self.correction is None:
            yield from self.weighted.iter_fill(image, self._workers)
        else:
            yield from self.correction.iter_fill(image, self.weighted, self._workers)

    def _fuse_oldest(self) -> Generator[None]:
        oldest = self._pending.popleft()
        self._z, checked, grey = oldest.z, oldest.checked, oldest.grey
        plane = checked.plane
        yield from self._measure_oldest(grey, checked.invalid)
        # Units do not change from plane to plane: one comparison suffices.
        if self._last is None:
            self._scales = yield from self._find_scales(plane, grey)
        elif self._last + 1 < self._z:
            self.decision.previous[...] = INVALID  # the plane between was left out
            if self.surface is not None:
                self.surface.decision.previous[...] = INVALID
        for _ in range(self._order.merges_before(self._z)):
            yield from self._merge()
        before, joins = self._pile.top, self._order.joins(self._z)
        top = before if joins and before else (yield from self._pile.iter_begin())
        decide = partial(self._takeovers.iter_decide, z=self._z)
        yield from decide(plane, grey, self._focus, top, self._scales, joins=joins)
        if self._noise is not None and self._last is not None:
            self._noise.begin_pair()
        compose = partial(self._compose, plane, grey, checked.invalid, before, top)
        yield from self._workers.each(compose, self._tiles)
        if self.correction is not None:
            shown = plane, grey, self._weight
            yield from self.correction.iter_add(*shown, self._z, self._workers)
        if self.surface is not None:
            yield from self.surface.iter_add(grey, self._focus, self._z, joins=joins)
        if self._before is not None:
            self.greys.reuse(self._before)
        self._before = grey
        self._last = self._z

    def _merge(self, back: int = 1) -> Generator[None]:
        """Merge the last composite into the one so many before it."""
        top, below = self._pile.take_off(back)
        shown, chosen = (top.image, top.grey, top.decision.chosen), self._takeovers
        yield from chosen.iter_decide(*shown, below, self._scales, joins=True, z=self._z)

        def merge(tile: Tile) -> None:
            below.merge(top, chosen.takeover, chosen.agreement, tile)

        yield from self._workers.each(merge, self._tiles)
        if self.surface is not None:
            yield from self.surface.iter_merge(back)

    def _measure_oldest(self, grey: FloatMap, invalid: BoolMap | None) -> Generator[None]:
        """Fill `_focus` and `_weight`."""
        preference = self.preference
        measured = self._focus if preference is None else preference.measured
        weight = yield from self.measure.iter_fill(measured)
        if invalid is not None:
            measured[invalid] = weight[invalid] = INVALID
        self._weight = self._focus if weight is measured else weight
        if preference is not None:
            weigh = partial(preference.weigh, grey, self._focus, self._weight)
            yield from self._workers.each(weigh, self._tiles)

    def _find_scales(self, plane: Plane, grey: FloatMap) -> Generator[None, None, GreyScales]:
        """Return the unit of the measure, by comparison with 'laplacian' on the first plane."""
        if self._has_scales or not needs_scale(self.config, self.measure):
            return self._scales
        unit = iter_unit(self.config, self._workers, grey, plane, self._focus)
        return replace(self._scales, focus=(yield from unit))

    def iter_detail(self, detail: FloatMap) -> Generator[None]:
        """Fill `detail` with the 'laplacian' focus of the all-in-focus image; 0 where invalid."""
        invalid = self.decision.chosen < 0
        checked = CheckedPlane(self.all_in_focus, invalid if invalid.any() else None)
        grey = self._blank()
        yield from self.greys.iter_convert(checked, grey)
        measure = default_measure(self.config, self._workers)
        yield from measure.iter_fill(grey, self.all_in_focus, detail)
        detail[invalid] = 0

    def _compose(
        self,
        plane: Plane,
        grey: FloatMap,
        invalid: BoolMap | None,
        before: Composite | None,
        top: Composite,
        tile: Tile,
    ) -> None:
        """Add a tile of a plane to `top`, which may begin with it after the composite `before`."""
        takeover, agreement = self._takeovers.takeover, self._takeovers.agreement
        top.copy(plane, grey, takeover, tile)
        if self.opacity is not None:
            opacity = self.opacity[tile.window]
            np.maximum(opacity, plane[tile.window][..., OPACITY], out=opacity)
        top.decision.rank(self._focus, tile)
        peak = self._focus if self.preference is None else self.preference.measured
        if self._sharpness is not None:
            peak = self._sharpness.measure(grey, self._focus, tile)
        top.decision.assign(self._focus, takeover, self._z, tile, peak)
        if before is not None and before is not top:
            before.decision.see(peak, self._z, tile)
        if self._noise is not None and self._before is not None:
            self._noise.measure(grey, self._before, invalid, tile)
        if top.weighted is not None:
            top.weighted.add(plane, self._weight, takeover, agreement, tile)


def _weighted_mean(stack: Stack, config: FusionConfig, workspace: ScratchMemory) -> WeightedMean:
    merges = config.verification == "seams"
    far = FAR_AGREEMENT_OF_COMPOSITES if merges else FAR_AGREEMENT
    return WeightedMean(stack.shape[1:], stack.dtype, workspace, far)
