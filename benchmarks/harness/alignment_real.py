"""Real stacks, aligned and fused by everybody: numbers, pictures, and where to look."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.alignment_fusing import Aligner, Fused, grey, kept
from harness.alignment_geometry import pulled, register
from harness.alignment_sheet import Column, draw
from harness.processes import ProgramError
from harness.subject import Subject
from harness.truths import Example
from napari_umis_fusion import open_stack
from napari_umis_fusion.alignment import Transform, compose, inverse
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.metrics import false_edge_rate

STACKS = (
    "pcb_petteri",
    "pcb_depthmap_petteri",
    "leaves_josephlewis42",
    "ring_cmcguinness",
    "scorpion_la3lma",
)

CROPS, CROP_PX = 3, 240

_FINEST_PX = 800  # images are registered on one another shrunk to about so much
_INSET_PX = 16


@dataclass(slots=True)
class RealScores:
    """Scores of one stack: per aligner, per metric."""

    name: str
    shape: tuple[int, ...]
    methods: dict[str, dict[str, float]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def read(folder: Path, longest_px: int | None) -> Example:
    """Read a stack, shrunk until its longer side is no more than `longest_px`."""
    planes = [_shrunk(np.asarray(plane), longest_px) for plane in open_stack(folder)]
    return Example(np.stack(planes), (0, 255))


def score(name: str, example: Example, aligners: Sequence[Aligner], cache: Path) -> RealScores:
    """Align and fuse one stack by everybody; write images and the contact sheet."""
    row = RealScores(name, example.stack.shape)
    images: dict[str, Fused] = {}
    with Subject(example) as subject:
        for one in aligners:
            try:
                images[one.name] = kept(subject, one.keys[0], one.moving, cache)
            except (ProgramError, UmisFusionError, ValueError) as error:
                row.failures[one.name] = str(error)
    if not images:
        return row
    ours = [one.name for one in aligners if one.role == "ours"]
    columns = _columns(images)
    shared = _shared(columns)
    folder = cache / "pictures" / name
    folder.mkdir(parents=True, exist_ok=True)
    for column, (label, found) in zip(columns, images.items(), strict=True):
        Image.fromarray(found.image).save(folder / f"{_stem(label)}.png")
        row.sizes[label] = found.image.shape[:2]
        row.methods[label] = {"gradient": _gradient_within(column, shared)}
        if label in ours:
            planes = aligned_planes(example.stack, found)
            row.methods[label]["false_edges"] = false_edge_rate(found.image, planes)
    places = _disagreements(columns, shared)
    draw(columns, places, CROP_PX, folder.parent / f"{name}.png")
    return row


def aligned_planes(stack: NDArray[np.uint8], found: Fused) -> NDArray[np.uint8]:
    """Return the planes as they lie under an image of ours."""
    if found.transforms is None:
        return stack
    shape, planes = found.image.shape[:2], []
    cut = np.column_stack([np.eye(2), found.start])
    for plane, transform in zip(stack, found.transforms, strict=True):
        place = compose(transform, cut)
        channels = np.moveaxis(plane[..., None] if plane.ndim == 2 else plane, -1, 0)
        moved = [pulled(c.astype(np.float32), place, shape, order=3) for c in channels]
        levels = np.clip(np.rint(np.nan_to_num(np.stack(moved, -1))), 0, 255).astype(np.uint8)
        planes.append(levels.reshape(found.image.shape))
    return np.stack(planes)


def _columns(images: dict[str, Fused]) -> list[Column]:
    """Find all images on the first one."""
    (_, first), *_ = images.items()
    frame = grey(first.image)
    finest = 1
    while max(frame.shape) / finest > _FINEST_PX:
        finest *= 2
    return [
        Column(
            label,
            found.image,
            np.eye(2, 3) if found is first else register(grey(found.image), frame, finest),
        )
        for label, found in images.items()
    ]


def _shared(columns: Sequence[Column]) -> NDArray[np.bool_]:
    """Return what all show, in the frame of the first."""
    shape = columns[0].image.shape[:2]
    shared = np.ones(shape, bool)
    for column in columns:
        inner = np.zeros(column.image.shape[:2], np.float32)
        inner[_INSET_PX:-_INSET_PX, _INSET_PX:-_INSET_PX] = 1
        shared &= pulled(inner, column.place, shape) > 0.99
    return shared


def _gradient(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.hypot(*np.gradient(grey(image)))


def _gradient_within(column: Column, shared: NDArray[np.bool_]) -> float:
    """Return the mean gradient where all show the same, in the image's own pixels."""
    own = pulled(shared.astype(np.float32), inverse(column.place), column.image.shape[:2]) > 0.99
    return float(_gradient(column.image)[own].mean()) if own.any() else float("nan")


def _disagreements(columns: Sequence[Column], shared: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the middles of crops in whose gradients the images differ most, none upon another."""
    from scipy.ndimage import uniform_filter

    step = max(1, CROP_PX // 8)
    size = (-(-shared.shape[0] // step), -(-shared.shape[1] // step))
    thin: Transform = np.column_stack([step * np.eye(2), np.zeros(2)])
    means = []
    for column in columns:
        smooth = uniform_filter(_gradient(column.image), CROP_PX // 2)
        means.append(np.nan_to_num(pulled(smooth, compose(column.place, thin), size)))
    spread = np.std(means, axis=0)
    inside = uniform_filter(shared.astype(np.float32), CROP_PX, mode="constant")
    spread[inside[::step, ::step] < 0.999] = 0
    places = []
    for _ in range(CROPS):
        row, column_ = np.unravel_index(int(spread.argmax()), spread.shape)
        if spread[row, column_] == 0:
            break
        places.append((int(row) * step, int(column_) * step))
        reach = CROP_PX // step
        spread[max(0, row - reach) : row + reach, max(0, column_ - reach) : column_ + reach] = 0
    return places or [(shared.shape[0] // 2, shared.shape[1] // 2)]


def _shrunk(plane: NDArray[np.uint8], longest_px: int | None) -> NDArray[np.uint8]:
    image = Image.fromarray(plane)
    if longest_px is not None:
        image.thumbnail((longest_px, longest_px), Image.Resampling.BOX)
    return np.asarray(image)


def _stem(label: str) -> str:
    return label.replace(", ", "-").replace(" ", "_")
