"""Who finds best how neighbouring planes lie: ours, and what well-kept libraries offer.

Each estimator gets pairs of grey planes that were moved, turned and magnified, once as the lens
made them, and once with what stands still on the sensor, an uneven lamp and noise.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from harness.alignment_geometry import worst_error_px
from napari_umis_fusion.alignment import Pyramid, compose, inverse, match_planes
from napari_umis_fusion.synthetic import SCENES, Motion, render_moving_stack

Plane = NDArray[np.float32]
Transform = NDArray[np.float64]
Estimate = Callable[[Plane, Plane], Transform]

MOVED = Motion(breathing=0.08, rotation_deg=1.5, jitter_px=3.0, seed=1)
CONDITIONS = {
    "clean": MOVED,
    "troubled": replace(MOVED, flicker=0.08, vignetting=0.35, dust_spots=20),
}
SHAPE = (400, 480)


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of an estimator in the worst corner or the centre, in px, and its time."""

    estimator: str
    median_px: dict[str, float]
    worst_px: dict[str, float]
    pair_s: float


def compare(names: list[str], *, quick: bool) -> Iterator[Errors]:
    """Yield how well each estimator does on all pairs of all scenes."""
    scenes = ("bumps",) if quick else ("bumps", "discs", "bars", "weak_texture")
    pairs = {name: list(_pairs(motion, scenes, quick)) for name, motion in CONDITIONS.items()}
    for name in names:
        estimate, found, taken = ESTIMATORS[name], {}, []
        for condition, several in pairs.items():
            found[condition] = []
            for first, other, true in several:
                start = perf_counter()
                both = np.stack([np.eye(2, 3), estimate(first, other)])
                taken.append(perf_counter() - start)
                error = worst_error_px(both, np.stack([np.eye(2, 3), true]), 0, first.shape)
                found[condition].append(error)
        medians = {condition: median(errors) for condition, errors in found.items()}
        worst = {condition: max(errors) for condition, errors in found.items()}
        yield Errors(name, medians, worst, median(taken))


def available() -> tuple[list[str], list[str]]:
    """Return which estimators can run, and what the others lack."""
    lacking = {name: what for name, what in NEEDS.items() if find_spec(what) is None}
    return [name for name in ESTIMATORS if name not in lacking], sorted(set(lacking.values()))


def _pairs(
    motion: Motion, scenes: tuple[str, ...], quick: bool
) -> Iterator[tuple[Plane, Plane, Transform]]:
    for scene in scenes:
        recipe = SCENES[scene].noisy if motion.flicker else SCENES[scene].clean
        config = replace(recipe, planes=3 if quick else 6, flicker=0.0, haze=0.0, base_blur_px=0.7)
        shape = (200, 240) if quick else SHAPE
        made = render_moving_stack(scene, shape, motion, config, channels=None)
        planes = made.stack.astype(np.float32)
        for z in range(1, len(planes)):
            true = compose(made.transforms[z], inverse(made.transforms[z - 1]))
            yield planes[z - 1], planes[z], true


def _ours(first: Plane, other: Plane) -> Transform:
    return match_planes(Pyramid.of(first), Pyramid.of(other), "similarity").transform


def _ecc(first: Plane, other: Plane) -> Transform:
    """Enhanced correlation of OpenCV, affine, from coarse to fine; shifts only at first."""
    import cv2

    found = np.eye(2, 3, dtype=np.float32)
    for factor in (8, 4, 2, 1):
        size = tuple(side // factor for side in first.shape[::-1])
        small = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (first, other)]
        off = np.full(2, (factor - 1) / 2)
        local = found.copy()
        local[:, 2] = (found[:, :2] @ off + found[:, 2] - off) / factor
        kind = cv2.MOTION_TRANSLATION if factor == 8 else cv2.MOTION_AFFINE
        try:
            _, local = cv2.findTransformECC(*small, local, kind, (3, 60, 1e-6), None, 5)
        except cv2.error:  # it did not converge
            continue
        found = local.copy()
        found[:, 2] = factor * local[:, 2] + off - local[:, :2] @ off
    return _swapped(found)


def _tracked(first: Plane, other: Plane) -> Transform:
    """Corners tracked by Lucas and Kanade, forth and back, and RANSAC; of OpenCV."""
    import cv2

    images = [np.clip(one, 0, 255).astype(np.uint8) for one in (first, other)]
    points = cv2.goodFeaturesToTrack(images[0], 800, 0.005, 7)
    options = {"winSize": (31, 31), "maxLevel": 4}
    there, found, _ = cv2.calcOpticalFlowPyrLK(*images, points, None, **options)
    back, again, _ = cv2.calcOpticalFlowPyrLK(*images[::-1], there, None, **options)
    near = np.abs(points - back).max((1, 2)) < 0.5
    kept = near & (found[:, 0] == 1) & (again[:, 0] == 1)
    fit = cv2.estimateAffinePartial2D(
        points[kept], there[kept], method=cv2.RANSAC, ransacReprojThreshold=1.0
    )
    return np.eye(2, 3) if fit[0] is None else _swapped(fit[0])


def _stackreg(first: Plane, other: Plane) -> Transform:
    """TurboReg's least squares of brightness, both planes brought to one mean and spread."""
    from pystackreg import StackReg

    planes = [(one - one.mean()) / one.std() for one in (first, other)]
    return _swapped(StackReg(StackReg.SCALED_ROTATION).register(*planes)[:2])


def _swapped(matrix: NDArray) -> Transform:
    """Return a transform of (x, y) as one of (row, column)."""
    return np.column_stack([matrix[::-1, 1::-1], matrix[::-1, 2]]).astype(np.float64)


ESTIMATORS: dict[str, Estimate] = {
    "tiles, as built": _ours,
    "OpenCV, ECC": _ecc,
    "OpenCV, tracked corners": _tracked,
    "pystackreg": _stackreg,
}
NEEDS = {"OpenCV, ECC": "cv2", "OpenCV, tracked corners": "cv2", "pystackreg": "pystackreg"}
