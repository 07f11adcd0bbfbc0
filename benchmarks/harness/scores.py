"""Scores of fused images, kept in a folder so that each method runs once per stack."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from harness.methods import Made, Method, folder_digest
from harness.processes import ProgramError
from harness.sharpness import shown_focus
from harness.subject import Subject
from harness.truths import Source
from napari_umis_fusion import metrics

PSNR_CAP_DB = 50.0
"""Nobody sees what lies beyond, and smooth clean stacks would decide every mean."""

LEAST_TEXTURE = 3.0
"""Standard deviation of grey levels, of 255, within a window of sigma 3 px."""

Scores = dict[str, float]


@dataclass(frozen=True, slots=True)
class RowScores:
    """Scores of one stack: per method, per metric; `bits` are those of its dtype."""

    name: str
    kind: str
    bits: int = 8
    methods: dict[str, Scores] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def score(source: Source, methods: Sequence[Method], cache: Path) -> RowScores:
    """Fuse one stack by each method and score it, or look up what was found before."""
    example = source.load()
    row = RowScores(source.name, source.kind, 8 * example.stack.dtype.itemsize)
    with Subject(example) as subject:
        for method in methods:
            try:
                row.methods[method.name] = _kept(subject, method, cache)
            except (ProgramError, ValueError) as error:
                row.failures[method.name] = str(error)
    return row


def _kept(subject: Subject, method: Method, cache: Path) -> Scores:
    """Return scores from the cache; the image is kept too, for when scoring changes."""
    folder = cache / "results" / subject.digest
    stem = hashlib.sha256(method.key.encode()).hexdigest()[:16]
    scores_file, image_file = folder / f"{stem}-{_scoring()}.json", folder / f"{stem}.npz"
    if scores_file.exists():
        return dict(json.loads(scores_file.read_text()))
    if image_file.exists():
        made = _read(image_file)
    else:
        made = method.make(subject)
        folder.mkdir(parents=True, exist_ok=True)
        _write(image_file, made)
    scores = dict(measure(subject, made))
    scores_file.write_text(json.dumps(scores))
    return scores


def measure(subject: Subject, made: Made) -> Iterator[tuple[str, float]]:
    """Yield the scores of a fused image; all are rounded to 8 bits alike."""
    image, known = subject.eight_bits(made.all_in_focus), subject.example
    yield "copied", copied_share(image, subject.eight_bit_stack)
    yield "eight_bit", float(made.eight_bit)
    yield from (made.usage or {}).items()
    if known.truth is None:
        yield "false_edges", metrics.false_edge_rate(image, subject.eight_bit_stack)
        yield "shown", shown(subject, made)
        return
    low, high = known.grey_range
    truth = (known.truth - low) * (255 / (high - low))
    yield "psnr", min(metrics.psnr(image, truth, data_range=255), PSNR_CAP_DB)
    yield "ssim", metrics.ssim(image, truth, data_range=255)
    if made.index_map is not None and known.sub_plane_map is not None:
        yield "index", metrics.index_error(made.index_map, known.sub_plane_map).mean_planes
        found = made.index_map if made.sub_plane_map is None else made.sub_plane_map
        yield from _depth_scores(found, known.sub_plane_map, textured(truth))


def textured(truth: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a truth (Y, X[, C]) of 255 levels has texture, without which no depth shows."""
    grey = truth if truth.ndim == 2 else truth.mean(axis=2)
    mean, square = (scipy.ndimage.gaussian_filter(part, 3.0) for part in (grey, grey * grey))
    found: NDArray[np.bool_] = square - mean * mean > LEAST_TEXTURE**2
    return found


def _depth_scores(
    depth: NDArray[Any], truth: NDArray[np.float32], where: NDArray[np.bool_]
) -> Iterator[tuple[str, float]]:
    if not where.any():
        return
    deviation = metrics.depth_error(depth, truth, where=where)
    yield "depth", deviation.mean_planes
    yield "depth_rms", deviation.rms_planes
    yield "depth_within", deviation.share_within
    for name in ("border", "staircase"):
        value = getattr(deviation, "border_planes" if name == "border" else name)
        if np.isfinite(value):
            yield f"depth_{name}", value


def shown(subject: Subject, made: Made) -> float:
    """Return how much of the sharpest planes' focus an image shows."""
    return shown_focus(made.all_in_focus, subject.best_focus, subject.example.grey_range)


def copied_share(image: NDArray[np.uint8], stack: NDArray[np.uint8]) -> float:
    """Return the share of pixels that equal those of a plane, in all channels at once."""
    found = np.zeros(image.shape[:2], bool)
    for plane in stack:
        equal = plane == image
        found |= equal if equal.ndim == 2 else equal.all(axis=2)
    return float(found.mean())


def _write(file: Path, made: Made) -> None:
    arrays = {"all_in_focus": made.all_in_focus}
    if made.index_map is not None:
        arrays["index_map"] = made.index_map.astype(np.uint16)
    if made.sub_plane_map is not None:
        arrays["sub_plane_map"] = made.sub_plane_map.astype(np.float32)
    about = json.dumps({"usage": made.usage, "eight_bit": bool(made.eight_bit)})
    np.savez_compressed(file, about=np.array(about), **arrays)


def _read(file: Path) -> Made:
    with np.load(file) as kept:
        about = json.loads(str(kept["about"]))
        index = kept.get("index_map")
        depth = kept.get("sub_plane_map")
        return Made(kept["all_in_focus"], index, about["usage"], about["eight_bit"], depth)


def _scoring() -> str:
    return folder_digest(Path(__file__).parent, Path(__file__).name)[:8]
