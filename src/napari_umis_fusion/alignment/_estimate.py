"""Estimate the alignment of a stack in one pass; only the last few planes are kept in memory."""

import math
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from napari_umis_fusion.alignment._alignment import Alignment
from napari_umis_fusion.alignment._chain import Chain, solve_chain
from napari_umis_fusion.alignment._fit import TransformModel
from napari_umis_fusion.alignment._links import Link, assess_links, reassess_links, reject_outliers
from napari_umis_fusion.alignment._match import match_planes
from napari_umis_fusion.alignment._plane_motion import MotionModel, PlaneMotion, motion_of
from napari_umis_fusion.alignment._pyramid import Pyramid
from napari_umis_fusion.alignment._tile_shifts import ramp
from napari_umis_fusion.alignment._transforms import (
    Transform,
    compose,
    identity,
    is_identity,
    max_displacement_px,
)
from napari_umis_fusion.config import AlignMode, FusionConfig
from napari_umis_fusion.preprocess import GreyConverter, GreyRange
from napari_umis_fusion.preprocess.health import PlaneHealth, PlaneScreen, found_and_done
from napari_umis_fusion.preprocess.illumination import (
    DefectFinder,
    GainEstimator,
    IlluminationProfile,
)
from napari_umis_fusion.runtime import Progress, Workers, repeat_event
from napari_umis_fusion.stack import Calibration, CheckedPlane, Stack, fill_invalid

DISTANCES = (1, 4)
"""Distances of the planes that are compared: neighbours are most alike, and the more distant pairs
keep small errors from accumulating."""

MIN_MOTION_PX = 0.15
"""Planes whose corners would move less are not moved, and stay exactly as recorded."""

WHOLE_MOTION_PX = 0.2
"""From this corner motion on, planes are moved in full. Between the two limits they are moved by a
growing share of their motion, so that rounding cannot decide whether a plane is moved."""

MIN_SIDE_PX = 16
"""Smaller planes are not compared: they hold too few tiles."""

MICROSCOPE_PIXEL_UM = 20.0
"""A smaller pixel size means that the stack is from a microscope. Microscope objectives are
(nearly) telecentric, so magnification does not change with focus."""


def iter_align(
    stack: Stack, config: FusionConfig, workers: Workers
) -> Generator[Progress, None, Alignment]:
    """Estimate the transforms of a stack's planes and their illumination.

    ``config.align`` and ``config.light`` say what is estimated; one pass serves both.

    Yields
    ------
    Progress
        At least every 100 ms. The generator may be closed at any of them.

    Returns
    -------
    Alignment
        Its reference is the middle plane, or the nearest that holds a picture. Planes that do not
        are placed as their neighbours. Memory use does not grow with the number of planes.

    Raises
    ------
    StackError
        If a plane cannot be used.
    """
    total = len(stack)
    planes = PlaneScreen(stack, config.nan_policy, workers, is_aligned=config.aligns)
    make = partial(_Estimator, stack, config, workers.check)
    setting_up = planes.iter_with_range(make, config.channel)
    aligner = yield from repeat_event(setting_up, Progress("aligning", 0, total))
    for z in range(total):
        event = Progress("aligning", z, total)
        reading = yield from repeat_event(planes.iter_next(), event)
        if reading is not None:
            adding = workers.submit(aligner.add, reading, z)
            yield from repeat_event(workers.result(adding), event)
    yield Progress("aligning", total, total)
    finishing = workers.submit(aligner.alignment, planes.healths)
    return (yield from repeat_event(workers.result(finishing), Progress("aligning", total, total)))


def allowed_model(align: AlignMode, calibration: Calibration) -> TransformModel:
    """Return the most general model that may be fitted.

    Microscope objectives are telecentric or nearly so: their magnification does not change with
    focus. If the pixel size shows that a stack is from a microscope, "auto" estimates shifts only:
    fitting a magnification would distort such stacks.
    """
    if align in ("translation", "similarity", "affine"):
        return align
    pixel_um = calibration.pixel_width_um
    is_microscope = pixel_um is not None and pixel_um < MICROSCOPE_PIXEL_UM
    return "translation" if is_microscope else "similarity"


