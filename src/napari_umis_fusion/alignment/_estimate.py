"""Align a stack: planes stream by once, and a few of the last stay to be compared with."""

import math
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np

from napari_umis_fusion.alignment._alignment import Alignment
from napari_umis_fusion.alignment._chain import Chain, solve_chain
from napari_umis_fusion.alignment._fit import TransformModel
from napari_umis_fusion.alignment._links import Link, assess_links, believe_all, reject_outliers
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
from napari_umis_fusion.preprocess.illumination import (
    DefectFinder,
    GainEstimator,
    IlluminationProfile,
)
from napari_umis_fusion.runtime import Progress, Workers, repeat_event
from napari_umis_fusion.stack import Calibration, CheckedPlane, Prefetch, Stack, fill_invalid

DISTANCES = (1, 4)
"""Between planes that are compared: neighbours look alike, farther ones hold the chain."""

MIN_MOTION_PX = 0.15
"""Of a corner; planes that would move less stay as they were recorded."""

WHOLE_MOTION_PX = 0.2
"""Planes that would move so far do; between the two, by a share, so that no last digit decides."""

MIN_SIDE_PX = 16
"""Of planes that are compared at all."""

MICROSCOPE_PIXEL_UM = 20.0
"""Stacks whose pixels are known to be smaller come from a microscope, and those are telecentric."""


def iter_align(
    stack: Stack, config: FusionConfig, workers: Workers
) -> Generator[Progress, None, Alignment]:
    """Find where the planes of a stack lie on one another, and how they are lit.

    ``config.align`` and ``config.light`` say how far; planes are read once for both.

    Yields
    ------
    Progress
        At least every 100 ms. It can be abandoned at any of them.

    Returns
    -------
    Alignment
        Refers to the middle plane. Memory holds a few planes, however many there are.

    Raises
    ------
    StackError
        If a plane cannot be used.
    """
    total = len(stack)
    setup = workers.submit(_Estimator, stack, config, workers.check)
    aligner = yield from repeat_event(workers.result(setup), Progress("aligning", 0, total))
    planes = Prefetch(stack, config.nan_policy, workers)
    for z in range(total):
        event = Progress("aligning", z, total)
        reading = yield from repeat_event(planes.iter_next(), event)
        adding = workers.submit(aligner.add, reading)
        yield from repeat_event(workers.result(adding), event)
    yield Progress("aligning", total, total)
    finishing = workers.submit(aligner.alignment)
    return (yield from repeat_event(workers.result(finishing), Progress("aligning", total, total)))


def allowed_model(align: AlignMode, calibration: Calibration) -> TransformModel:
    """Return the most that planes may differ by.

    Microscope objectives are telecentric or nearly so: their magnification does not change with
    focus. Where a stack tells that it is from a microscope, "auto" looks for shifts only.
    """
    if align in ("translation", "similarity", "affine"):
        return align
    pixel_um = calibration.pixel_width_um
    is_microscope = pixel_um is not None and pixel_um < MICROSCOPE_PIXEL_UM
    return "translation" if is_microscope else "similarity"


