"""What fused images of moved planes lose against those of planes that lay on one another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.alignment_fusing import Aligner, Fused, grey, kept, true_aligner
from harness.alignment_geometry import (
    covered,
    moved_by,
    pulled,
    register,
    second_degree,
    worst_error_px,
)
from harness.alignment_scenes import Case, MovingScene, load
from harness.processes import ProgramError
from harness.scores import PSNR_CAP_DB
from harness.subject import Subject
from napari_umis_fusion.alignment import Transform, compose, inverse
from napari_umis_fusion.errors import UmisFusionError

INSET_PX = 8
"""Images are judged so far from where the first plane ends."""


@dataclass(slots=True)
class CaseScores:
    """Scores of one case: per aligner, per metric."""

    case: Case
    methods: dict[str, dict[str, float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def score(case: Case, aligners: Sequence[Aligner], cache: Path, ours: str) -> CaseScores:
    """Align and fuse one case by everybody, and by `ours` with the true transforms."""
    scene, row = load(case, cache), CaseScores(case)
    aligners = [true_aligner(ours, scene.made.transforms, case.shape), *aligners]
    with Subject(scene.moving) as moving, Subject(scene.still) as still:
        for one in aligners:
            try:
                found = kept(moving, one.keys[0], one.moving, cache)
                twin = kept(still, one.keys[1], one.still, cache)
                row.methods[one.name] = dict(measure(scene, found, twin, one.role))
            except (ProgramError, UmisFusionError, ValueError) as error:
                row.failures[one.name] = str(error)
    return row


def measure(
    scene: MovingScene, found: Fused, twin: Fused, role: str
) -> Iterator[tuple[str, float]]:
    """Yield the scores of an image, beside the image of the aligned twin.

    ``loss`` is of images found on the truth by registration, whoever made them; ``strict`` is
    of ours where they say that they are.
    """
    shape, true = scene.made.stack.shape[1:3], scene.made.transforms
    window = covered(true, shape, INSET_PX)
    best = psnr_at(scene, twin.image, _found_in(scene, twin), window)
    level = psnr_at(scene, found.image, register_on_truth(scene, found), window)
    yield "twin", best
    yield "psnr", level
    yield "loss", best - level
    yield "share", found.image.shape[0] * found.image.shape[1] / (shape[0] * shape[1])
    if role != "ours":
        return
    estimated = np.tile(np.eye(2, 3), (len(true), 1, 1))
    place = np.eye(2, 3)
    if found.transforms is not None:
        estimated = found.transforms
        place = compose(inverse(estimated[found.reference]), true[found.reference])
        place = compose(moved_by(found.start), place)
    reference = len(true) // 2 if found.transforms is None else found.reference
    yield "error_px", worst_error_px(estimated, true, reference, shape)
    yield "strict", best - psnr_at(scene, found.image, place, window)


def register_on_truth(scene: MovingScene, found: Fused) -> Transform:
    """Return where an image has the points of the reference frame, by what it shows."""
    return register(grey(found.image), grey(scene.made.twin.all_in_focus))


def psnr_at(
    scene: MovingScene, image: NDArray[np.uint8], place: Transform, window: NDArray[np.bool_]
) -> float:
    """Return the PSNR of an image that has points of the reference frame at `place`, in dB.

    Only what lies in the window of the reference frame counts, up to `PSNR_CAP_DB`. What a
    polynomial of second degree explains of brightness is taken out first: no stack tells its
    lamp and its vignetting.
    """
    shape = image.shape[:2]
    judged = pulled(window.astype(np.float32), inverse(place), shape) > 0.99
    if not judged.any():
        raise ValueError("the image shows nothing of the window")
    values, truth = image[judged].astype(np.float64), scene.truth(place, shape)[judged]
    off = values / _light(values, truth, judged) - truth
    return min(float(-10 * np.log10(np.mean((off / 255) ** 2))), PSNR_CAP_DB)


def _light(
    values: NDArray[np.float64], truth: NDArray[np.float32], judged: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return by how much an image is brighter than the truth: of second degree in the place."""
    rows, columns = (
        2 * places / n - 1 for places, n in zip(np.nonzero(judged), judged.shape, strict=True)
    )
    terms = second_degree(rows, columns)
    colours = values.reshape(len(terms), -1)
    weighted = truth.reshape(colours.shape).mean(axis=1, keepdims=True) * terms
    fitted, *_ = np.linalg.lstsq(weighted, colours.mean(axis=1), rcond=None)
    light = terms @ fitted
    return light if values.ndim == 1 else light[:, None]


def _found_in(scene: MovingScene, twin: Fused) -> Transform:
    """Return where the twin's image lies: where nothing was cut off, in the reference frame."""
    same = twin.image.shape[:2] == scene.made.stack.shape[1:3]
    return np.eye(2, 3) if same else register_on_truth(scene, twin)
