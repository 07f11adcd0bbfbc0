"""The stacks that methods are compared on: rendered once and kept, or real ones and cut."""

from functools import partial
from pathlib import Path

import numpy as np

import napari_umis_fusion.synthetic
from harness import truths
from harness.methods import folder_digest
from harness.truths import Example, Source
from quality_suite import SUITES, Row, TracedRow

CROP_PX = (640, 800)


def suite(name: str, side_px: int, cache: Path) -> list[Source]:
    """List the stacks of a suite; each is rendered when its turn comes, and kept."""
    return [Source(row.name, row.kind, partial(_load, row, side_px, cache)) for row in SUITES[name]]


def real(folder: Path, native: bool) -> list[Source]:
    """List the real stacks that are there, their middle of 640 x 800 px unless `native`."""
    found = truths.real(folder)
    return found if native else [Source(s.name, s.kind, partial(_middle, s)) for s in found]


def _load(row: Row | TracedRow, side_px: int, cache: Path) -> Example:
    file = cache / "renders" / f"{row.name.replace(' ', '_')}-{row.seed}-{side_px}-{_code()}.npz"
    if not file.exists():
        made = row.render(side_px)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            file,
            stack=made.stack,
            grey_range=made.grey_range,
            truth=made.truth,
            sub_plane_map=made.sub_plane_map,
        )
    with np.load(file) as kept:
        low, high = map(float, kept["grey_range"])
        return Example(kept["stack"], (low, high), kept["truth"], kept["sub_plane_map"])


def _code() -> str:
    """Return what changes with the code that renders."""
    ours = folder_digest(Path(napari_umis_fusion.synthetic.__file__).parent, "*.py")
    return ours[:8] + folder_digest(Path(__file__).parents[1] / "quality_suite", "*.py")[:8]


def _middle(source: Source) -> Example:
    whole = source.load()
    cuts = []
    for size, most in zip(whole.stack.shape[1:3], CROP_PX, strict=True):
        start = max(0, (size - most) // 2)
        cuts.append(slice(start, start + most))
    return Example(whole.stack[:, *cuts], whole.grey_range)
