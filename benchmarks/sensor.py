"""How many decisions change when the camera adds something to all planes.

Patterns that stand still on the sensor, lines that are new in each plane, and mosaics of colours
are put into rendered stacks, and the decisions compared with those on the same stacks without. See
``README.md`` for what the table means. Everything printed is Markdown.
"""

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from harness.tables import heading, table
from napari_umis_fusion import FusionResult, fuse
from napari_umis_fusion.synthetic import SCENES, make_stack

Stack = NDArray[Any]
Pattern = Callable[[tuple[int, int, int]], Stack]
"""Returns what is added to planes of a shape (Z, Y, X), or what is the same along its sides."""

SHAPE, PLANES = (192, 240), 9
DETAIL_SHARE = 0.2
"""Share of the pixels with least detail, where each plane is as good as the others."""


def _noise(*sides: int) -> Pattern:
    """Return noise that is the same along the sides of 0."""

    def make(shape: tuple[int, int, int]) -> Stack:
        drawn = [whole if varies else 1 for whole, varies in zip(shape, sides, strict=True)]
        return np.random.default_rng(0).normal(0, 1, drawn)

    return make


def _lines(shape: tuple[int, int, int]) -> Stack:
    lines = np.zeros((1, *shape[1:]))
    lines[:, 5::16] = lines[:, :, 9::16] = -6
    return lines


def _scratches(shape: tuple[int, int, int]) -> Stack:
    rows, columns = np.indices(shape[1:])
    rng, marks = np.random.default_rng(1), np.zeros(shape[1:])
    for angle in rng.uniform(0, np.pi, 6):
        away = rows - rng.uniform(0, shape[1]), columns - rng.uniform(0, shape[2])
        marks -= 6 * np.exp(-((away[0] * np.sin(angle) + away[1] * np.cos(angle)) ** 2))
    return marks[None]


def _fibres(shape: tuple[int, int, int]) -> Stack:
    """Return the bright cores of a bundle of fibres, 7 px apart."""
    rows, columns = np.indices(shape[1:])
    turns = 0.1 + np.pi / 3 * np.arange(3)
    waves = [np.cos(2 * np.pi / 6 * (columns * np.cos(t) + rows * np.sin(t))) for t in turns]
    cores = np.sum(waves, axis=0)[None]
    return cores / cores.std()


def _speckle(shape: tuple[int, int, int]) -> Stack:
    soft = gaussian_filter(np.random.default_rng(4).normal(0, 1, shape[1:]), 1.2)[None]
    return soft / soft.std()


def _hot_columns(shape: tuple[int, int, int]) -> Stack:
    hot = np.random.default_rng(7).random((1, *shape[1:])) < 0.003
    return np.where(hot, 15, _noise(0, 0, 1)(shape))


def _flicker(shape: tuple[int, int, int]) -> Stack:
    """Return bands of a rolling shutter, 18 rows high, elsewhere in each plane."""
    phases = np.random.default_rng(2).uniform(0, 2 * np.pi, (shape[0], 1, 1))
    return 1.4 * np.sin(2 * np.pi * np.arange(shape[1])[:, None] / 18 + phases)


X_TRANS = [
    [1, 2, 1, 1, 0, 1],
    [0, 1, 0, 2, 1, 2],
    [1, 2, 1, 1, 0, 1],
    [1, 0, 1, 1, 2, 1],
    [2, 1, 2, 0, 1, 0],
    [1, 0, 1, 1, 2, 1],
]

PATTERNS: dict[str, Pattern] = {
    "columns": _noise(0, 0, 1),
    "rows": _noise(0, 1, 0),
    "pixels": _noise(0, 1, 1),
    "grid": _lines,
    "scratches": _scratches,
    "columns, hot pixels": _hot_columns,
    "fibre bundle": _fibres,
    "speckle": _speckle,
    "rows, new in each plane": _noise(1, 1, 0),
    "flicker, rolling shutter": _flicker,
}

MOSAICS = {
    "Bayer mosaic": [[0, 1], [1, 2]],
    "quad-Bayer mosaic": np.kron([[0, 1], [1, 2]], np.ones((2, 2), int)),
    "X-Trans mosaic": X_TRANS,
}


def with_pattern(stack: Stack, pattern: Pattern, strength: float) -> Stack:
    """Add a pattern to all planes, as a share of what the stack spans."""
    shown = pattern(stack.shape[:3])
    if stack.ndim == 4:
        shown = shown[..., None]
    values = stack + strength * np.ptp(stack.astype(np.float64)) * shown
    return np.clip(np.rint(values), 0, np.iinfo(stack.dtype).max).astype(stack.dtype)


def changed(got: FusionResult, right: FusionResult) -> float:
    """Return the share of pixels with detail that come from another plane, not next to it."""
    has_detail = right.focus_map > np.quantile(right.focus_map, DETAIL_SHARE)
    apart = np.abs(got.index_map.astype(int) - right.index_map) > 1
    return float(apart[has_detail].mean())


def with_mosaic(stack: Stack, layout: Any) -> Stack:
    """Keep one of three colours at each pixel, in warm light."""
    tinted, layout = stack * np.array((1, 0.55, 0.75)), np.asarray(layout)
    repeats = [-(-side // len(layout)) for side in stack.shape[1:3]]
    colours = np.tile(layout, repeats)[: stack.shape[1], : stack.shape[2]]
    mosaic = np.take_along_axis(tinted, colours[None, ..., None], axis=3)[..., 0]
    return mosaic.astype(stack.dtype)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measures", nargs="+", default=["learned", "laplacian"])
    parser.add_argument("--patterns", nargs="+", choices=list(PATTERNS), default=list(PATTERNS))
    parser.add_argument("--strengths", nargs="+", type=float, default=[0.006, 0.016, 0.03])
    parser.add_argument("--scenes", nargs="+", choices=list(SCENES), default=list(SCENES))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    kinds = [(name, noisy) for name in arguments.scenes for noisy in (False, True)]
    stacks = [
        make_stack(name, SHAPE, planes=PLANES, noisy=noisy, seed=3).stack for name, noisy in kinds
    ]
    print(heading("Decisions that change with what the camera adds"))
    print(f"{len(stacks)} stacks: {', '.join(arguments.scenes)}, each without and with noise.\n")
    rows = []
    for measure in arguments.measures:
        rights = [fuse(stack, focus_measure=measure) for stack in stacks]
        for (name, pattern), strength in (
            ((kind, PATTERNS[kind]), strength)
            for kind in arguments.patterns
            for strength in arguments.strengths
        ):
            shares = [
                changed(fuse(with_pattern(stack, pattern, strength), focus_measure=measure), right)
                for stack, right in zip(stacks, rights, strict=True)
            ]
            rows.append([name, f"{100 * strength:g} %", measure, *_percents(shares)])
        colours = [(s, r) for s, r in zip(stacks, rights, strict=True) if s.ndim == 4]
        for name, layout in MOSAICS.items():
            shares = [
                changed(fuse(with_mosaic(stack, layout), focus_measure=measure), right)
                for stack, right in colours
            ]
            if shares:
                rows.append([name, "", measure, *_percents(shares)])
    print(table(["what is added", "strength", "measure", "worst", "median"], rows))


def _percents(shares: list[float]) -> list[str]:
    return [f"{100 * max(shares):.1f} %", f"{100 * float(np.median(shares)):.1f} %"]


if __name__ == "__main__":
    main()
