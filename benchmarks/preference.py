"""Which planes a preference chooses, and what it costs where there is nothing to choose.

Transparent pairs, backgrounds that shine through, and opaque scenes are rendered and fused with
several preferences. In all of them the front is in focus near the last plane. Everything printed is
Markdown.
"""

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harness.tables import heading, table
from napari_umis_fusion import FusionResult, fuse
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.synthetic import (
    RenderConfig,
    RenderedStack,
    Scene,
    make_stack,
    render_stack,
    shining_through,
    transparent_pair,
)

SHAPE, PLANES, FRONT, BACK = (128, 128), 14, 11, 2
PREFERENCES = (-1.0, -0.3, 0.0, 0.3, 1.0)
NOISE = {"photon_electrons": 2000.0, "read_electrons": 4.0}
OPAQUE = ("bumps", "weak_texture", "discs", "bars")

Marks = Callable[[FusionResult], list[float]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measures", nargs="+", default=["learned", "laplacian"])
    parser.add_argument("--seeds", type=int, default=8)
    arguments = parser.parse_args()
    print(heading(f"Preference, mean of {arguments.seeds} stacks of each kind"))
    rows = [
        (kind, f"`{measure}`", *_cells(kind, measure, arguments.seeds))
        for kind in ("transparent pair", "shining through", *OPAQUE)
        for measure in arguments.measures
    ]
    print(table(("scene", "measure", *(f"{one:g}" for one in PREFERENCES)), rows))


def _cells(kind: str, measure: str, seeds: int) -> list[str]:
    cells = []
    for prefer in PREFERENCES:
        found = []
        for seed in range(seeds):
            rendered, marks = _stack(kind, seed)
            found.append(marks(fuse(rendered.stack, focus_measure=measure, prefer=prefer)))
        share, other = np.mean(found, axis=0)
        is_opaque = kind in OPAQUE
        cells.append(f"{share:.1%}, {other:.2f} dB" if is_opaque else f"{share:.1%} / {other:.1%}")
    return cells


def _stack(kind: str, seed: int) -> tuple[RenderedStack, Marks]:
    """Return a stack, and what tells how well it was fused."""
    if kind in OPAQUE:
        rendered = make_stack(kind, SHAPE, planes=PLANES, seed=seed, channels=None, **NOISE)
        return rendered, partial(_against_truth, rendered)
    make = transparent_pair if kind == "transparent pair" else shining_through
    scene: Scene = make(SHAPE, FRONT, BACK, seed=seed)
    config = RenderConfig(planes=PLANES, seed=seed, base_blur_px=0.8, **NOISE)
    cover = scene.layers[1].alpha
    assert cover is not None
    both = np.ones(SHAPE, bool)
    where = (both, both) if make is transparent_pair else (cover > 0.5, cover <= 0.5)
    return render_stack(scene, config), partial(_of_layers, where)


def _against_truth(rendered: RenderedStack, result: FusionResult) -> list[float]:
    near = _near(result, rendered.index_map).mean()
    value = psnr(result.all_in_focus, rendered.all_in_focus, data_range=rendered.data_range)
    return [float(near), value]


def _of_layers(where: tuple[NDArray[np.bool_], ...], result: FusionResult) -> list[float]:
    pairs = zip(where, (FRONT, BACK), strict=True)
    return [float(_near(result, np.uint16(plane))[part].mean()) for part, plane in pairs]


def _near(result: FusionResult, plane: NDArray[np.uint16] | np.uint16) -> NDArray[np.bool_]:
    return np.abs(result.index_map.astype(int) - np.asarray(plane).astype(int)) <= 1


if __name__ == "__main__":
    main()