class _Estimator:
    """Takes planes in order, links each with some before it, and looks at their light."""

    def __init__(self, stack: Stack, config: FusionConfig, check: Callable[[], None]) -> None:
        self._to_grey = GreyConverter(stack, config.channel)
        self._shape = stack.shape[1], stack.shape[2]
        self._model = allowed_model(config.align, stack.calibration)
        self._config, self._check = config, check
        self._recent: deque[Pyramid] = deque(maxlen=max(DISTANCES))
        self._links: list[Link] = []
        self._gains = GainEstimator(self._shape, white=_white(stack.dtype, self._to_grey.range))
        self._defects = DefectFinder(self._shape)
        self._count = 0

    def add(self, reading: CheckedPlane) -> None:
        """Take the next plane."""
        grey = self._to_grey(reading.plane)
        if reading.invalid is not None:
            fill_invalid(grey, reading.invalid)
        if self._config.corrects_illumination:
            self._gains.add(self._count, grey, reading.invalid)
            self._defects.add(grey, reading.invalid)
        if self._config.aligns and min(self._shape) >= MIN_SIDE_PX:
            pyramid = Pyramid.of(grey)
            for distance in DISTANCES:
                if distance <= len(self._recent):
                    self._link(pyramid, distance)
            self._recent.append(pyramid)
        self._count += 1

    def alignment(self) -> Alignment:
        """Return what all planes together tell."""
        reference, is_auto = self._count // 2, self._config.align == "auto"
        links = reject_outliers(self._links, self._model, self._shape)
        links = believe_all(links, self._shape)
        if links:
            chain = solve_chain(
                links, self._count, reference, self._shape, self._model, may_simplify=is_auto
            )
            found = _settled(chain, links, reference, self._shape)
        else:
            still = np.array([identity()] * self._count)
            rows = tuple(motion_of(z, identity(), self._shape) for z in range(self._count))
            found = Alignment("none", reference, self._shape, still, rows)
        is_telecentric = is_auto and self._model == "translation"
        return replace(found, light=self._light(reference), is_telecentric=is_telecentric)

    def _light(self, reference: int) -> IlluminationProfile:
        if not self._config.corrects_illumination:
            return IlluminationProfile()
        illumination, defects = self._gains.illumination(reference), self._defects.defects()
        return IlluminationProfile(
            None if illumination.is_even else illumination,
            defects if defects.mask.any() else None,
            self._to_grey.range,
        )

    def _link(self, pyramid: Pyramid, distance: int) -> None:
        other, first = self._count, self._count - distance
        start = None if distance == 1 else self._composed(first, other)
        found = match_planes(self._recent[-distance], pyramid, self._model, start, self._check)
        self._links.append(assess_links(first, other, found, self._shape))

    def _composed(self, first: int, other: int) -> Transform:
        """Return the motion over several planes that links of neighbours make together."""
        steps = {link.first: link for link in self._links if link.distance == 1}
        motion = identity()
        for plane in range(first, other):
            motion = compose(steps[plane].transform, motion)
        return motion


def _white(dtype: np.dtype[Any], grey: GreyRange) -> float:
    """Return the grey level at which a camera of a dtype saturates."""
    if dtype.kind not in "iu":
        return math.inf
    return (float(np.iinfo(dtype).max) - grey.black) * grey.scale


def _settled(chain: Chain, links: list[Link], reference: int, shape: tuple[int, int]) -> Alignment:
    """Leave planes alone that would hardly move, and say of each what was done and why."""
    neighbours = {link.other: link for link in links if link.distance == 1}
    transforms = np.array(chain.transforms)
    rows: list[PlaneMotion] = []
    for z, transform in enumerate(transforms):
        # the neighbour on the way to the reference plane
        link = None if z == reference else neighbours[z if z > reference else z + 1]
        share = 0.0 if z == reference else _moved_share(max_displacement_px(transform, shape))
        if share < 1:
            transforms[z] = identity() if share == 0 else _part_of(transform, share)
        before, after = (np.nan, np.nan) if link is None else (link.before, link.after)
        why = _why(link, z, not is_identity(transforms[z]))
        rows.append(motion_of(z, transforms[z], shape, before=before, after=after, why=why))
    is_still = all(not row.is_moved for row in rows)
    model: MotionModel = "none" if is_still else chain.model
    return Alignment(model, reference, shape, transforms, tuple(rows))


def _moved_share(far_px: float) -> float:
    """Return how much of so far a motion is made: none if short, all if not, never a jump."""
    return float(ramp(far_px, MIN_MOTION_PX, WHOLE_MOTION_PX))


def _part_of(transform: Transform, share: float) -> Transform:
    return identity() + share * (transform - identity())


def _why(link: Link | None, z: int, is_moved: bool) -> str:
    """Say what was done with a plane."""
    if link is None:
        return "reference"
    neighbour = link.first if link.other == z else link.other
    if link.doubt:
        return f"{link.doubt} (against plane {neighbour})" + (
            "; moved as the planes around it" if is_moved else ""
        )
    return "moved" if is_moved else "lies where the reference plane lies"
