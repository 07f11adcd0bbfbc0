"""How many decisions change when the camera adds something to all planes.

Patterns that stand still on the sensor, a Bayer filter and padded borders are put into rendered
stacks, and the decisions compared with those on the same stacks without. See ``README.md`` for what
the table means. Everything printed is Markdown.
"""

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.tables import heading, table
from napari_umis_fusion import FusionResult, fuse
from napari_umis_fusion.synthetic import SCENES, make_stack

Stack = NDArray[Any]
Pattern = Callable[[tuple[int, int]], Stack]

SHAPE, PLANES = (192, 240), 9
DETAIL_SHARE = 0.2
"""Share of the pixels with least detail, where each plane is as good as the others."""


def _noise(rows: int, columns: int) -> Pattern:
    """Return noise that is the same along the sides of 1 px."""

    def make(shape: tuple[int, int]) -> Stack:
        sides = [
            whole if whole_side else 1
            for whole, whole_side in zip(shape, (rows, columns), strict=True)
        ]
        return np.broadcast_to(np.random.default_rng(0).normal(0, 1, sides), shape)

    return make


def _lines(shape: tuple[int, int]) -> Stack:
    lines = np.zeros(shape)
    lines[5::16] = lines[:, 9::16] = -6
    return lines


def _scratches(shape: tuple[int, int]) -> Stack:
    rows, columns = np.indices(shape)
    rng, marks = np.random.default_rng(1), np.zeros(shape)
    for angle in rng.uniform(0, np.pi, 6):
        away = rows - rng.uniform(0, shape[0]), columns - rng.uniform(0, shape[1])
        marks -= 6 * np.exp(-((away[0] * np.sin(angle) + away[1] * np.cos(angle)) ** 2))
    return marks


PATTERNS: dict[str, Pattern] = {
    "columns": _noise(0, 1),
    "rows": _noise(1, 0),
    "pixels": _noise(1, 1),
    "grid": _lines,
    "scratches": _scratches,
}


def with_pattern(stack: Stack, pattern: Pattern, strength: float) -> Stack:
    """Add a pattern to all planes, as a share of what the stack spans."""
    shown = pattern(stack.shape[1:3])
    if stack.ndim == 4:
        shown = shown[..., None]
    values = stack + strength * np.ptp(stack.astype(np.float64)) * shown
    return np.clip(np.rint(values), 0, np.iinfo(stack.dtype).max).astype(stack.dtype)


def changed(got: FusionResult, right: FusionResult) -> float:
    """Return the share of pixels with detail that come from another plane, not next to it."""
    has_detail = right.focus_map > np.quantile(right.focus_map, DETAIL_SHARE)
    apart = np.abs(got.index_map.astype(int) - right.index_map) > 1
    return float(apart[has_detail].mean())


def _mosaic(stack: Stack) -> Stack:
    tinted = stack * np.array((1, 0.55, 0.75))
    mosaic = tinted[..., 1].copy()
    mosaic[:, ::2, ::2], mosaic[:, 1::2, 1::2] = tinted[:, ::2, ::2, 0], tinted[:, 1::2, 1::2, 2]
    return mosaic.astype(stack.dtype)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measures", nargs="+", default=["learned", "laplacian"])
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
            (pair, strength) for pair in PATTERNS.items() for strength in arguments.strengths
        ):
            shares = [
                changed(fuse(with_pattern(stack, pattern, strength), focus_measure=measure), right)
                for stack, right in zip(stacks, rights, strict=True)
            ]
            rows.append([name, f"{100 * strength:g} %", measure, *_percents(shares)])
        colours = [(s, r) for s, r in zip(stacks, rights, strict=True) if s.ndim == 4]
        shares = [changed(fuse(_mosaic(s), focus_measure=measure), r) for s, r in colours]
        if shares:
            rows.append(["Bayer mosaic", "", measure, *_percents(shares)])
    print(table(["what is added", "strength", "measure", "worst", "median"], rows))


def _percents(shares: list[float]) -> list[str]:
    return [f"{100 * max(shares):.1f} %", f"{100 * float(np.median(shares)):.1f} %"]


if __name__ == "__main__":
    main()