class _Estimator:
    """Takes planes in order, matches each with earlier ones, and measures their illumination."""

    def __init__(
        self,
        stack: Stack,
        config: FusionConfig,
        check: Callable[[], None],
        to_grey: GreyConverter,
    ) -> None:
        self._to_grey, self._planes = to_grey, len(stack)
        self._shape = stack.shape[1], stack.shape[2]
        self._model = allowed_model(config.align, stack.calibration)
        self._config, self._check = config, check
        self._recent: deque[Pyramid] = deque(maxlen=max(DISTANCES))
        self._links: list[Link] = []
        self._gains = GainEstimator(self._shape, white=_white(stack.dtype, self._to_grey.range))
        self._defects = DefectFinder(self._shape)
        self._kept: list[int] = []
        """Planes that hold a picture, among which links are made."""

    def add(self, reading: CheckedPlane, z: int) -> None:
        """Add plane `z`, after those before it."""
        grey = self._to_grey(reading.plane)
        if reading.invalid is not None:
            fill_invalid(grey, reading.invalid)
        if self._config.corrects_illumination:
            self._gains.add(z, grey, reading.invalid)
            self._defects.add(grey, reading.invalid)
        if self._config.aligns and min(self._shape) >= MIN_SIDE_PX:
            pyramid = Pyramid.of(grey)
            for distance in DISTANCES:
                if distance <= len(self._recent):
                    self._link(pyramid, distance)
            self._recent.append(pyramid)
        self._kept.append(z)

    def alignment(self, healths: Sequence[PlaneHealth]) -> Alignment:
        """Return the alignment that is estimated from all planes, of these healths."""
        if not self._kept:
            still = self._still(self._planes, self._planes // 2)
            return replace(still, healths=tuple(healths))
        count, is_auto = len(self._kept), self._config.align == "auto"
        reference = _nearest(self._kept, self._planes // 2)
        links = reject_outliers(self._links, self._model, self._shape)
        links = reassess_links(links, self._shape)
        if links:
            chain = solve_chain(
                links, count, reference, self._shape, self._model, may_simplify=is_auto
            )
            found = _suppress_small_motions(chain, links, reference, self._shape, self._kept)
        else:
            found = self._still(count, reference)
        found = _for_all_planes(found, self._kept, healths)
        is_telecentric = is_auto and self._model == "translation"
        return replace(
            found,
            light=self._light(found.reference, [one.z for one in healths if one.is_scaled]),
            is_telecentric=is_telecentric,
            healths=tuple(healths),
        )

    def _still(self, count: int, reference: int) -> Alignment:
        still = np.array([identity()] * count)
        rows = tuple(motion_of(z, identity(), self._shape) for z in range(count))
        return Alignment("none", reference, self._shape, still, rows)

    def _light(self, reference: int, odd: Sequence[int]) -> IlluminationProfile:
        if not self._config.corrects_illumination:
            return IlluminationProfile()
        illumination = self._gains.illumination(reference, self._planes, odd)
        defects = self._defects.defects()
        return IlluminationProfile(
            None if illumination.is_even else illumination,
            defects if defects.mask.any() else None,
            self._to_grey.range,
        )

    def _link(self, pyramid: Pyramid, distance: int) -> None:
        other = len(self._kept)
        first = other - distance
        start = None if distance == 1 else self._composed(first, other)
        found = match_planes(self._recent[-distance], pyramid, self._model, start, self._check)
        self._links.append(assess_links(first, other, found, self._shape))

    def _composed(self, first: int, other: int) -> Transform:
        """Compose the links between neighbours to the motion over several planes."""
        steps = {link.first: link for link in self._links if link.distance == 1}
        motion = identity()
        for plane in range(first, other):
            motion = compose(steps[plane].transform, motion)
        return motion


def _for_all_planes(found: Alignment, kept: list[int], healths: Sequence[PlaneHealth]) -> Alignment:
    """Return the alignment of some planes for all; others are placed as the nearest of them."""
    if len(kept) == len(healths):
        return found
    nearest = [_nearest(kept, health.z) for health in healths]
    transforms = found.transforms[nearest]
    rows = []
    for z, place in enumerate(nearest):
        if kept[place] == z:
            rows.append(replace(found.planes[place], z=z))
        else:
            what, _ = found_and_done(healths[z])
            why = f"{what}: left out, and placed as plane {kept[place]}"
            rows.append(motion_of(z, transforms[z], found.shape, why=why))
    return replace(
        found, reference=kept[found.reference], transforms=transforms, planes=tuple(rows)
    )


def _nearest(kept: list[int], z: int) -> int:
    """Return the place in `kept` of the plane that is nearest to plane `z`."""
    return min(range(len(kept)), key=lambda place: abs(kept[place] - z))


def _white(dtype: np.dtype[Any], grey: GreyRange) -> float:
    """Return the grey level at which a camera of a dtype saturates."""
    if dtype.kind not in "iu":
        return math.inf
    return (float(np.iinfo(dtype).max) - grey.black) * grey.scale


def _suppress_small_motions(
    chain: Chain, links: list[Link], reference: int, shape: tuple[int, int], names: list[int]
) -> Alignment:
    """Suppress negligible motions, and record for each plane what was done and why.

    `names` are the numbers of the planes in the stack.
    """
    neighbours = {link.other: link for link in links if link.distance == 1}
    transforms = np.array(chain.transforms)
    rows: list[PlaneMotion] = []
    for z, transform in enumerate(transforms):
        # the neighbour on the way to the reference plane
        link = None if z == reference else neighbours[z if z > reference else z + 1]
        share = 0.0 if z == reference else _moved_share(max_displacement_px(transform, shape))
        if share < 1:
            transforms[z] = identity() if share == 0 else _scaled_motion(transform, share)
        before, after = (np.nan, np.nan) if link is None else (link.before, link.after)
        why = _reason(link, z, names, not is_identity(transforms[z]))
        rows.append(motion_of(z, transforms[z], shape, before=before, after=after, why=why))
    is_still = all(not row.is_moved for row in rows)
    model: MotionModel = "none" if is_still else chain.model
    return Alignment(model, reference, shape, transforms, tuple(rows))


def _moved_share(far_px: float) -> float:
    """Return the share of a motion that is applied: 0 if negligible, 1 if clear, without a jump."""
    return float(ramp(far_px, MIN_MOTION_PX, WHOLE_MOTION_PX))


def _scaled_motion(transform: Transform, share: float) -> Transform:
    return identity() + share * (transform - identity())


def _reason(link: Link | None, z: int, names: list[int], is_moved: bool) -> str:
    """Explain whether a plane was moved."""
    if link is None:
        return "reference"
    neighbour = names[link.first if link.other == z else link.other]
    if link.rejection:
        return f"{link.rejection} (against plane {neighbour})" + (
            "; moved as its neighbours" if is_moved else ""
        )
    return "moved" if is_moved else "already aligned with the reference plane"
